import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.placed import PlacedMotion, concatenate
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.geometry.heading import rotation_about_up
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.rewards.hybrid import HybridReward, RewardConfig
from motiongrpo.rewards.joint import (
    PosedMotion,
    aligned_position_error,
    position_error,
    rotation_error,
    velocity_error,
)
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from tests.bodies import FPS, open_body, window_batch

EXACT = {"rtol": 0, "atol": 1e-9}


def motion(batch: int = 3, frames: int = 6) -> PosedMotion:
    torch.manual_seed(batch)
    return PosedMotion(
        roma.random_rotmat((batch, frames, 22), dtype=torch.float64),
        torch.randn(batch, frames, 22, 3, dtype=torch.float64),
    )


MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] * 6])


def test_the_truth_has_no_error():
    true = motion()
    assert float(rotation_error(true, true, MASK, "geodesic").max()) < 1e-6
    assert float(rotation_error(true, true, MASK, "axis_angle_components").max()) == 0
    for error in (position_error, aligned_position_error):
        assert float(error(true, true, MASK).max()) < 1e-9
    assert float(velocity_error(true, true, MASK, FPS).max()) == 0


def test_known_errors_are_measured():
    true = motion()
    axis = torch.nn.functional.normalize(torch.randn(3, 6, 22, 3, dtype=torch.float64), dim=-1)
    turned = PosedMotion(
        true.R_parent_joint @ matrix_from_rotation_vector(0.2 * axis),
        true.p_world_joint + torch.tensor([0.03, 0.04, 0.0], dtype=torch.float64),
    )
    each = torch.ones(3, dtype=torch.float64)
    assert_close(rotation_error(turned, true, MASK, "geodesic"), 0.2 * each, **EXACT)
    assert_close(position_error(turned, true, MASK), 0.05 * each, **EXACT)
    assert_close(aligned_position_error(turned, true, MASK), 0 * each, **EXACT)
    assert_close(velocity_error(turned, true, MASK, FPS), 0 * each, **EXACT)


def test_a_growing_distance_is_a_velocity_error():
    true = motion()
    drift = torch.arange(6, dtype=torch.float64)[None, :, None, None] * 0.01
    moving = PosedMotion(true.R_parent_joint, true.p_world_joint + drift * torch.tensor([1.0, 0, 0]).double())
    assert_close(
        velocity_error(moving, true, MASK, FPS), torch.full((3,), 0.01 * FPS, dtype=torch.float64), **EXACT
    )


def test_padded_frames_change_nothing():
    true, guess = motion(), PosedMotion(motion(3).R_parent_joint, motion(3).p_world_joint + 0.1)
    errors = (
        position_error,
        aligned_position_error,
        lambda g, t, m: velocity_error(g, t, m, FPS),
        lambda g, t, m: rotation_error(g, t, m, "geodesic"),
    )
    before = [error(guess, true, MASK) for error in errors]
    guess.p_world_joint[1, 4:] += 5.0
    guess.R_parent_joint[1, 4:] = torch.eye(3).double()
    for error, value in zip(errors, before, strict=True):
        assert_close(error(guess, true, MASK), value, rtol=0, atol=0)


def hybrid(**changes) -> HybridReward:
    torch.manual_seed(0)
    values = {
        "terms": ["rotation", "position", "aligned_position", "velocity", "perceptual"],
        "omega": "median",
        "perceptual_omega": 0.2,
        "rotation_error": "geodesic",
        "placement": "true",
    }
    model = PerceptualModel(PerceptualConfig(width=16, heads=2, blocks=1, frames_per_token=4)).double()
    return HybridReward(open_body(), FPS, RewardConfig(**values | changes), model)


def samples(count: int = 3):
    batch = window_batch()
    torch.manual_seed(0)
    x = true_motion(batch).pack()[:, None].repeat(1, count, 1, 1)
    x = x + 0.1 * torch.randn(x.shape, dtype=torch.float64)
    return x, batch, batch.T_world_cpf[:, None, 1:].expand(-1, count, -1, -1)


