import pytest
import torch
from torch.testing import assert_close

from motiongrpo.geometry.se3 import Transform
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel, joint_features
from tests.bodies import FPS, open_body, window_batch

ARCHITECTURE = PerceptualConfig(width=16, heads=2, blocks=1, frames_per_token=4, contacts=True)


def test_the_same_frames_at_twice_the_rate_have_twice_the_velocity_and_else_the_same_features():
    batch = window_batch(6)
    head = Transform.from_wxyz_xyz(batch.T_world_cpf[:, 1:])
    posed, contacts = batch.posed(open_body())[1], batch.contacts.double()
    slow, fast = (joint_features(posed, contacts, head, fps) for fps in (FPS, 2 * FPS))
    velocity = slow[:, 1:, :, 3:6]
    assert float(velocity.norm(dim=-1).mean()) > 1e-3
    assert_close(fast[:, 1:, :, 3:6], 2 * velocity, rtol=1e-12, atol=0)
    others = [0, 1, 2, *range(6, 13)]
    assert_close(fast[..., others], slow[..., others], rtol=0, atol=0)


def test_padded_frames_change_no_logit():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features = torch.randn(2, 24, 22, 13).double()
    condition = torch.randn(2, 24, 154).double()
    mask = torch.arange(24) < torch.tensor([[9], [24]])
    before = model(features, condition, mask)
    features[0, 9:] += 100
    condition[0, 9:] -= 100
    assert_close(model(features, condition, mask), before, rtol=0, atol=0)


@pytest.mark.parametrize("frames", [8, 9])
def test_how_much_padding_there_is_changes_no_logit(frames):
    """It holds whether or not the real frames fill their last token."""
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features, condition = torch.randn(2, 24, 22, 13).double(), torch.randn(2, 24, 154).double()
    mask = (torch.arange(24) < frames).expand(2, -1)
    alone = model(features[:, :frames], condition[:, :frames], mask[:, :frames])
    assert_close(model(features, condition, mask), alone, rtol=0, atol=1e-12)


def test_a_motion_is_judged_alone():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features, condition = torch.randn(3, 10, 22, 13).double(), torch.randn(3, 10, 154).double()
    mask = torch.ones(3, 10, dtype=torch.bool)
    assert_close(model(features[1:2], condition[1:2], mask[1:2]), model(features, condition, mask)[1:2])


def test_real_frames_joints_and_head_all_have_a_say():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE).double()
    features, condition = torch.randn(1, 10, 22, 13).double(), torch.randn(1, 10, 154).double()
    features.requires_grad_(), condition.requires_grad_()
    mask = torch.ones(1, 10, dtype=torch.bool)
    by_features, by_condition = torch.autograd.grad(
        model(features, condition, mask).sum(), [features, condition]
    )
    assert by_features.abs().amax(dim=3).min() > 0
    assert by_condition.abs().amax(dim=2).min() > 0


def test_without_contacts_no_label_has_a_say():
    torch.manual_seed(0)
    model = PerceptualModel(ARCHITECTURE.model_copy(update={"contacts": False})).double()
    features, condition = torch.randn(2, 10, 22, 13).double(), torch.randn(2, 10, 154).double()
    mask = torch.ones(2, 10, dtype=torch.bool)
    before = model(features, condition, mask)
    assert_close(model(features + torch.eye(13).double()[12], condition, mask), before, rtol=0, atol=0)
    assert (model(features + 0.1 * torch.eye(13).double()[11], condition, mask) != before).all()


def test_a_score_is_the_calibrated_probability_of_the_logit():
    model = PerceptualModel(ARCHITECTURE).double()
    model.calibration.copy_(torch.tensor([2.0, -1.0]))
    logit = torch.tensor([-1.0, 0.5, 3.0], dtype=torch.float64)
    assert_close(model.score(logit), 1 / (1 + torch.exp(1 - 2 * logit)), rtol=0, atol=1e-12)
