"""Recovery while the head moves, against the windows written out and against recovery of the whole path.

The networks are not trained. Whether streaming draws the motion of `recover` is a property of the scheme,
seen with networks whose estimate of a frame depends on that frame alone, or on its neighbours by a known
kernel; how near a trained one comes on held-out paths is measured by `benchmarks/streaming_latency.py`.
"""

import functools

import pytest
import torch
from pydantic import ValidationError
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.kinematics import PosedBody, central_pupil_frame, pose_body
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.path_sampling import sample_windows
from motiongrpo.diffusion.recovery import FrameNoise, recover, with_frame_before
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.streaming import BodyFrame, StreamingConfig, StreamingRecovery
from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.diffusion.window_blend import Window
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import nearest_rotation
from motiongrpo.head.path import Touch
from tests.bodies import open_body, window_batch
from tests.head.paths import CONFIG as BREAKS
from tests.trained import trained

FPS = 30.0
PATH = window_batch(frames=44, count=1).T_world_cpf[0]
CONFIG = StreamingConfig(look_ahead_frames=8, hop_frames=4)


class ByFrame(Denoiser):
    """An estimate that is bent by the frame's own noisy motion and condition, and by those near it."""

    reach = 0

    def forward(self, x_t, t, condition, mask):
        frames = torch.arange(x_t.shape[2])
        near = (1 + self.reach - (frames[:, None] - frames).abs()).clamp(min=0).to(x_t)
        near = near / near.sum(1, keepdim=True)
        weights = torch.linspace(-1, 1, condition.shape[-1] * x_t.shape[-1]).to(x_t)
        told = condition @ weights.reshape(condition.shape[-1], -1)
        bent = 0.1 * torch.tanh(x_t) + 0.3 * torch.sin(3 * told)[:, None]
        rest = torch.zeros(x_t.shape[-1]).to(x_t)
        rest[16:205] = torch.eye(3).flatten().repeat(21)
        return rest + torch.einsum("fg,csgd->csfd", near, bent)


class ByNeighbours(ByFrame):
    reach = 3


def streaming(model: TrainedDenoiser | None = None, config: StreamingConfig = CONFIG) -> StreamingRecovery:
    return StreamingRecovery(model or trained(), open_body(), config, BREAKS, seed=3)


def pushed(stream: StreamingRecovery, path: torch.Tensor, start_s: float = 0.0) -> list[BodyFrame]:
    return [body for i, pose in enumerate(path) for body in stream.push(start_s + i / FPS, pose)]


def streamed(model: TrainedDenoiser | None = None, config: StreamingConfig = CONFIG) -> list[BodyFrame]:
    stream = streaming(model, config)
    return pushed(stream, PATH) + stream.finish()


def assert_same(a: list[BodyFrame], b: list[BodyFrame]) -> None:
    for one, other in zip(a, b, strict=True):
        assert one.pose.time_s == other.pose.time_s
        assert_close(one.R_parent_joint, other.R_parent_joint, rtol=0, atol=0)
        assert_close(one.p_world_joint, other.p_world_joint, rtol=0, atol=0)


def joints(bodies: list[BodyFrame]) -> torch.Tensor:
    return torch.stack([body.p_world_joint for body in bodies])


@functools.cache
def whole(network: type[Denoiser]) -> torch.Tensor:
    """Joints of `recover` over the whole path."""
    motion = recover(trained(network), with_frame_before(PATH), 1, seed=3)
    return motion.posed(open_body())[1].p_world_joint[0, :, :22]


@pytest.mark.parametrize(("look_ahead", "hop"), [(8, 4), (15, 1), (3, 4), (1, 1)])
def test_every_frame_comes_once_in_order_and_no_later_than_stated(look_ahead, hop):
    config = StreamingConfig(look_ahead_frames=look_ahead, hop_frames=hop)
    stream, out = streaming(trained(ByFrame), config), 0
    for frame, pose in enumerate(PATH):
        out += len(stream.push(frame / FPS, pose))
        assert out >= frame + 1 - look_ahead
    last = stream.finish()
    assert out + len(last) == len(PATH)
    assert [body.pose.frame for body in last] == list(range(out, len(PATH)))
    assert stream.finish() == []
    assert stream.look_ahead_ms == pytest.approx(1000 * look_ahead / FPS)


def test_frames_given_out_never_change_whatever_comes_after():
    early = pushed(streaming(), PATH[:32])
    other = torch.cat([PATH[:32], PATH[31:32].expand(12, 7)])
    assert len(early) > 20
    assert_same(early, pushed(streaming(), PATH)[: len(early)])
    assert_same(early, pushed(streaming(), other)[: len(early)])


