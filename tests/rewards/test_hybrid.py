import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.representation import true_motion
from motiongrpo.geometry.heading import rotation_about_up
from motiongrpo.geometry.se3 import Transform
from motiongrpo.rewards.hybrid import FAULTS, HybridReward, RewardConfig
from motiongrpo.rewards.perceptual import PerceptualConfig, PerceptualModel
from tests.bodies import FPS, open_body, window_batch

EXACT = {"rtol": 0, "atol": 1e-9}
EVERY_TERM = ["rotation", "position", "aligned_position", "velocity", *FAULTS, "perceptual"]


REFRESH = {
    "every_updates": 2,
    "steps": 2,
    "hard_negative_windows": 3,
    "optimiser": {
        "learning_rate": 3e-3,
        "weight_decay": 0.0,
        "warmup_steps": 0,
        "gradient_clip": 1.0,
        "ema_decay": 0.5,
    },
}


def hybrid(**changes) -> HybridReward:
    torch.manual_seed(0)
    values = {
        "terms": ["rotation", "position", "aligned_position", "velocity", "perceptual"],
        "weights": {},
        "omega": "median",
        "perceptual_omega": 0.2,
        "rotation_error": "geodesic",
        "placement": "true",
        "online": False,
        "refresh": REFRESH,
    }
    model = PerceptualModel(
        PerceptualConfig(width=16, heads=2, blocks=1, frames_per_token=4, contacts=True)
    ).double()
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


def test_the_truth_mislabels_nothing_and_slides_no_more_than_its_noisy_copy():
    """Sliding and depth are absolute: feet roll, and a captured sole may be slightly off the floor."""
    _, batch, placement = samples(1)
    reward = hybrid(terms=[*FAULTS])
    measured = reward.measure(true_motion(batch).pack()[:, None], batch, placement[:, :1]).values
    assert float(measured["contact"].max()) == 0
    noisy, _, _ = samples(1)
    worse = reward.measure(noisy, batch, placement).values
    assert all(bool((worse[term] >= measured[term]).all()) for term in ("contact", "sliding"))


def test_a_model_that_follows_the_policy_must_be_paid_for():
    with pytest.raises(ValueError, match="online: true needs the term perceptual"):
        hybrid(terms=["position"], online=True)


def test_omega_pays_the_median_of_the_pretrained_model_one_over_e():
    """An odd number of samples has a median sample, whose reward is exactly that."""
    x, batch, placement = samples(5)
    batch, x, placement = batch.rows(torch.arange(3)), x[:3], placement[:3]
    reward = hybrid()
    measured = reward.measure(x, batch, placement).values
    omega = reward.omega_from(measured)
    paid = reward.rewards(measured, omega)
    for term in ("rotation", "position", "aligned_position", "velocity"):
        assert_close(paid[term].median(), torch.tensor(math.exp(-1), dtype=torch.float64), **EXACT)
        assert float(paid[term].min()) > 0
        assert float(paid[term].max()) < 1
    assert omega["perceptual"] == 0.2
    assert_close(paid["perceptual"], (0.2 * measured["perceptual"]).exp(), **EXACT)
    assert ((measured["perceptual"] > 0) & (measured["perceptual"] < 1)).all()


def test_given_steepness_is_used_as_it_is():
    reward = hybrid(terms=["position"], omega={"position": 3.0})
    measured = reward.measure(*samples()).values
    assert list(measured) == ["position"]
    paid = reward.rewards(measured, reward.omega_from(measured))
    assert_close(paid["position"], (-3.0 * measured["position"]).exp(), **EXACT)


def test_a_samples_reward_does_not_depend_on_its_neighbours():
    x, batch, placement = samples(4)
    reward = hybrid(terms=EVERY_TERM)
    together = reward.measure(x, batch, placement).values
    some = torch.tensor([False, True, False, False])
    alone = reward.measure(x[some][:, 2:3], batch.rows(some), placement[some][:, 2:3]).values
    for term, value in alone.items():
        assert_close(value, together[term][some][:, 2:3], **EXACT)


