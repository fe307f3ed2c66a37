import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.resample import resample
from tests.motion.rigs import clip_of

AXIS = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)


def spinning(frames: int, fps: float, turns_per_s: float = 0.4) -> Clip:
    """Every joint turns evenly about one axis; the root travels evenly as well."""
    t = torch.arange(frames, dtype=torch.float64) / fps
    q = quaternion_from_rotation_vector(2 * math.pi * turns_per_s * t[:, None] * AXIS)
    p = t[:, None] * torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    return clip_of(q[:, None].expand(frames, 51, 4).clone(), torch.cat([q, p], dim=-1), fps)


@pytest.mark.parametrize(
    ("fps", "target"), [(120.0, 30.0), (60.0, 30.0), (59.94, 30.0), (25.0, 30.0), (30.0, 100.0)]
)
def test_even_turning_and_travel_are_reproduced_at_any_rate(fps, target):
    ours = resample(spinning(200, fps), target)
    exact = spinning(len(ours), target)
    same = (ours.q_parent_joint * exact.q_parent_joint).sum(-1).abs()
    assert_close(same, torch.ones_like(same), rtol=0, atol=1e-12)
    assert_close(ours.T_world_root[:, 4:], exact.T_world_root[:, 4:], rtol=0, atol=1e-12)
    assert ours.fps == target


@pytest.mark.parametrize("stride", [1, 2, 4, 5])
def test_instants_that_both_rates_share_are_copied_to_the_last_bit(stride):
    """A quaternion and its negative are the same rotation: the signs of the source survive too."""
    clip = spinning(101, 120.0)
    clip.q_parent_joint[::3] *= -1
    ours = resample(clip, 120.0 / stride)
    assert torch.equal(ours.q_parent_joint, clip.q_parent_joint[::stride])
    assert torch.equal(ours.T_world_root, clip.T_world_root[::stride])


@settings(deadline=None, max_examples=50)
@given(frames=st.integers(1, 200), fps=st.floats(10, 250), target=st.floats(10, 250))
def test_the_last_instant_lies_in_the_clip_and_the_next_would_not(frames, fps, target):
    ours = resample(spinning(frames, fps), target)
    end = (frames - 1) / fps
    assert (len(ours) - 1) / target <= end + 1e-7
    assert len(ours) / target > end - 1e-7


def test_the_last_instant_is_not_lost_to_rounding():
    """22 · 29.97 / 59.94 is 10.999999999999998 in floating point."""
    assert len(resample(spinning(23, 59.94), 29.97)) == 12


def test_rotations_take_the_shorter_way_between_frames_of_opposite_sign():
    clip = spinning(3, 10.0, turns_per_s=1.0)
    clip.T_world_root[1, :4] *= -1
    ours = resample(clip, 20.0)
    expected = spinning(5, 20.0, turns_per_s=1.0)
    same = (ours.T_world_root[:, :4] * expected.T_world_root[:, :4]).sum(-1).abs()
    assert_close(same, torch.ones_like(same), rtol=0, atol=1e-12)


def test_the_clip_it_comes_from_is_left_alone():
    clip = spinning(20, 60.0)
    before = clip.T_world_root.clone()
    resample(clip, 24.0)
    assert torch.equal(clip.T_world_root, before)