def by_hand(model: TrainedDenoiser, path: torch.Tensor, look_ahead: int, hop: int) -> torch.Tensor:
    """The rotations (frame, 21, 3, 3): triangle-weighted means over windows that end every `hop` frames."""
    n, length, features = len(path), model.usage.plan.length, model.denoiser.features
    path, total, weights = with_frame_before(path), torch.zeros(n, features).double(), torch.zeros(n).double()
    with torch.no_grad():
        for end in range(hop, n + hop + look_ahead, hop):
            stop = min(end, n)  # a window that would end beyond the path ends with it
            start = max(0, stop - length)
            noise = FrameNoise.over(start, stop, (1, features), 3, "recovery")
            one = Window(0, stop - start, torch.ones(stop - start).double())
            x = sample_windows(
                model.denoiser, path[None, start : stop + 1], 1, model.usage.sampling, [one], noise
            )
            for frame in range(start, stop):
                weight = max(0, min(end - frame, look_ahead + 1 - (end - 1 - frame)))
                total[frame] += weight * x[0, 0, frame - start]
                weights[frame] += weight
    return nearest_rotation(MotionState.unpack(total / weights[:, None]).body_rotmats)


def test_a_frame_is_the_weighted_mean_of_the_windows_that_hold_it():
    bodies = streamed()
    expected = by_hand(trained(), PATH, CONFIG.look_ahead_frames, CONFIG.hop_frames)
    assert_close(torch.stack([body.R_parent_joint for body in bodies]), expected, rtol=0, atol=1e-8)


def test_what_depends_on_a_frame_alone_streams_as_it_is_recovered():
    model = trained(ByFrame)
    motion = recover(model, with_frame_before(PATH), 1, seed=3)
    bodies = streamed(model)
    R = torch.stack([body.R_parent_joint for body in bodies])
    assert_close(R, motion.R_parent_joint[0], rtol=0, atol=1e-9)
    assert_close(bodies[-1].betas, motion.betas[0], rtol=0, atol=1e-9)


def test_the_look_ahead_makes_streaming_and_recovery_agree_within_a_centimetre():
    model = trained(ByNeighbours)
    distances = []
    for look_ahead in (1, 8):
        config = StreamingConfig(look_ahead_frames=look_ahead, hop_frames=2)
        distances.append((joints(streamed(model, config)) - whole(ByNeighbours)).norm(dim=-1).median())
    assert distances[1] < 0.01
    assert distances[1] < distances[0] / 2


def test_how_the_poses_arrive_changes_nothing():
    """Late ones, repeated ones and ones that are none, between the same poses."""
    stream, bodies = streaming(), []
    for frame, pose in enumerate(PATH):
        bodies += stream.push(frame / FPS, pose)
        bodies += stream.push(max(0, frame - 2) / FPS, PATH[0])
        with pytest.raises(InputError, match="has norm 0"):
            stream.push((frame + 0.5) / FPS, torch.zeros(7))
    assert_same(bodies + stream.finish(), streamed())
    assert stream.late == len(PATH)


def test_a_long_gap_ends_a_stretch_and_the_next_is_recovered_alone():
    stream = streaming()
    bodies = pushed(stream, PATH[:25]) + pushed(stream, PATH[25:], start_s=10.0) + stream.finish()
    assert [body.pose.stretch for body in bodies] == [0] * 25 + [1] * (len(PATH) - 25)
    first, second = streaming(), streaming()
    assert_same(bodies[:25], pushed(first, PATH[:25]) + first.finish())
    assert_same(bodies[25:], pushed(second, PATH[25:], start_s=10.0) + second.finish())


def test_frames_of_a_bridged_gap_say_so():
    stream = streaming()
    poses = [(i / FPS, pose) for i, pose in enumerate(PATH) if not 20 <= i < 25]
    bodies = [body for t, pose in poses for body in stream.push(t, pose)] + stream.finish()
    assert len(bodies) == len(PATH)
    assert [body.pose.frame for body in bodies if body.pose.touched == Touch.GAP] == list(range(20, 26))


def test_a_stretch_of_one_frame_gives_no_body():
    stream = streaming()
    assert stream.push(0.0, PATH[0]) + stream.push(5.0, PATH[1]) + stream.finish() == []


def test_bodies_wear_their_heads_where_the_path_says():
    for body in streamed()[::10]:
        shaped = open_body().shaped(body.betas)
        root = Transform.from_wxyz_xyz(body.T_world_root)
        posed: PosedBody = pose_body(shaped, body.R_parent_joint, root)
        assert_close(posed.p_world_joint, body.p_world_joint, rtol=0, atol=1e-9)
        head = central_pupil_frame(shaped, posed)
        assert_close(head.p, body.pose.T_world_cpf[4:], rtol=0, atol=1e-9)
        assert_close(head.R, Transform.from_wxyz_xyz(body.pose.T_world_cpf).R, rtol=0, atol=1e-9)


def test_hops_that_would_skip_frames_are_refused():
    with pytest.raises(
        ValidationError, match=r"hop_frames must be at most look_ahead_frames \+ 1.*got 6 and 4"
    ):
        StreamingConfig(look_ahead_frames=4, hop_frames=6)


def test_a_look_ahead_beyond_the_networks_windows_is_refused():
    config = StreamingConfig(look_ahead_frames=16, hop_frames=4)
    with pytest.raises(
        InputError, match=r"must be less than the 16 frames of a window of a test's model, got 16"
    ):
        streaming(config=config)