def test_padded_frames_change_no_reward():
    """This holds for padding of the sample, the truth, the head path and the placement, for any term."""
    x, batch, placement = samples(2)
    mask = torch.arange(24) < torch.tensor([[24], [13], [24], [9]])
    batch, reward = replace(batch, mask=mask), hybrid(terms=EVERY_TERM)
    before = reward.measure(x, batch, placement).values
    padded = ~mask
    x, T_world_cpf, placement = x.clone(), batch.T_world_cpf.clone(), placement.clone()
    x[padded[:, None].expand(-1, 2, -1)] += 0.7
    T_world_cpf[:, 1:][padded] = T_world_cpf[0, 0].clone()
    placement[padded[:, None].expand(-1, 2, -1)] = T_world_cpf[0, 0].clone()
    q = batch.q_parent_joint.clone()
    q[padded] = q[0, 0].clone()
    contacts = batch.contacts ^ padded[..., None]
    changed = replace(batch, T_world_cpf=T_world_cpf, q_parent_joint=q, contacts=contacts)
    for term, value in reward.measure(x, changed, placement).values.items():
        assert_close(value, before[term], **EXACT)


def test_how_much_padding_there_is_changes_no_reward():
    x, batch, placement = samples(2)
    reward, real = hybrid(terms=EVERY_TERM), 13
    cut = replace(
        batch,
        mask=batch.mask[:, :real],
        q_parent_joint=batch.q_parent_joint[:, :real],
        contacts=batch.contacts[:, :real],
        T_world_cpf=batch.T_world_cpf[:, : real + 1],
    )
    padded = replace(batch, mask=(torch.arange(24) < real).expand(4, -1))
    alone = reward.measure(x[:, :, :real], cut, placement[:, :, :real]).values
    for term, value in reward.measure(x, padded, placement).values.items():
        assert_close(value, alone[term], **EXACT)


def test_the_real_frames_do_change_it():
    x, batch, placement = samples(2)
    mask = torch.arange(24) < torch.tensor([[24], [13], [24], [9]])
    batch, reward = replace(batch, mask=mask), hybrid()
    before = reward.measure(x, batch, placement).values
    x = x.clone()
    x[1, :, 12] += 0.7
    after = reward.measure(x, batch, placement).values
    for term, value in after.items():
        assert ((value - before[term]).abs() > 1e-9).all(dim=1).tolist() == [False, True, False, False]


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
    shift = torch.tensor([2.0, -1.0, 0.0]).double()

    def moved(path):
        return (Transform(turn, shift) @ Transform.from_wxyz_xyz(path)).wxyz_xyz()

    other = replace(batch, T_world_cpf=moved(batch.T_world_cpf))
    assert_close(head_condition(other.T_world_cpf), head_condition(batch.T_world_cpf), **EXACT)
    assert_close(
        reward.measure(x, other, moved(placement)).values["perceptual"],
        reward.measure(x, batch, placement).values["perceptual"],
        **EXACT,
    )


@pytest.mark.parametrize("terms", [[], ["positon"]])
def test_unknown_terms_are_refused(terms):
    with pytest.raises(ValueError, match="terms"):
        hybrid(terms=terms)


def test_a_joint_term_without_steepness_is_refused():
    with pytest.raises(ValueError, match=r"omega must name every joint term.* missing \['rotation'\]"):
        hybrid(terms=["position", "rotation", "perceptual"], omega={"position": 3.0})


def test_a_fault_that_few_samples_have_is_as_steep_as_its_mean_says():
    reward = hybrid(terms=["penetration"])
    few, none = torch.tensor([[0.0, 0.0, 0.0, 0.02]]), torch.zeros(1, 4)
    assert reward.omega_from({"penetration": few})["penetration"] == pytest.approx(1 / 0.005)
    assert reward.omega_from({"penetration": none})["penetration"] == 1.0
