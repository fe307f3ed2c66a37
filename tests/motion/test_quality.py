import math
import re
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.quality import QualityConfig, check_quality
from tests.motion.rigs import clip_of

CONFIG = QualityConfig(
    least_seconds=1.0,
    jump_deg_s=1800.0,
    jump_m_s=8.0,
    repair_seconds=0.25,
    frozen_seconds=0.5,
    lowest_pelvis_m=0.05,
    highest_pelvis_m=3.0,
    least_bob_m=0.005,
)


def walking(frames: int, fps: float = 60.0) -> Clip:
    """A pelvis that travels at 1 m/s and bobs by 4 cm, and an arm that swings."""
    t = torch.arange(frames, dtype=torch.float64) / fps
    swing = torch.zeros(frames, 51, 3, dtype=torch.float64)
    swing[:, Joint.LEFT_SHOULDER - 1, 0] = 0.5 * torch.sin(6.0 * t)
    height = 0.9 + 0.02 * torch.sin(12.0 * t)
    upright = torch.tensor([math.pi / 2, 0.0, 0.0], dtype=torch.float64).expand(frames, 3)
    root = [quaternion_from_rotation_vector(upright), t[:, None], 0 * t[:, None], height[:, None]]
    return clip_of(quaternion_from_rotation_vector(swing), torch.cat(root, dim=-1), fps)


def with_root(clip: Clip, column: int, values) -> Clip:
    root = clip.T_world_root.clone()
    root[:, column] = values
    return replace(clip, T_world_root=root)


def bent(clip: Clip, joint: Joint, frames: slice, degrees: float) -> Clip:
    q = clip.q_parent_joint.clone()
    vector = torch.tensor([0.0, math.radians(degrees), 0.0], dtype=torch.float64)
    q[frames, joint - 1] = quaternion_from_rotation_vector(vector)
    return replace(clip, q_parent_joint=q)


def test_a_good_clip_comes_back_as_it_is():
    clip = walking(200)
    (piece,), report = check_quality(clip, CONFIG)
    assert torch.equal(piece.q_parent_joint, clip.q_parent_joint)
    assert torch.equal(piece.T_world_root, clip.T_world_root)
    assert (report.verdict, report.reason, report.kept_frames) == ("accepted", "", 200)


def test_a_glitch_is_mended_and_the_report_names_it():
    (piece,), report = check_quality(bent(walking(200), Joint.RIGHT_KNEE, slice(70, 73), 120.0), CONFIG)
    assert torch.allclose(piece.q_parent_joint, walking(200).q_parent_joint, rtol=0, atol=1e-12)
    assert (report.verdict, report.repaired_frames, report.cuts) == ("repaired", 3, ())
    assert report.reason == "1 glitch of right_knee interpolated"
    assert piece.name == "clip"


def test_a_jump_that_cannot_be_mended_cuts_the_clip_in_two():
    clip = bent(walking(200), Joint.LEFT_HIP, slice(90, 200), 150.0)
    pieces, report = check_quality(clip, CONFIG)
    assert [(piece.name, len(piece)) for piece in pieces] == [("clip.1", 90), ("clip.2", 110)]
    assert torch.equal(pieces[1].T_world_root, clip.T_world_root[90:])
    assert (report.verdict, report.cuts, report.kept_frames) == ("split", (90,), 200)
    assert report.reason == "cut at 1 jump, the first of left_hip at frame 90"


def test_pieces_too_short_to_learn_from_are_left_out_and_counted():
    clip = bent(walking(200), Joint.LEFT_HIP, slice(150, 200), 150.0)
    pieces, report = check_quality(clip, CONFIG)
    assert [len(piece) for piece in pieces] == [150]
    assert report.kept_frames == 150
    assert report.reason.endswith("1 piece under 1.0 s left out")


