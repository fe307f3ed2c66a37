"""Feet and floor, for a few points with heights and speeds chosen by hand."""

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.skeleton import Joint
from motiongrpo.metrics.contact import (
    contact_f1,
    floating_share,
    foot_sliding_mm_s,
    penetration_mm,
    penetration_share,
)

FPS = 30.0


def contact(frames: int, *joints: Joint, within: slice = slice(None)) -> torch.Tensor:
    """Labels of one window in which these joints touch the floor in these frames."""
    labels = torch.zeros(1, frames, 21, dtype=torch.float64)
    for joint in joints:
        labels[:, within, joint - 1] = 1
    return labels


def real(frames: int) -> torch.Tensor:
    return torch.ones(1, frames, dtype=torch.bool)


def soles(*heights: float) -> torch.Tensor:
    """One window; in each frame two sole points, the other one 10 cm higher."""
    points = torch.zeros(1, len(heights), 2, 3, dtype=torch.float64)
    points[0, :, 0, 2] = torch.tensor(heights, dtype=torch.float64)
    points[0, :, 1, 2] = points[0, :, 0, 2] + 0.1
    return points


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def moving(velocity: dict[Joint, tuple[float, float, float]], frames: int) -> torch.Tensor:
    """Joints at constant velocities in m/s; the rest stand still."""
    p = torch.zeros(1, frames, 22, 3, dtype=torch.float64)
    t = torch.arange(frames, dtype=torch.float64) / FPS
    for joint, v in velocity.items():
        p[0, :, joint] = t[:, None] * torch.tensor(v, dtype=torch.float64)
    return p


@pytest.mark.parametrize("joint", [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, Joint.LEFT_FOOT, Joint.RIGHT_FOOT])
def test_a_planted_foot_that_moves_at_5_cm_a_second_slides_at_50_mm_s(joint):
    """Up and down is not sliding."""
    p = moving({joint: (0.03, -0.04, 0.5)}, 6)
    sliding = foot_sliding_mm_s(p, contact(6, joint), real(6), FPS)
    assert_close(sliding, one(50), rtol=0, atol=1e-9)


def test_sliding_is_averaged_over_the_feet_that_are_planted_and_not_over_all():
    p = moving({Joint.LEFT_ANKLE: (0.06, 0, 0), Joint.RIGHT_FOOT: (9, 0, 0), Joint.LEFT_WRIST: (9, 0, 0)}, 6)
    planted = contact(6, Joint.LEFT_ANKLE, Joint.LEFT_FOOT, Joint.LEFT_WRIST)
    assert_close(foot_sliding_mm_s(p, planted, real(6), FPS), one(30), rtol=0, atol=1e-9)


def test_a_foot_that_lands_or_lifts_off_between_two_frames_does_not_slide_there():
    p = moving({}, 6)
    p[0, :2, Joint.LEFT_ANKLE] = 5
    p[0, 4:, Joint.LEFT_ANKLE] = 5
    planted = contact(6, Joint.LEFT_ANKLE, within=slice(2, 4))
    assert_close(foot_sliding_mm_s(p, planted, real(6), FPS), one(0), rtol=0, atol=0)


def test_sliding_is_undefined_where_no_foot_is_planted_and_only_there():
    p = moving({Joint.LEFT_ANKLE: (0.05, 0, 0)}, 6).expand(2, -1, -1, -1)
    planted = torch.cat([contact(6), contact(6, Joint.LEFT_ANKLE)])
    sliding = foot_sliding_mm_s(p, planted, real(6).expand(2, -1), FPS)
    assert sliding[0].isnan()
    assert_close(sliding[1:], one(50), rtol=0, atol=1e-9)


def test_penetration_is_the_depth_of_the_deepest_point_with_the_other_frames_as_zero():
    assert_close(penetration_mm(soles(-0.03, -0.005, 0.0, 0.2), real(4)), one(35 / 4), rtol=0, atol=1e-10)


def test_penetration_is_shown_by_frames_deeper_than_a_centimetre():
    assert_close(penetration_share(soles(-0.03, -0.0101, -0.0099, 0.2), real(4)), one(0.5), rtol=0, atol=0)


def test_a_body_floats_where_every_sole_is_over_4_cm_high_and_a_foot_should_be_down():
    heights = soles(0.041, 0.039, 0.3, 0.3, 0.3)
    planted = contact(5, Joint.RIGHT_FOOT, within=slice(0, 3))
    assert_close(floating_share(heights, planted, real(5)), one(2 / 5), rtol=0, atol=1e-15)


def test_a_wrist_on_the_floor_does_not_make_a_body_float():
    assert_close(floating_share(soles(0.3), contact(1, Joint.LEFT_WRIST), real(1)), one(0), rtol=0, atol=0)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    """Left ankle: 4 true frames, 3 found, and 2 claimed in vain: precision 3/5, recall 3/4."""
    truth = contact(8, Joint.LEFT_ANKLE, within=slice(0, 4))
    guess = contact(8, Joint.LEFT_ANKLE, within=slice(1, 6))
    expected = 2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4)
    assert_close(contact_f1(guess, truth, real(8)), one(expected), rtol=0, atol=1e-15)


def test_f1_reads_contacts_above_one_half_and_those_of_feet_only():
    truth = contact(4, Joint.LEFT_ANKLE)
    guess = (
        0.51 * truth + 0.5 * contact(4, Joint.RIGHT_ANKLE) + contact(4, Joint.LEFT_KNEE, Joint.RIGHT_WRIST)
    )
    assert_close(contact_f1(guess, truth, real(4)), one(1), rtol=0, atol=0)


def test_f1_is_undefined_exactly_where_no_foot_truly_touches_the_floor():
    """It does not depend on the prediction, so all checkpoints are averaged over the same windows."""
    truth = torch.cat([contact(4), contact(4), contact(4, Joint.LEFT_FOOT)])
    guess = torch.cat([contact(4), contact(4, Joint.LEFT_FOOT), contact(4)])
    f1 = contact_f1(guess, truth, real(4).expand(3, -1))
    assert f1.isnan().tolist() == [True, True, False]
    assert f1[2] == 0
