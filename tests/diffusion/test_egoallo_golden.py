"""EgoAllo's network exactly: golden values of the default configuration in float64.

Weights and inputs come from seeded NumPy generators, so neither its code nor its weights are needed.
"""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import fourier_features, invariant_features
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import MotionState, feature_sizes, project_as_egoallo
from motiongrpo.geometry.se3 import Transform
from tests.denoisers import EGOALLO


def golden_weight(name: str, shape: torch.Size, index: int) -> torch.Tensor:
    r = torch.from_numpy(np.random.RandomState(1000 + index).standard_normal(shape))
    if name == "noise_emb.weight":
        return r
    if len(shape) == 2:
        return r / shape[1] ** 0.5
    is_norm = "layernorm" in name or (name.split(".")[0] == "decoders" and name.split(".")[2] == "1")
    return 1 + 0.1 * r if is_norm and name.endswith("weight") else 0.1 * r


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    with torch.device("meta"):
        model = Denoiser(EGOALLO)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    drawn = sorted(name for name in shapes if not name.endswith("rotary_emb.freqs"))
    weights = {name: golden_weight(name, shapes[name], i) for i, name in enumerate(drawn)}
    freqs = (1.0 / 10000.0 ** (torch.arange(0, 128, 2).float() / 128)).double()
    weights |= {name: freqs for name in shapes if name.endswith("rotary_emb.freqs")}
    model.load_state_dict(weights, assign=True)
    return model


@pytest.fixture(scope="module")
def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.RandomState(7)
    x = torch.from_numpy(random.standard_normal((2, 5, 496)))

    def pose() -> Transform:
        q = torch.from_numpy(random.standard_normal((2, 5, 4)))
        p = torch.from_numpy(random.standard_normal((2, 5, 3)))
        return Transform.from_wxyz_xyz(torch.cat([q / q.norm(dim=-1, keepdim=True), p], dim=-1))

    return x, fourier_features(invariant_features(pose(), pose()))


def close(actual: torch.Tensor, expected: float | list) -> None:
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)


def test_the_default_network_has_egoallos_parameters(denoiser):
    state = denoiser.state_dict()
    assert len(state) == 222
    assert sum(p.numel() for p in state.values()) == 50_447_088
    close(state["decoder_layers.0.layernorm1.bias"].sum(), -0.6245306903219081)
    close(state["noise_emb.weight"].sum(), 774.9854060629057)
    close(state["latent_from_cond.weight"].sum(), 21.725230443005653)


def test_the_condition_is_egoallos(inputs):
    x, condition = inputs
    close(x[0, 0, :3], [1.690525704, -0.465937371, 0.032820164])
    close(condition.sum(), 314.1165132901905)
    relative = [
        [-0.866676846, -0.497124193, 0.041698684, -1.832298197],
        [-0.148556416, 0.177386752, -0.972864292, -0.837487957],
        [0.476237583, -0.849353564, -0.227587979, -0.633689528],
    ]
    level = [
        [-0.274511485, 0.25245287, 0.927852894],
        [0.676914643, 0.736061523, 0.0],
        [-0.682956814, 0.628077211, -0.372946386],
    ]
    close(condition[0, 0, :12].view(3, 4), relative)
    close(condition[0, 0, 12], 0.52122983)
    close(condition[0, 0, 13:22].view(3, 3), level)
    close(condition[0, 0, 22:25], [-0.762181863, -0.986816621, 0.31941751])
    close(condition[0, 0, 88:91], [0.647362965, -0.161842384, -0.947614085])


def test_the_forward_pass_is_egoallos(denoiser, inputs):
    x, condition = inputs
    with torch.no_grad():
        out = denoiser(x[:, None], torch.tensor([1, 1000]), condition, None)[:, 0]
    close(out.sum(), -115.77867927674242)
    close(out.abs().sum(), 1647.0205676920866)
    sums = [part.sum() for part in out.split(list(feature_sizes(hands=True).values()), dim=-1)]
    close(torch.stack(sums), [24.46486051354708, -61.76908937290344, -19.612782495165103, -58.86166792222096])
    close(out[0, 0, :4], [0.280288043, 0.097153521, 0.004486801, -0.002638852])
    close(out[0, 0, 16:20], [0.345816809, 0.374537256, 0.125657593, -0.165328892])
    close(out[0, 0, 205:209], [-0.211039465, 0.203383822, 0.011843575, -0.504766232])
    close(out[0, 0, 226:230], [-0.557443645, 0.120373239, 0.463025549, -0.166564301])
    close(out[1, 4, -3:], [-0.377517501, 0.115764606, -0.517602795])


def test_egoallos_unmasked_self_attention_can_be_repeated(denoiser, inputs):
    x, condition = inputs
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    with torch.no_grad():
        out = denoiser(x[:, None], torch.tensor([1, 1000]), condition, mask)[:, 0]
    close(out.sum(), -114.20322175268518)
    close(out[1, 2, :3], [0.441622038, 0.293653844, 0.206648456])


def test_egoallos_projection_can_be_repeated_and_leaves_reflections_and_hands(denoiser, inputs):
    x, condition = inputs
    with torch.no_grad():
        out = denoiser(x[:, None], torch.tensor([1, 1000]), condition, None)[:, 0]
    projected = project_as_egoallo(out)
    expected = [
        [0.935042487, 0.353451354, -0.027707195],
        [0.280507139, -0.785333088, -0.551876513],
        [-0.216820878, 0.508255921, -0.833465432],
    ]
    close(projected[0, 0, 16:25].view(3, 3), expected)
    assert torch.equal(projected[..., 205:], out[..., 205:])
    det = torch.linalg.det(MotionState.unpack(projected).body_rotmats)
    assert 0.3 < float((det < 0).double().mean()) < 0.7


def test_our_projection_gives_rotations_hands_too(denoiser, inputs):
    x, condition = inputs
    with torch.no_grad():
        out = denoiser(x[:, None], torch.tensor([1, 1000]), condition, None)[:, 0]
    state = MotionState.unpack(out).projected()
    matrices = torch.cat([state.body_rotmats, state.hand_rotmats], dim=-3)
    assert_close(torch.linalg.det(matrices), torch.ones(2, 5, 51, dtype=torch.float64), rtol=0, atol=1e-12)
    eye = torch.eye(3, dtype=torch.float64).expand_as(matrices)
    assert_close(matrices @ matrices.mT, eye, rtol=0, atol=1e-12)
    assert torch.equal(state.pack()[..., :16], out[..., :16])
    assert torch.equal(state.contacts, MotionState.unpack(out).contacts)
