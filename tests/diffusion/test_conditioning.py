import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import fourier_features, head_condition
from motiongrpo.geometry.heading import rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import quaternion_from_matrix


def head_path() -> torch.Tensor:
    torch.manual_seed(3)
    q = quaternion_from_matrix(roma.random_rotmat((4, 9), dtype=torch.float64))
    return torch.cat([q, torch.randn(4, 9, 3, dtype=torch.float64)], dim=-1)


def test_turning_about_the_vertical_and_moving_along_the_floor_change_nothing():
    path = head_path()
    yaw = rotation_about_up(torch.tensor(1.234, dtype=torch.float64))
    shift = torch.tensor([3.0, -7.0, 0.0], dtype=torch.float64)
    moved = (Transform(yaw, shift) @ Transform.from_wxyz_xyz(path)).wxyz_xyz()
    assert_close(head_condition(moved), head_condition(path), rtol=0, atol=1e-9)


def test_height_and_tilt_do_change_it():
    path = head_path()
    higher = path + torch.tensor([0, 0, 0, 0, 0, 0, 0.1], dtype=torch.float64)
    difference = head_condition(higher) - head_condition(path)
    assert_close(difference[..., 12], torch.full((4, 8), 0.1, dtype=torch.float64), rtol=0, atol=1e-12)
    assert difference[..., :12].abs().max() < 1e-9


def test_the_first_frame_sees_how_it_was_reached():
    path = head_path()
    changed = path.clone()
    changed[:, 0, 4:] += 1.0
    difference = (head_condition(changed) - head_condition(path)).abs().amax(dim=(0, 2))
    assert difference[0] > 0.1
    assert difference[1:].max() == 0


def test_fourier_features_are_sines_and_cosines():
    x = torch.randn(5, 2, dtype=torch.float64)
    expected = torch.stack(
        [x[:, 0], x[:, 1]]
        + [f(w * x[:, i]) for f in (torch.sin, torch.cos) for i in (0, 1) for w in (1, 2, 4)],
        dim=1,
    )
    assert_close(fourier_features(x), expected, rtol=0, atol=1e-12)
