import math
from dataclasses import replace

import pytest
import torch

from motiongrpo.base.errors import InputError
from motiongrpo.geometry.so3 import (
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
)
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.grounding import ground
from tests.bodies import CONTACT, FLOOR, open_body, standing_clip


def turned(clip: Clip, vector: list[float]) -> Clip:
    """The clip in a world that is rotated about its origin."""
    R = matrix_from_rotation_vector(torch.tensor(vector, dtype=torch.float64))
    R_root, p = matrix_from_quaternion(clip.T_world_root[:, :4]), clip.T_world_root[:, 4:]
    return replace(clip, T_world_root=torch.cat([quaternion_from_matrix(R @ R_root), p @ R.T], dim=1))


def moved(clip: Clip, by: list[float]) -> Clip:
    shift = torch.tensor([0.0, 0.0, 0.0, 0.0, *by], dtype=torch.float64)
    return replace(clip, T_world_root=clip.T_world_root + shift)


QUARTER = math.pi / 2
STANDING = moved(standing_clip(40), [0.0, 1.0, 0.0])  # a metre from the origin


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        ([-QUARTER, 0, 0], "y"),
        ([QUARTER, 0, 0], "-y"),
        ([0, QUARTER, 0], "x"),
        ([0, -QUARTER, 0], "-x"),
        ([-QUARTER * 0.94, 0, 0], "y"),
    ],
)
def test_a_person_who_stands_about_another_axis_is_refused_with_its_name(turn, name):
    with pytest.raises(InputError, match=rf"^{name} looks like up, not z: the soles of resting feet face"):
        ground(turned(STANDING, turn), open_body(), FLOOR, CONTACT)


def test_a_person_who_lies_is_kept_with_pointed_feet_or_away_from_the_origin():
    lying = moved(turned(STANDING, [-QUARTER, 0, 0]), [0.0, 0.0, 1.1])
    with pytest.raises(InputError, match="y looks like up"):
        ground(lying, open_body(), FLOOR, CONTACT)
    assert ground(moved(lying, [0.0, 0.5, 0.0]), open_body(), FLOOR, CONTACT).floor_confidence == 1.0
    pointed = lying.q_parent_joint.clone()
    pointed[:, [6, 7]] = torch.tensor([math.cos(0.3), math.sin(0.3), 0.0, 0.0], dtype=torch.float64)
    lying = replace(lying, q_parent_joint=pointed)
    assert ground(lying, open_body(), FLOOR, CONTACT).floor_confidence == 1.0


def test_somebody_upright_and_somebody_on_hands_are_kept():
    ground(STANDING, open_body(), FLOOR, CONTACT)
    ground(turned(STANDING, [math.pi, 0, 0]), open_body(), FLOOR, CONTACT)
