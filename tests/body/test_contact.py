import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.floor_contact import contact_labels, joint_speed
from motiongrpo.body.skeleton import CONTACT_JOINTS, Joint
from tests.bodies import CONTACT, FPS


def test_speed_is_in_metres_per_second_at_any_frame_rate():
    t = torch.arange(12, dtype=torch.float64)
    for fps in (30.0, 120.0):
        p = torch.stack([0.7 * t / fps, 0 * t, 0 * t], dim=-1)[:, None]
        assert_close(joint_speed(p, fps), torch.full((12, 1), 0.7, dtype=torch.float64), rtol=0, atol=1e-12)


def test_contact_is_slow_and_low_and_only_where_a_floor_can_be_touched():
    frames = 10
    p = torch.zeros(frames, 22, 3, dtype=torch.float64)
    standing = torch.zeros(52, dtype=torch.float64)
    standing[list((Joint.LEFT_ANKLE, Joint.LEFT_FOOT))] = torch.tensor([0.08, 0.03]).double()
    p[:, Joint.LEFT_ANKLE, 2] = 0.11  # 3 cm above where it stands
    p[:, Joint.RIGHT_ANKLE, 2] = 0.11  # the same height, but it stands at zero
    p[:, Joint.LEFT_WRIST, 0] = torch.arange(frames) * 0.3 / FPS  # on the floor, too fast
    labels = contact_labels(p, standing, FPS, CONTACT)
    touching = {Joint(i + 1) for i in labels[0].nonzero()[:, 0].tolist()}
    assert touching == {
        Joint.LEFT_KNEE,
        Joint.RIGHT_KNEE,
        Joint.LEFT_ANKLE,
        Joint.LEFT_FOOT,
        Joint.RIGHT_FOOT,
        Joint.RIGHT_WRIST,
    }
    assert (labels == labels[0]).all()


def test_speed_of_a_parabola_is_its_derivative_inside_and_one_sided_at_the_ends():
    """Central differences are exact for x = t²; at an end the slope is that of the chord."""
    t = torch.arange(5, dtype=torch.float64) / FPS
    p = torch.stack([t.square(), 0 * t, 0 * t], dim=-1)[:, None]
    expected = 2 * t
    expected[[0, -1]] += torch.tensor([1.0, -1.0], dtype=torch.float64) / FPS
    assert_close(joint_speed(p, FPS)[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("above_the_limit", "touches"), [(-1e-6, True), (1e-6, False)])
def test_both_limits_are_where_the_configuration_says(above_the_limit, touches):
    still = torch.zeros(4, 22, 3, dtype=torch.float64)
    high, moving = still.clone(), still.clone()
    high[..., 2] = CONTACT.height_m + above_the_limit
    moving[..., 0] = torch.arange(4)[:, None] * (CONTACT.speed_m_s + above_the_limit) / FPS
    for p in (high, moving):
        labels = contact_labels(p, torch.zeros(52, dtype=torch.float64), FPS, CONTACT)
        assert labels[:, [joint - 1 for joint in CONTACT_JOINTS]].unique().tolist() == [touches]


def test_hands_and_everything_above_them_do_not_matter():
    """A body posed with its fingers has the labels of one without."""
    p = (
        torch.rand(52, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).expand(6, 52, 3)
        / 10
    )
    standing = torch.zeros(52, dtype=torch.float64)
    with_hands = contact_labels(p, standing, FPS, CONTACT)
    assert 0 < with_hands.sum() < with_hands[:, [joint - 1 for joint in CONTACT_JOINTS]].numel()
    assert torch.equal(with_hands, contact_labels(p[:, :22], standing, FPS, CONTACT))
