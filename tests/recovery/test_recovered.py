"""A long motion guided in pieces, and the cost of a wrong floor."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch.testing import assert_close

from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.recovery import recovered
from motiongrpo.recovery.config import RecoveryConfig
from motiongrpo.recovery.floor_cost import floor_cost
from tests.bodies import open_body, window_batch
from tests.recovery.test_parts import model, stretch

PARAMETERS = Path(__file__).parents[2] / "conf" / "base" / "parameters_recovery.yml"


def base_config(**changes) -> RecoveryConfig:
    """The parameters of the base environment, changed."""
    base = yaml.safe_load(PARAMETERS.read_text(encoding="utf-8"))["recovery"]
    return RecoveryConfig.model_validate(base | changes)


GUIDANCE = base_config().guidance


def motion(frames: int) -> PlacedMotion:
    return PlacedMotion.truth(window_batch(frames=frames, count=1))


def turning(calls: list[int]):
    """A substitute for guidance that turns each piece about z by a different angle."""

    def guided(motions, body, fps, config):
        calls.append(motions.mask.shape[1])
        z = torch.tensor([0.0, 0.0, 0.01 * len(calls)]).to(motions.R_parent_joint)
        return replace(motions, R_parent_joint=motions.R_parent_joint @ matrix_from_rotation_vector(z))

    return guided


def angles(before: PlacedMotion, after: PlacedMotion) -> torch.Tensor:
    turn = before.R_parent_joint.mT @ after.R_parent_joint
    return torch.atan2(turn[0, :, 5, 1, 0], turn[0, :, 5, 0, 0])


@pytest.mark.parametrize("frames", [301, 450, 1000])
def test_pieces_fade_into_each_other_and_cover_every_frame(frames, monkeypatch):
    calls: list[int] = []
    monkeypatch.setattr(recovered, "guided", turning(calls))
    before = motion(frames)
    turn = angles(before, recovered.guided_in_pieces(before, open_body(), 30.0, GUIDANCE))
    assert set(calls) == {300}
    assert_close(turn[0], torch.tensor(0.01).to(turn))
    assert_close(turn[-1], torch.tensor(0.01 * len(calls)).to(turn))
    assert float(turn.diff().min()) > -1e-6
    assert float(turn.diff().max()) < 0.01 / 20


def test_a_short_motion_is_one_piece(monkeypatch):
    calls: list[int] = []
    monkeypatch.setattr(recovered, "guided", turning(calls))
    recovered.guided_in_pieces(motion(120), open_body(), 30.0, GUIDANCE)
    assert calls == [120]


def test_a_floor_that_is_off_costs_nothing_where_the_network_does_not_see_it():
    blind = model()
    weight = blind.denoiser.latent_from_cond.weight
    path = stretch(40).T_world_cpf
    assert floor_cost(blind, path, open_body()) > 0
    with torch.no_grad():
        weight.zero_()
    assert floor_cost(blind, path, open_body()) == pytest.approx(0, abs=1e-5)
