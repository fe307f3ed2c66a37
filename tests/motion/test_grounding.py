import pytest
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.skeleton import Joint
from motiongrpo.motion.grounding import FloorConfig, ground
from tests.bodies import CONTACT, FLOOR, open_body, standing_clip


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
