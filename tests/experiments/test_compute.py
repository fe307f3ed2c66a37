"""Equal compute, counted by hand."""

from motiongrpo.experiments.compute import grpo_evaluations, steps_within
from tests.policy.test_grpo import config


def changed(settings, **surrogate):
    return settings.model_copy(update={"surrogate": settings.surrogate.model_copy(update=surrogate)})


def test_a_grpo_costs_its_rollouts_three_a_trained_sample_and_the_pool():
    """2 groups of 4 on 4 levels, of which 2 are trained: 32 + 8·3·2 an update; a pool of 4 groups: 64."""
    assert grpo_evaluations(config(updates=3)) == 3 * (32 + 48) + 64
    assert grpo_evaluations(config(updates=3, passes=2)) == 3 * (32 + 2 * 48) + 64


def test_no_more_levels_are_trained_than_there_are():
    """Four levels have three stochastic steps, of which two begin at level 64 or above."""
    few, many = config(updates=1, trained_steps=3), config(updates=1, trained_steps=30)
    assert grpo_evaluations(few) == grpo_evaluations(many)


def test_a_divergence_costs_the_reference_at_every_level_and_an_anchor_a_batch():
    settings = config(updates=1)
    assert grpo_evaluations(changed(settings, kl_weight=0.1)) == 32 + 48 + 16 + 64
    assert grpo_evaluations(changed(settings, anchor_share=0.1)) == 32 + 48 + 3 * 2 + 64


def test_at_the_clean_estimate_a_pass_trains_one_level_of_every_sample():
    settings = config(updates=3, passes=2)
    branch = settings.model_copy(update={"credit": settings.credit.model_copy(update={"kind": "branch"})})
    assert grpo_evaluations(branch) == 3 * (32 + 2 * 24) + 64


def test_a_step_costs_three_a_sample_and_there_is_at_least_one():
    assert steps_within(69, batch_size=4) == 5
    assert steps_within(5, batch_size=4) == 1
