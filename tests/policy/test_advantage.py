import pytest
import torch
from torch.testing import assert_close

from motiongrpo.policy.advantage import (
    group_advantages,
    informative_rows,
    reward_scale,
    standardised,
    variance_split,
)

EXACT = {"rtol": 0, "atol": 1e-12}


def rewards() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {"position": torch.rand(4, 6, dtype=torch.float64), "perceptual": torch.rand(4, 6).double()}


FLOOR = {"position": 0.05, "perceptual": 0.2}


def test_it_is_the_sum_of_standardised_rewards():
    r = rewards()
    expected = torch.zeros(4, 6, dtype=torch.float64)
    for term, reward in r.items():
        for group in range(4):
            mean = reward[group].mean()
            variance = (reward[group] - mean).square().mean()
            expected[group] += (reward[group] - mean) / (variance + FLOOR[term] ** 2) ** 0.5
    assert_close(group_advantages(r, FLOOR, clamp=100.0), expected, **EXACT)


def test_adding_a_constant_to_a_reward_changes_nothing():
    r = rewards()
    shifted = r | {"position": r["position"] + 3.7}
    assert_close(group_advantages(shifted, FLOOR, 5.0), group_advantages(r, FLOOR, 5.0), rtol=0, atol=1e-10)


def test_a_group_that_agrees_has_nothing_to_learn():
    assert group_advantages({"r": torch.full((2, 5), 0.3)}, {"r": 0.0}, 5.0).abs().max() == 0


def test_rounding_is_not_blown_up_to_an_advantage():
    almost = 0.3 + 1e-9 * torch.randn(1, 8, dtype=torch.float64)
    assert standardised(almost, floor=0.01).abs().max() < 1e-6
    assert standardised(almost, floor=0.0).abs().max() > 0.5


def test_permuting_a_group_permutes_its_advantages():
    r, order = rewards(), torch.tensor([2, 5, 0, 1, 4, 3])
    permuted = {term: reward[:, order] for term, reward in r.items()}
    assert_close(group_advantages(permuted, FLOOR, 5.0), group_advantages(r, FLOOR, 5.0)[:, order], **EXACT)


def test_other_groups_have_no_say():
    r = rewards()
    alone = {term: reward[1:2] for term, reward in r.items()}
    assert_close(group_advantages(alone, FLOOR, 5.0), group_advantages(r, FLOOR, 5.0)[1:2], **EXACT)


def test_it_is_clamped():
    outlier = torch.zeros(1, 100, dtype=torch.float64)
    outlier[0, 0] = 1.0
    assert float(group_advantages({"r": outlier}, {"r": 0.0}, clamp=5.0).max()) == 5.0


def test_floors_are_the_lower_quartile_of_the_group_deviations():
    r = torch.tensor([[0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [0.0, 8.0], [0.0, 10.0]], dtype=torch.float64)
    scale = reward_scale({"r": r}, {"r": 1.0})
    assert scale.floor["r"] == pytest.approx(2.0)  # deviations 1 … 5
    assert scale.spread["r"] == pytest.approx(float(r.std(correction=0)))


def test_a_group_is_informative_if_any_reward_tells_its_samples_apart():
    still, moving = torch.zeros(4), torch.tensor([0.0, 1, 0, 1])
    r = {"a": torch.stack([still, still, moving]), "b": torch.stack([still, moving, still])}
    assert informative_rows(r, {"a": 1.0, "b": 1.0}, 0.01).tolist() == [False, True, True]


def test_the_variance_split_adds_up_and_finds_the_known_parts():
    """For rewards with a condition part of variance 4 and an action part of variance 1."""
    torch.manual_seed(0)
    condition = 2 * torch.randn(4000, 8, 1, dtype=torch.float64)
    r = condition + torch.randn(4000, 8, 4, dtype=torch.float64)
    between, within = variance_split(r)
    assert abs(float(between.mean()) - 4) < 0.1
    assert abs(float(within.mean()) - 1) < 0.02
    total = r.flatten(1).var(dim=1, correction=0).mean()
    # of 32 values in 8 tracks of 4: E[total] = 7/8 · condition + 31/32 · action
    assert abs(float(total) - (4 * 7 / 8 + 31 / 32)) < 0.1


def test_actions_alone_leave_no_condition_part_on_average():
    torch.manual_seed(0)
    between, _ = variance_split(torch.randn(20_000, 4, 4, dtype=torch.float64))
    assert abs(float(between.mean())) < 0.01