def test_a_clip_of_nothing_but_jumps_is_refused():
    clip = walking(200)
    q = clip.q_parent_joint.clone()
    for start in range(0, 200, 40):
        vector = torch.tensor([0.0, 2.0 * (start // 40 % 2), 0.0], dtype=torch.float64)
        q[start : start + 40, Joint.LEFT_HIP - 1] = quaternion_from_rotation_vector(vector)
    pieces, report = check_quality(replace(clip, q_parent_joint=q), CONFIG)
    assert (pieces, report.verdict, report.kept_frames) == ([], "refused", 0)


def test_no_piece_has_a_jump_left():
    """With any noise, the kept pieces are accepted unchanged when checked again."""
    generator = torch.Generator().manual_seed(3)
    clip = walking(600)
    for _ in range(12):
        start = int(torch.randint(0, 590, (), generator=generator))
        length = int(torch.randint(1, 25, (), generator=generator))
        joint = Joint(int(torch.randint(1, 22, (), generator=generator)))
        angle = float(torch.randint(-180, 180, (), generator=generator))
        clip = bent(clip, joint, slice(start, start + length), angle)
    pieces, report = check_quality(clip, CONFIG)
    assert report.verdict == "split"
    for piece in pieces:
        assert check_quality(piece, CONFIG)[1].verdict == "accepted"


def test_the_frame_rate_does_not_change_what_a_jump_is():
    """30 degrees in a sixtieth of a second, also at 120 frames/s, where that is 15 a frame."""
    slow = walking(400, fps=120.0)
    assert check_quality(bent(slow, Joint.LEFT_HIP, slice(200, 400), 14.0), CONFIG)[1].verdict == "accepted"
    assert check_quality(bent(slow, Joint.LEFT_HIP, slice(200, 400), 16.0), CONFIG)[1].verdict == "repaired"


def test_a_root_that_jumps_cuts_the_clip():
    clip = walking(200)
    jumped = with_root(clip, 5, torch.where(torch.arange(200) < 100, 0.0, 1.0))
    _, report = check_quality(jumped, CONFIG)
    assert report.cuts == (100,)


def paused(frames: int, at: int) -> Clip:
    """A walk whose frame `at` is repeated, so that it lasts for `frames`."""
    order = [*range(at), *[at] * frames, *range(at + 1, 250)]
    clip = walking(250)
    return replace(clip, q_parent_joint=clip.q_parent_joint[order], T_world_root=clip.T_world_root[order])


def test_a_frozen_stretch_is_left_out():
    pieces, report = check_quality(paused(31, at=100), CONFIG)
    assert [len(piece) for piece in pieces] == [101, 149]
    assert torch.equal(pieces[1].T_world_root, walking(250).T_world_root[101:])
    assert report.reason == "30 frozen frames left out, the first 101"


def test_standing_still_for_less_than_the_limit_is_no_loss_of_tracking():
    (piece,), report = check_quality(paused(30, at=100), CONFIG)
    assert len(piece) == 279
    assert report.verdict == "accepted"


def test_a_tracker_that_jumps_when_it_comes_back_is_cut_there():
    clip = paused(40, at=100)
    pieces, report = check_quality(with_root(clip, 5, torch.where(torch.arange(289) < 140, 0.0, 1.0)), CONFIG)
    assert [len(piece) for piece in pieces] == [101, 149]
    assert report.cuts == (140,)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (walking(59), r"it lasts 0\.98 s, and 1\.0 s are needed"),
        (with_root(walking(90), 6, math.nan), r"pelvis is not finite at frame 0"),
        (with_root(walking(90), 6, 92.0), r"the pelvis is at 92 m .*: heights look like centimetres"),
        (with_root(walking(90), 6, 920.0), r"the pelvis is at 920 m .*: heights look like millimetres"),
        (with_root(walking(90), 6, 0.009), r"heights look like metres taken for centimetres"),
        (with_root(walking(90), 6, -4.0), r"the pelvis is at -4 m over the floor of the file$"),
        (
            with_root(walking(90), 6, 0.9),
            r"travels 1\.5 m and rises by 0\.0 mm: its vertical motion is missing",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(clip, reason):
    pieces, report = check_quality(clip, CONFIG)
    assert pieces == []
    assert report.verdict == "refused"
    assert re.search(reason, report.reason)


def test_a_joint_that_is_not_finite_is_named_with_its_frame():
    clip = walking(90)
    q = clip.q_parent_joint.clone()
    q[40, Joint.RIGHT_ELBOW - 1, 2] = math.inf
    _, report = check_quality(replace(clip, q_parent_joint=q), CONFIG)
    assert report.reason == "right_elbow is not finite at frame 40"


def test_somebody_who_stays_in_place_need_not_bob():
    clip = with_root(with_root(walking(90), 6, 0.9), 4, 0.0)
    assert check_quality(clip, CONFIG)[1].verdict == "accepted"


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(ValidationError, match="jump_deg_s"):
        QualityConfig(**(CONFIG.model_dump() | {"jump_deg_s": 0.0}))
