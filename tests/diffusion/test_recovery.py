"""From a checkpoint file and a head path to bodies; and recordings of them."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.checkpoint import Checkpoint, Header, save_checkpoint
from motiongrpo.base.errors import InputError
from motiongrpo.body.kinematics import central_pupil_frame
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import sample_windows, windows_of
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Doubt, Recording, load_recording, save_recording
from motiongrpo.diffusion.recovery import FrameNoise, chunks_of, recover, recover_chunk, with_frame_before
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.trained import TrainedDenoiser, Usage, load_denoiser, load_trained, usage_from
from motiongrpo.diffusion.window_blend import WindowPlan
from motiongrpo.geometry.se3 import Transform
from tests.bodies import open_body, window_batch
from tests.denoisers import small

DDIM = SamplingConfig(steps=4, eta=1.0, sampler="ddim", deterministic_below=0)
PLAN = WindowPlan(length=16, overlap=4)
USAGE = Usage(fps=30.0, plan=PLAN, sampling=DDIM, head_height_m=(1.2, 1.8), head_speed_m_s=2.0)
BATCH = window_batch(frames=40, count=1)


def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(small(encoder_layers=1, decoder_layers=1, dropout_p=0.5)).double()


def checkpoint(model: Denoiser) -> Checkpoint:
    header = Header(
        kind="denoiser",
        stage="pretraining",
        step=1,
        seed=0,
        architecture=model.config.model_dump(),
        body_digest="",
        parameters={},
        inputs={},
        code_version="0",
        metrics={},
        usage=USAGE.model_dump(mode="json"),
    )
    return Checkpoint(header, model.state_dict())


def trained(usage: Usage = USAGE) -> TrainedDenoiser:
    return TrainedDenoiser(denoiser().eval(), usage, "'policy'", "", None)


@functools.cache
def recovered(samples: int = 3) -> PlacedMotion:
    return recover(trained(), BATCH.T_world_cpf[0], samples, seed=0)


def test_a_denoiser_comes_back_from_its_file_with_its_dropout_off(tmp_path):
    model = denoiser()
    save_checkpoint(checkpoint(model), tmp_path / "policy.safetensors")
    back = load_denoiser(tmp_path / "policy.safetensors").double()
    assert not back.training
    for name, value in model.state_dict().items():
        assert_close(back.state_dict()[name], value, rtol=0, atol=0)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    whole = checkpoint(denoiser())
    path = tmp_path / "policy.safetensors"
    other = {**whole.header.architecture, "d_latent": 32}
    save_checkpoint(Checkpoint(whole.header.model_copy(update={"architecture": other}), whole.tensors), path)
    with pytest.raises(
        InputError,
        match=r"policy.safetensors' holds tensors of another shape than .* asks for: .*\(16,\) for \(32,\)",
    ):
        load_denoiser(path)


def test_a_network_that_this_code_does_not_know_is_refused_with_what_it_lacks(tmp_path):
    whole = checkpoint(denoiser())
    older = {k: v for k, v in whole.header.architecture.items() if k not in ("activation", "condition")}
    header = whole.header.model_copy(update={"architecture": older})
    save_checkpoint(Checkpoint(header, whole.tensors), tmp_path / "policy.safetensors")
    with pytest.raises(InputError, match=r"policy.safetensors' describes .* \(activation, condition\)"):
        load_denoiser(tmp_path / "policy.safetensors")


def test_recovered_bodies_wear_their_heads_where_the_path_says():
    motions = recovered()
    body, posed = motions.posed(open_body())
    worn = central_pupil_frame(body, posed)
    path = Transform.from_wxyz_xyz(BATCH.T_world_cpf[0, 1:])
    assert_close(worn.p, path.p.expand_as(worn.p), rtol=0, atol=1e-9)
    assert_close(worn.R, path.R.expand_as(worn.R), rtol=0, atol=1e-9)


def test_they_are_the_samples_of_the_path_under_noise_that_is_addressed_by_frame():
    noise = FrameNoise.over(0, 40, (3, 226), 0, "recovery")
    x = sample_windows(
        denoiser().eval(), BATCH.T_world_cpf[:1], 3, DDIM, windows_of(40, PLAN, "ddim"), noise
    )[0]
    motions = recovered()
    assert_close(motions.R_parent_joint, MotionState.unpack(x).body_rotmats, rtol=0, atol=1e-9)
    assert bool(motions.mask.all())
    assert float((motions.R_parent_joint[0] - motions.R_parent_joint[1]).abs().max()) > 1e-3


def long_path(frames: int) -> torch.Tensor:
    """The short walk, repeated back and forth."""
    walk = BATCH.T_world_cpf[0]
    return torch.cat([walk, walk.flip(0)]).repeat(-(-frames // len(walk)), 1)[: frames + 1]


@pytest.mark.parametrize("sampler", ["ddim", "egoallo"])
def test_chunks_denoise_what_the_whole_path_would_have(sampler):
    sampling = SamplingConfig(steps=6, eta=1.0, sampler=sampler, deterministic_below=0)
    model = trained(USAGE.model_copy(update={"sampling": sampling}))
    path = long_path(300)

    def denoised(longest: int) -> torch.Tensor:
        chunks = chunks_of(300, PLAN, sampler, longest)
        assert len(chunks) == -(-300 // longest)
        return torch.cat([recover_chunk(model, path, chunk, 2, 3) for chunk in chunks], dim=2)

    assert_close(denoised(90), denoised(300), rtol=0, atol=1e-4)


def test_the_numbers_of_a_frame_do_not_depend_on_what_else_is_drawn():
    whole, part = (FrameNoise.over(*span, (2, 3), 0, "a") for span in ((0, 200), (70, 140)))
    for _ in range(3):
        like = torch.zeros(1, 2, 200, 3)
        assert_close(part(like[:, :, 70:140]), whole(like)[:, :, 70:140], rtol=0, atol=0)
    assert float((whole(like) - FrameNoise.over(0, 200, (2, 3), 0, "b")(like)).abs().max()) > 0.1


def test_a_frame_before_the_first_continues_the_path_backwards():
    path = BATCH.T_world_cpf[0, 3:8]
    step = Transform.from_wxyz_xyz(path[0]).inverse() @ Transform.from_wxyz_xyz(path[1])
    longer = with_frame_before(path)
    again = Transform.from_wxyz_xyz(longer[0]) @ step
    assert_close(again.p, path[0, 4:], rtol=0, atol=1e-9)
    assert_close(longer[1:], path, rtol=0, atol=0)


def spoilt(frame: int, column: int, value: float) -> torch.Tensor:
    path = BATCH.T_world_cpf[0].clone()
    path[frame, column] = value
    return path


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (BATCH.T_world_cpf, r"has shape \(frames, 7\).* got \(1, 41, 7\)"),
        (BATCH.T_world_cpf[0, :1], r"two frames at least, got \(1, 7\)"),
        (BATCH.T_world_cpf[0, :, :6], r"got \(41, 6\)"),
        (spoilt(5, 6, float("nan")), "not finite at frame 5"),
        (spoilt(7, 0, 3.0), "the quaternion of frame 7 .* has norm 3"),
    ],
)
def test_what_is_no_head_path_is_refused(path, sentence):
    with pytest.raises(InputError, match=sentence):
        recover(trained(), path, 1, seed=0)


def test_a_checkpoint_that_does_not_say_how_it_is_used_is_refused(tmp_path):
    silent = checkpoint(denoiser())
    silent = Checkpoint(silent.header.model_copy(update={"usage": None}), silent.tensors)
    save_checkpoint(silent, tmp_path / "old.safetensors")
    with pytest.raises(InputError, match=r"old\.safetensors' does not say on which windows"):
        load_trained(tmp_path / "old.safetensors")


def test_windows_sampler_and_rate_come_back_with_a_checkpoint(tmp_path):
    save_checkpoint(checkpoint(denoiser()), tmp_path / "policy.safetensors")
    assert load_trained(tmp_path / "policy.safetensors").usage == USAGE


def test_usage_tells_the_heights_and_speeds_of_its_training():
    batch = window_batch(frames=40, count=3)
    usage = Usage.model_validate(usage_from(batch, 30.0, DDIM))
    heights = batch.T_world_cpf[:, 1:, 6][batch.mask]
    speeds = batch.T_world_cpf[..., 4:].diff(dim=1).norm(dim=-1)[batch.mask] * 30
    assert usage.plan == WindowPlan(length=40, overlap=10)
    assert usage.head_height_m is not None
    assert usage.head_speed_m_s is not None
    assert usage.head_height_m[0] >= float(heights.min()) - 1e-3
    assert usage.head_height_m[1] <= float(heights.max()) + 1e-3
    assert abs(usage.head_speed_m_s - np.quantile(speeds.numpy(), 0.995)) < 2e-3


@functools.cache
def recording() -> Recording:
    motions = PlacedMotion.concatenate([PlacedMotion.truth(BATCH), recovered(samples=2)])
    return Recording("a walk, 1 $", ("truth", "sample 1", "sample 2"), motions, 30.0, open_body().digest)


def test_a_recording_comes_back_as_it_was_in_single_precision(tmp_path):
    before = recording()
    save_recording(before, tmp_path / "a.npz")
    after = load_recording(tmp_path / "a.npz")
    same = ("title", "names", "fps", "body_digest")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    for name in ("betas", "R_parent_joint", "contacts", "T_world_cpf"):
        was, now = getattr(before.motions, name), getattr(after.motions, name)
        assert_close(now.double(), was.double(), rtol=0, atol=2e-6)
    p_before, p_after = (r.motions.posed(open_body())[1].p_world_joint for r in (before, after))
    assert_close(p_after.double(), p_before, rtol=0, atol=1e-5)


def test_how_sure_it_is_and_what_was_repaired_come_back_where_they_are_known(tmp_path):
    save_recording(recording(), tmp_path / "plain.npz")
    plain = load_recording(tmp_path / "plain.npz")
    assert (plain.doubt, plain.repaired) == (None, None)
    radius, repaired = torch.rand(3, 40, 22), torch.arange(40) % 7 == 0
    save_recording(replace(recording(), doubt=Doubt(radius, 0.2), repaired=repaired), tmp_path / "a.npz")
    after = load_recording(tmp_path / "a.npz")
    assert after.doubt.guess_m == 0.2
    assert_close(after.doubt.radius_90_m, radius, rtol=0, atol=0)
    assert_close(after.repaired, repaired)


def with_array(path, **changes) -> None:
    save_recording(recording(), path)
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


def damaged(path) -> None:
    save_recording(recording(), path)
    content = bytearray(path.read_bytes())
    place = content.index(b"betas.npy") + 40
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, "there is no recording at"),
        (lambda path: path.write_bytes(b"PK"), "is not an npz archive, or its end is missing"),
        (lambda path: damaged(path), r"'.*a\.npz' is damaged: Error -3 while decompressing"),
        (lambda path: with_array(path, betas=None), "is not a recording: it has no 'betas'"),
        (lambda path: with_array(path, names=None), "is not a recording: it has no 'names'"),
        (lambda path: with_array(path, betas=np.zeros((2, 16))), r"'betas' must have shape \(3, 16\)"),
        (lambda path: with_array(path, fps=np.array(np.nan)), "'fps' has values that are not finite"),
        (lambda path: with_array(path, fps=np.array(0.0)), "'fps' must be above 0, got 0"),
        (lambda path: with_array(path, title=np.array(3)), "'title' cannot be of type int64"),
        (lambda path: with_array(path, betas=np.full((3, 16), "a")), "'betas' cannot be of type <U1"),
        (lambda path: with_array(path, guess_m=np.array(0.2)), "is not a recording: it has no 'radius_90_m'"),
        (lambda path: with_array(path, repaired=np.zeros(3, bool)), r"'repaired' must have shape \(40,\)"),
        (lambda path: with_array(path, title=np.array({}, dtype=object)), "holds 'title' as pickled objects"),
    ],
)
def test_what_is_no_recording_is_told_so(write, sentence, tmp_path):
    write(tmp_path / "a.npz")
    with pytest.raises(InputError, match=sentence):
        load_recording(tmp_path / "a.npz")
