import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import (
    condition_width,
    encoded_condition,
    fourier_features,
    head_condition,
)
from motiongrpo.geometry.heading import rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import quaternion_from_matrix
from tests.denoisers import EGOALLO, architecture


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


def features(path: torch.Tensor, **changes) -> torch.Tensor:
    """The raw condition: no frequencies."""
    return encoded_condition(path, architecture(fourier_enc_freqs=0, **changes).condition)


def test_ours_is_the_condition_of_egoallos_default():
    path = head_path()
    assert torch.equal(encoded_condition(path, EGOALLO.condition), head_condition(path))
    shorter = features(path, include_canonicalized_cpf_rotation_in_cond=False)
    assert torch.equal(shorter, features(path)[..., :13])


def test_absolute_is_the_pose_row_by_row():
    path = head_path()
    now = Transform.from_wxyz_xyz(path[:, 1:])
    matrix = features(path, cond_param="absolute").unflatten(-1, (3, 4))
    assert torch.equal(matrix[..., :3], now.R)
    assert torch.equal(matrix[..., 3], now.p)


def test_absrel_is_absolute_then_the_relative_pose_of_ours():
    path = head_path()
    expected = torch.cat([features(path, cond_param="absolute"), features(path)[..., :12]], dim=-1)
    assert torch.equal(features(path, cond_param="absrel"), expected)


def test_global_deltas_point_from_a_frame_back_to_the_one_before():
    path = head_path()
    raw = features(path, cond_param="absrel_global_deltas")
    assert_close(raw[..., 21:], path[:, :-1, 4:] - path[:, 1:, 4:], rtol=0, atol=1e-12)
    relative = features(path, cond_param="absrel")[..., 12:].unflatten(-1, (3, 4))
    assert torch.equal(raw[..., 12:21].unflatten(-1, (3, 3)), relative[..., :3])


def test_a_canonicalized_path_starts_at_the_origin_facing_x_and_knows_no_height():
    path = head_path()
    raw = features(path, cond_param="canonicalized").unflatten(-1, (3, 4))
    assert_close(raw[:, 0, :, 3], torch.zeros(4, 3).double(), rtol=0, atol=1e-12)
    assert_close(raw[:, 0, 1, 2], torch.zeros(4).double(), rtol=0, atol=1e-12)  # forward has no y
    assert bool((raw[:, 0, 0, 2] > 0).all())
    yaw = rotation_about_up(torch.tensor(-2.1, dtype=torch.float64))
    shift = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    moved = (Transform(yaw, shift) @ Transform.from_wxyz_xyz(path)).wxyz_xyz()
    again = features(moved, cond_param="canonicalized").unflatten(-1, (3, 4))
    assert_close(again, raw, rtol=0, atol=1e-9)


def test_wrists_come_last_and_are_zero_where_they_are_not_known():
    path, config = head_path(), architecture(include_hand_positions_cond=True).condition
    wrists = torch.randn(4, 8, 6, dtype=torch.float64)
    known = encoded_condition(path, config, wrists)
    assert torch.equal(known[..., 22:28], wrists)
    assert torch.equal(encoded_condition(path, config), encoded_condition(path, config, 0 * wrists))
    assert known.shape[-1] == condition_width(config) == 196
