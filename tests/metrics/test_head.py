import math

import torch
from torch.testing import assert_close

from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.metrics.head import head_position_mm, head_rotation_deg


def test_a_head_7_cm_and_20_degrees_off_in_half_of_the_frames_is_35_mm_and_10_degrees_off():
    given = Transform(torch.eye(3, dtype=torch.float64).expand(1, 4, 3, 3), torch.randn(1, 4, 3).double())
    off = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)[None, :, None]
    axis = torch.tensor([2.0, -1.0, 2.0], dtype=torch.float64) / 3
    worn = Transform(matrix_from_rotation_vector(off * math.radians(20) * axis), given.p + 0.07 * off * axis)
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert_close(head_position_mm(worn, given, mask), torch.tensor([35.0]).double(), rtol=0, atol=1e-10)
    assert_close(head_rotation_deg(worn, given, mask), torch.tensor([10.0]).double(), rtol=0, atol=1e-10)


def test_the_given_head_is_not_off():
    given = Transform(torch.eye(3, dtype=torch.float64).expand(2, 4, 3, 3), torch.ones(2, 4, 3).double())
    mask = torch.ones(2, 4, dtype=torch.bool)
    assert head_position_mm(given, given, mask).tolist() == [0, 0]
    assert head_rotation_deg(given, given, mask).tolist() == [0, 0]