def test_the_truth_gets_the_full_joint_reward():
    _, batch, placement = samples(1)
    reward = hybrid()
    measured = reward.measure(true_motion(batch).pack()[:, None], batch, placement[:, :1]).values
    paid = reward.rewards(measured, dict.fromkeys(measured, 1.0))
    for term in ("rotation", "position", "aligned_position", "velocity"):
        assert_close(paid[term], torch.ones(4, 1, dtype=torch.float64), rtol=0, atol=1e-6)


def test_omega_pays_the_median_of_the_pretrained_model_one_over_e():
    reward = hybrid()
    measured = reward.measure(*samples(8)).values
    omega = reward.omega_from(measured)
    paid = reward.rewards(measured, omega)
    assert abs(float(paid["position"].median()) - 0.3679) < 0.01
    assert omega["perceptual"] == 0.2
    score = measured["perceptual"]
    assert_close(paid["perceptual"], (0.2 * score).exp(), **EXACT)


def test_given_steepness_is_used_as_it_is():
    reward = hybrid(terms=["position"], omega={"position": 3.0})
    measured = reward.measure(*samples()).values
    assert list(measured) == ["position"]
    paid = reward.rewards(measured, reward.omega_from(measured))
    assert_close(paid["position"], (-3.0 * measured["position"]).exp(), **EXACT)


def test_a_samples_reward_does_not_depend_on_its_neighbours():
    x, batch, placement = samples(4)
    reward = hybrid()
    together = reward.measure(x, batch, placement).values
    some = torch.tensor([False, True, False, False])
    alone = reward.measure(x[some][:, 2:3], batch.rows(some), placement[some][:, 2:3]).values
    for term, value in alone.items():
        assert_close(value, together[term][some][:, 2:3], **EXACT)


def test_permuting_a_group_permutes_its_rewards():
    x, batch, placement = samples(4)
    order = torch.tensor([2, 0, 3, 1])
    reward = hybrid()
    plain = reward.measure(x, batch, placement).values
    permuted = reward.measure(x[:, order], batch, placement).values
    for term, value in permuted.items():
        assert_close(value, plain[term][:, order], **EXACT)


def test_where_the_body_is_placed_decides_the_position_reward():
    x, batch, placement = samples(2)
    moved = placement + torch.tensor([0, 0, 0, 0, 0.5, 0, 0]).double()
    reward = hybrid(terms=["position", "rotation"])
    true, perturbed = reward.measure(x, batch, placement).values, reward.measure(x, batch, moved).values
    assert (perturbed["position"] > true["position"] + 0.2).all()
    assert_close(perturbed["rotation"], true["rotation"], **EXACT)


def test_the_perceptual_score_is_blind_to_where_and_which_way():
    """Turning world and head together about the vertical, or moving them, changes no score."""
    x, batch, placement = samples(2)
    reward = hybrid(terms=["perceptual"])
    turn = rotation_about_up(torch.tensor(0.9).double())
    from motiongrpo.geometry.se3 import Transform

    shift = torch.tensor([2.0, -1.0, 0.0]).double()

    def moved(path):
        return (Transform(turn, shift) @ Transform.from_wxyz_xyz(path)).wxyz_xyz()

    from dataclasses import replace

    other = replace(batch, T_world_cpf=moved(batch.T_world_cpf))
    assert_close(head_condition(other.T_world_cpf), head_condition(batch.T_world_cpf), **EXACT)
    assert_close(
        reward.measure(x, other, moved(placement)).values["perceptual"],
        reward.measure(x, batch, placement).values["perceptual"],
        **EXACT,
    )


def test_a_sample_is_hung_from_the_head_with_its_mean_shape():
    batch = window_batch()
    x = true_motion(batch).pack()
    placed = PlacedMotion.sampled(x, batch.T_world_cpf[:, 1:], batch.mask)
    truth = PlacedMotion.truth(batch)
    assert_close(placed.betas, truth.betas, **EXACT)
    assert_close(
        placed.posed(open_body())[1].p_world_joint, truth.posed(open_body())[1].p_world_joint, **EXACT
    )
    assert_close(placed.contacts, truth.contacts, rtol=0, atol=0)
    assert len(concatenate([placed, truth]).betas) == 8


@pytest.mark.parametrize("terms", [[], ["positon"]])
def test_unknown_terms_are_refused(terms):
    with pytest.raises(ValueError, match="terms"):
        hybrid(terms=terms)
