import pytest
import torch
from torch.testing import assert_close

from motiongrpo.body.contact import contact_labels, joint_speed
from motiongrpo.body.floor import estimate_floor
from motiongrpo.body.skeleton import Joint
from motiongrpo.errors import InputError
from motiongrpo.motion.grounding import FloorConfig, ground
from tests.bodies import CONTACT, FLOOR, FPS, open_body, standing_clip


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


def soles(heights: list[float], fps: float = FPS) -> torch.Tensor:
    p = torch.zeros(len(heights), 1, 3, dtype=torch.float64)
    p[:, 0, 2] = torch.tensor(heights, dtype=torch.float64)
    return p


def test_the_floor_is_where_feet_rest_and_the_confidence_how_often():
    rest = [0.05] * 30 + [0.05 + 0.02 * i for i in range(20)] + [0.45] * 10
    found = estimate_floor(soles(rest), FPS, speed_m_s=0.2, tolerance_m=0.02)
    assert abs(found.height_m - 0.05) < 1e-12
    assert 0.7 < found.confidence < 0.8  # thirty and a bit of about forty resting frames


def test_a_body_that_never_rests_has_no_sure_floor():
    found = estimate_floor(soles([0.1 * i for i in range(20)]), FPS, 0.2, 0.02)
    assert (found.height_m, found.confidence) == (0.0, 0.0)


def test_grounding_puts_the_soles_on_the_floor_and_keeps_everything_else():
    clip = standing_clip(height=0.37)
    grounded = ground(clip, open_body(), FLOOR, CONTACT)
    assert abs(grounded.floor_shift_m - 0.37) < 1e-6
    assert grounded.floor_confidence == 1.0
    assert_close(grounded.clip.T_world_root[:, :6], clip.T_world_root[:, :6], rtol=0, atol=0)
    assert grounded.contacts[:, Joint.LEFT_FOOT - 1].all()
    assert grounded.contacts[:, Joint.RIGHT_ANKLE - 1].all()
    assert not grounded.contacts[:, Joint.HEAD - 1].any()
    assert 1.5 < float(grounded.T_world_cpf[0, 6]) < 1.75


def test_a_clip_without_one_floor_is_refused_with_its_share():
    clip = standing_clip(frames=40)
    clip.T_world_root[20:, 6] += 0.5
    config = FloorConfig(speed_m_s=0.2, tolerance_m=0.02, confidence_at_least=0.9)
    with pytest.raises(InputError, match=r"no flat floor: \d\d% of the resting feet share a height"):
        ground(clip, open_body(), config, CONTACT)
