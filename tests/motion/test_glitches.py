import math

import torch
from torch import Tensor
from torch.testing import assert_close

from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.glitches import JumpLimits, Repair, jumps_of, mend, steepness
from tests.motion.rigs import clip_of

LIMITS = JumpLimits(turn=math.radians(30), travel=0.1, frames=12)
ELBOW, HIP, PELVIS = Joint.LEFT_ELBOW, Joint.RIGHT_HIP, Joint.PELVIS


def quaternions(degrees: list[float]) -> torch.Tensor:
    vectors = torch.zeros(len(degrees), 3, dtype=torch.float64)
    vectors[:, 1] = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return quaternion_from_rotation_vector(vectors)


def bent(joint: Joint, degrees: list[float]) -> Tensor:
    """A body at rest except for one joint, which turns about one axis."""
    tracks = torch.zeros(len(degrees), 52, 7, dtype=torch.float64)
    tracks[..., 0] = 1.0
    tracks[:, joint, :4] = quaternions(degrees)
    return tracks


def mended(tracks: Tensor, limits: JumpLimits) -> tuple[Tensor, list[Repair]]:
    """`mend` of a clip with these poses, one a frame and joint."""
    clip = clip_of(tracks[:, 1:, :4], tracks[:, 0])
    clip, repairs = mend(clip, jumps_of(clip, limits), limits)
    tracks = tracks.clone()
    tracks[:, 0], tracks[:, 1:, :4] = clip.T_world_root, clip.q_parent_joint
    return tracks, repairs


def steepest(tracks: Tensor) -> float:
    return float(steepness(tracks[:-1], tracks[1:], LIMITS).max())


def test_steepness_is_one_at_the_limit_of_turn_and_of_travel():
    assert math.isclose(steepest(bent(ELBOW, [0.0, 30.0])), 1.0, rel_tol=1e-9)
    tracks = bent(ELBOW, [0.0, 0.0])
    tracks[1, PELVIS, 4] = 0.1
    assert math.isclose(steepest(tracks), 1.0, rel_tol=1e-9)


def test_steps_that_are_steeper_than_one_are_jumps():
    for degrees, metres, jumps in [(29.9, 0.099, []), (30.1, 0.0, [ELBOW]), (-170.0, 0.101, [PELVIS, ELBOW])]:
        tracks = bent(ELBOW, [0.0, degrees, degrees])
        tracks[1:, PELVIS, 5] = metres
        found = jumps_of(clip_of(tracks[:, 1:, :4], tracks[:, 0]), LIMITS)
        assert torch.nonzero(found).tolist() == [[0, joint] for joint in jumps]


def test_a_smooth_motion_is_left_alone():
    tracks = bent(ELBOW, [float(3 * frame) for frame in range(40)])
    after, repairs = mended(tracks, LIMITS)
    assert torch.equal(after, tracks)
    assert repairs == []


def test_frames_that_flip_and_come_back_are_put_on_the_way_between_their_neighbours():
    way = [2.0 * frame for frame in range(20)]
    flipped = [angle + 170.0 if 8 <= frame < 11 else angle for frame, angle in enumerate(way)]
    after, repairs = mended(bent(HIP, flipped), LIMITS)
    assert_close(after, bent(HIP, way), rtol=0, atol=1e-12)
    assert [(repair.joint, repair.start, repair.stop) for repair in repairs] == [(HIP, 8, 11)]
    assert math.isclose(repairs[0].worst_deg, 172.0, rel_tol=1e-6)


def test_steep_neighbours_below_the_limit_belong_to_the_glitch():
    """The pelvis leaves its path by steps just below the limit and returns by one above it."""
    after, _ = mended(bent(PELVIS, [0.0] * 6 + [28.0, 54.0, 54.0] + [0.0] * 6), LIMITS)
    assert_close(after, bent(PELVIS, [0.0] * 15), rtol=0, atol=1e-12)


def test_a_step_of_a_limb_is_spread_over_more_frames():
    after, repairs = mended(bent(ELBOW, [0.0] * 15 + [50.0] * 15), LIMITS)
    assert steepest(after) <= 0.5
    (repair,) = repairs
    assert repair.start <= 15 <= repair.stop
    assert repair.stop - repair.start <= LIMITS.frames


def test_a_step_of_the_pelvis_is_left_as_a_jump():
    """It moves the whole body: smoothing would move the whole person across the room."""
    tracks = bent(PELVIS, [0.0] * 15 + [50.0] * 15)
    after, repairs = mended(tracks, LIMITS)
    assert torch.equal(after, tracks)
    assert repairs == []


def test_a_joint_that_flips_for_good_is_left_as_a_jump():
    tracks = bent(HIP, [0.0] * 30 + [170.0] * 30)
    after, repairs = mended(tracks, LIMITS)
    assert torch.equal(after, tracks)
    assert repairs == []


def test_a_glitch_longer_than_allowed_is_left_as_jumps():
    tracks = bent(HIP, [0.0] * 20 + [80.0] * 13 + [0.0] * 20)
    after, _ = mended(tracks, JumpLimits(LIMITS.turn, LIMITS.travel, frames=3))
    assert torch.equal(after, tracks)


def test_a_glitch_at_the_very_end_has_no_good_neighbour_and_stays():
    tracks = bent(ELBOW, [0.0] * 20 + [80.0])
    assert torch.equal(mended(tracks, LIMITS)[0], tracks)


def test_a_root_that_is_elsewhere_for_a_frame_is_brought_back():
    tracks = bent(ELBOW, [0.0] * 9)
    tracks[:, PELVIS, 4] = torch.linspace(0.0, 0.08, 9, dtype=torch.float64)
    expected = tracks.clone()
    tracks[4, PELVIS, 5] = 0.5
    after, repairs = mended(tracks, LIMITS)
    assert_close(after, expected, rtol=0, atol=1e-12)
    assert repairs == [Repair(PELVIS, 4, 5, 0.0)]


def test_other_joints_keep_every_bit_while_one_is_mended():
    tracks = bent(HIP, [0.0] * 8 + [90.0] + [0.0] * 8)
    tracks[:, ELBOW, :4] = quaternions([float(frame) for frame in range(17)])
    after, _ = mended(tracks, LIMITS)
    assert torch.equal(after[:, ELBOW], tracks[:, ELBOW])
