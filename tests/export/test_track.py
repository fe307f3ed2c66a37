"""Tracks: their content of a recording, and its stretches as separate tracks."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.kinematics import central_pupil_frame
from motiongrpo.export.track import BodyTrack
from motiongrpo.head.path import Stretch
from tests.bodies import FPS, open_body
from tests.export.tracks import FRAMES, SPLIT, recording, split_walk, walk


def test_the_body_of_a_recording_hangs_from_its_head_as_it_does_when_it_is_placed():
    for row, name in enumerate(("walk, 0", "walk, 1")):
        track = BodyTrack.of_recording(recording(), row, open_body(), "neutral")
        body, posed = recording().motions.rows(slice(row, row + 1)).posed(open_body())
        assert_close(track.posed(open_body()).p_world_joint, posed.p_world_joint[0], rtol=0, atol=1e-6)
        assert_close(central_pupil_frame(body, posed).p[0], track.T_world_cpf[:, 4:], rtol=0, atol=1e-6)
        assert (track.name, track.gender, track.stretches) == (name, "neutral", (range(FRAMES),))
        assert_close(track.source_s, torch.arange(FRAMES).double() / FPS)
        assert int(track.touched.sum()) == 0


def test_a_motion_hung_from_stretches_has_their_times_and_flags_and_no_frame_that_is_padding():
    motion = recording().motions.rows(slice(0, 1))
    padded = replace(motion, mask=torch.arange(FRAMES)[None] < 20)
    head = motion.T_world_cpf[0]
    stretches = [
        Stretch(head[:8], torch.arange(8).double(), torch.ones(8, dtype=torch.int64)),
        Stretch(head[8:20], 50 + torch.arange(12).double(), torch.zeros(12, dtype=torch.int64)),
    ]
    track = BodyTrack.hung(padded, open_body(), stretches, FPS, "female", "me")
    assert (len(track), track.stretches) == (20, (range(0, 8), range(8, 20)))
    assert track.source_s.tolist() == [*range(8), *range(50, 62)]
    assert track.touched.tolist() == [1] * 8 + [0] * 12
    assert torch.equal(track.contacts, motion.contacts[0, :20] > 0.5)


def test_parts_are_the_stretches_and_a_track_that_is_whole_is_its_only_part():
    first, second = split_walk().parts()
    assert (first.name, second.name) == ("walk, 0_1", "walk, 0_2")
    assert (len(first), len(second)) == tuple(map(len, SPLIT))
    whole = split_walk().posed(open_body()).p_world_joint
    both = torch.cat([part.posed(open_body()).p_world_joint for part in (first, second)])
    assert torch.equal(both, whole)
    assert torch.equal(torch.cat([first.touched, second.touched]), split_walk().touched)
    assert torch.equal(second.radius_90_m, split_walk().radius_90_m[10:])
    assert split_walk().stretch_numbers().tolist() == [1] * 10 + [2] * 14
    assert walk().parts() == [walk()]


def test_up_is_y_where_tools_have_it_so():
    """The whole world is rotated: up becomes y, and x stays x."""
    root, ours = walk().root_y_up(), walk().T_world_root[:, 4:]
    assert_close(root.p, torch.stack([ours[:, 0], ours[:, 2], -ours[:, 1]], dim=1), rtol=0, atol=1e-12)
    up_of_body = root.R[..., 1]
    assert float(up_of_body[:, 1].min()) > 0.8, "a walker is upright"


def test_a_number_that_is_not_finite_is_refused_with_its_place():
    rotations = walk().R_parent_joint.clone()
    rotations[7, 3] = torch.nan
    with pytest.raises(InputError, match=r"'walk, 0': R_parent_joint\[7\] is not finite; recover"):
        replace(walk(), R_parent_joint=rotations)


def test_a_recording_of_another_body_is_refused():
    other = replace(recording(), body_digest="0123456789abcdef")
    with pytest.raises(InputError, match=r"'walk' was made for another body file \(digest 01234567…\) than"):
        BodyTrack.of_recording(other, 0, open_body(), "neutral")


@pytest.mark.parametrize("stretches", [(range(0, 10),), (range(10, 24), range(0, 10)), ()])
def test_stretches_that_are_not_the_whole_in_order_are_refused(stretches):
    with pytest.raises(InputError, match=r"'walk, 0': stretches must cover its 24 frames in order, got"):
        replace(walk(), stretches=stretches)
