"""Metrics as papers report them, by hand, and a table that compares EgoAllo's PA with the textbook's."""

import math

import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.metrics.in_print import (
    egoallo_foot_skate_m,
    egoallo_gnd,
    egoallo_pa_mpjpe_mm,
    paper_mpjre_deg,
    paper_penetration_m,
)
from motiongrpo.metrics.pose import mpjpe_mm, mpjre_deg, pa_mpjpe_mm
from motiongrpo.metrics.smoothness import jitter_ratio
from tests.bodies import open_body


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def real(x: torch.Tensor) -> torch.Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool)


def person(frames: int) -> torch.Tensor:
    """A real body at rest, the same in every frame."""
    return (
        open_body().rest_joints(torch.zeros(16, dtype=torch.float64))[:BODY_JOINTS].expand(1, frames, -1, -1)
    )


def three_errors(guess: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """MPJPE, EgoAllo's PA and the textbook's, as in the columns of the table."""
    measures = (mpjpe_mm, egoallo_pa_mpjpe_mm, pa_mpjpe_mm)
    return torch.cat([measure(guess, truth, real(truth)) for measure in measures])


def test_a_rotation_with_a_shift_is_all_of_egoallos_pa_and_none_of_the_textbooks():
    """The table's first row, 203.8 203.8 0.0: the shift is chosen so that this body moves as far."""
    truth = person(1)
    turned = truth @ roma.rotvec_to_rotmat(vector(0.1, -0.2, 0.3)).mT
    near, far = 0.0, 1.0
    for _ in range(60):
        shift = (near + far) / 2
        error = mpjpe_mm(turned + shift * vector(0.9, 0.4, 0.2), truth, real(truth)).item()
        near, far = (shift, far) if error < 203.8 else (near, shift)
    guess = turned + near * vector(0.9, 0.4, 0.2)
    assert_close(three_errors(guess, truth), vector(203.8, 203.8, 0), rtol=0, atol=1e-9)


def test_a_shift_of_5_cm_is_all_of_egoallos_pa_and_none_of_the_textbooks():
    truth = person(2)
    guess = truth + vector(0.03, 0, -0.04)
    assert_close(three_errors(guess, truth), vector(50, 50, 0), rtol=0, atol=1e-9)


def test_noise_of_5_cm_an_axis_is_a_third_of_itself_to_egoallo_and_nearly_all_to_the_textbook():
    """Published: 79.4, 25.8, 74.8, on another body and with few draws."""
    truth = person(3000)
    noise = 0.05 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = three_errors(truth + noise, truth)
    assert_close(found, vector(79.4, 25.8, 74.8), rtol=0, atol=1.0)
    assert_close(found[0], vector(50 * math.sqrt(8 / math.pi))[0], rtol=0, atol=0.3)


def test_a_body_twice_as_large_is_as_wrong_to_egoallo_as_its_joints_are_far_from_their_middle():
    truth = person(1)
    middle = truth.mean(dim=2, keepdim=True)
    radius = (truth - middle).norm(dim=-1).mean() * 1000
    found = three_errors(middle + 2 * (truth - middle), truth)
    assert_close(found, torch.stack([radius, radius, torch.zeros(())]).double(), rtol=0, atol=1e-9)


def standing(frames: int) -> torch.Tensor:
    """All joints at a metre, so that none is near the floor."""
    p = torch.zeros(1, frames, BODY_JOINTS, 3, dtype=torch.float64)
    p[..., 2] = 1.0
    return p


@pytest.mark.parametrize(
    ("joint", "limit"),
    [
        (Joint.LEFT_ANKLE, 0.08),
        (Joint.RIGHT_ANKLE, 0.08),
        (Joint.LEFT_FOOT, 0.04),
        (Joint.RIGHT_FOOT, 0.04),
    ],
)
def test_one_low_foot_in_one_frame_grounds_a_clip(joint, limit):
    for height, grounded in ((limit, 0), (limit - 1e-6, 1), (-5.0, 1)):
        p = standing(100)
        p[0, 63, joint, 2] = height
        assert egoallo_gnd(p, real(p)).tolist() == [grounded]


def test_no_other_joint_and_no_padded_frame_grounds_a_clip():
    p = standing(4)
    p[:, :, Joint.LEFT_KNEE, 2] = 0.0
    assert egoallo_gnd(p, real(p)).tolist() == [0]
    p[:, 3, Joint.LEFT_FOOT, 2] = 0.0
    assert egoallo_gnd(p, torch.tensor([[True, True, True, False]])).tolist() == [0]


def skating() -> torch.Tensor:
    """A toe joint that moves by 3 cm in x and −4 cm in y per frame, at heights 0, 2 cm, 0, 4 cm."""
    p = standing(4)
    frame = torch.arange(4, dtype=torch.float64)
    p[0, :, Joint.LEFT_FOOT] = torch.stack([0.03 * frame, -0.04 * frame, vector(0, 0.02, 0, 0.04)], dim=1)
    return p


def test_foot_skate_is_a_sum_of_l1_steps_weighted_by_the_later_height():
    """7 cm at half the height weigh 2 − √2, 7 cm on the floor 1, 7 cm at the whole height nothing."""
    expected = 0.07 * (2 - math.sqrt(2)) + 0.07
    assert_close(egoallo_foot_skate_m(skating(), real(skating())), vector(expected), rtol=0, atol=1e-12)


def test_foot_skate_knows_ankles_up_to_8_cm_and_no_other_joint():
    p = skating()
    p[..., Joint.RIGHT_ANKLE, :] = p[..., Joint.LEFT_FOOT, :] + vector(0, 0, 0.04)
    p[..., Joint.LEFT_KNEE, :] = p[..., Joint.LEFT_FOOT, :]
    heights = (0.06, 0.04, 0.08)
    ankle = sum(0.07 * max(0.0, 2 - 2 ** (h / 0.08)) for h in heights)
    toe = 0.07 * (2 - math.sqrt(2)) + 0.07
    assert_close(egoallo_foot_skate_m(p, real(p)), vector(ankle + toe), rtol=0, atol=1e-12)


def test_foot_skate_puts_a_clip_on_the_floor_by_its_own_lowest_joint_whoever_is_beside_it():
    p = skating()
    floating, sunk = p + vector(0, 0, 2.0), p - vector(0, 0, 0.5)
    alone = egoallo_foot_skate_m(p, real(p))
    beside = torch.cat([floating, p, sunk])
    assert_close(egoallo_foot_skate_m(beside, real(beside)), alone.expand(3), rtol=0, atol=1e-12)


def test_foot_skate_grows_with_the_clip():
    p = standing(121)
    p[0, :, Joint.LEFT_FOOT, 0] = 0.01 * torch.arange(121, dtype=torch.float64)
    p[0, :, Joint.LEFT_FOOT, 2] = 0.0
    both = torch.cat([p, p])
    mask = torch.arange(121) < torch.tensor([[121], [61]])
    assert_close(egoallo_foot_skate_m(both, mask), vector(1.2, 0.6), rtol=0, atol=1e-12)


def turned(*degrees: float) -> torch.Tensor:
    return roma.rotvec_to_rotmat(torch.deg2rad(vector(*degrees)))


def test_a_turn_of_30_degrees_counts_10_about_an_axis_and_17_about_a_diagonal():
    """Only the geodesic angle is 30 in both cases."""
    rest = torch.eye(3, dtype=torch.float64).expand(1, 2, 21, 3, 3)
    diagonal = 30 / math.sqrt(3)
    for guess, expected in ((turned(0, 30, 0), 10.0), (turned(diagonal, diagonal, diagonal), diagonal)):
        guess = guess.expand(1, 2, 21, 3, 3)
        assert_close(paper_mpjre_deg(guess, rest, real(guess)), vector(expected), rtol=0, atol=1e-9)
        assert_close(mpjre_deg(guess, rest, real(guess)), vector(30), rtol=0, atol=1e-6)


def test_components_are_wrapped_so_an_axis_may_pass_half_a_turn():
    """179° and 181° about x are rotation vectors of 179° and −179°: 358° apart, 2° once wrapped."""
    guess, truth = (turned(angle, 0, 0).expand(1, 1, 21, 3, 3) for angle in (179, 181))
    assert_close(paper_mpjre_deg(guess, truth, real(guess)), vector(2 / 3), rtol=0, atol=1e-6)


def test_near_half_a_turn_about_another_axis_two_degrees_count_as_71():
    """179° and 181° about (1, 1, 0)/√2: components ±179°/√2 are 253° apart, 107° once wrapped."""
    each = [vector(angle, angle, 0) / math.sqrt(2) for angle in (179, 181)]
    guess, truth = (turned(*v.tolist()).expand(1, 1, 21, 3, 3) for v in each)
    expected = (360 - 2 * 179 / math.sqrt(2)) * 2 / 3
    assert expected > 71
    assert_close(paper_mpjre_deg(guess, truth, real(guess)), vector(expected), rtol=0, atol=1e-6)
    assert_close(mpjre_deg(guess, truth, real(guess)), vector(2), rtol=0, atol=1e-5)


def test_small_errors_in_no_particular_direction_count_half():
    """E|x| / E√(x² + y² + z²) = √(2/π) / √(8/π) of a standard normal vector."""
    generator = torch.Generator().manual_seed(0)
    error = 0.01 * torch.randn(1, 2000, 21, 3, generator=generator, dtype=torch.float64)
    guess, rest = roma.rotvec_to_rotmat(error), torch.eye(3, dtype=torch.float64).expand(1, 2000, 21, 3, 3)
    ratio = paper_mpjre_deg(guess, rest, real(guess)) / mpjre_deg(guess, rest, real(guess))
    assert_close(ratio, vector(0.5), rtol=0, atol=0.005)


def test_penetration_adds_up_the_depth_of_the_lowest_joint_and_knows_no_joint_above_the_floor():
    p = standing(4)
    p[0, :, Joint.LEFT_FOOT, 2] = vector(-0.02, -0.03, 0.5, -0.1)
    p[0, 1, Joint.RIGHT_ANKLE, 2] = -0.01  # not the lowest
    assert_close(paper_penetration_m(p, real(p)), vector(0.15), rtol=0, atol=1e-12)
    mask = torch.tensor([[True, True, True, False]])
    assert_close(paper_penetration_m(p, mask), vector(0.05), rtol=0, atol=1e-12)


def test_a_mean_of_jitter_ratios_is_ruled_by_the_clip_that_hardly_moves():
    """Jitters of 1 and 1 against the truth's 2 and 0.1: mean of ratios 5.25, ratio of means below 1."""
    frame = torch.arange(6, dtype=torch.float64)[None, :, None, None]
    shake = (frame % 2) * vector(1, 0, 0).expand(2, 6, BODY_JOINTS, 3)
    truth = shake * vector(2, 0.1)[:, None, None, None]
    ratios = jitter_ratio(shake, truth, real(shake), 30.0)
    assert_close(ratios, vector(0.5, 10), rtol=0, atol=1e-9)
    assert_close(ratios.mean(), vector(5.25)[0], rtol=0, atol=1e-9)
