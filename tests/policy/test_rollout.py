import itertools

import pytest
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.conditioning import head_condition
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.sampler import reverse_step
from motiongrpo.policy.rollout import (
    Rollouts,
    estimated_steps,
    perturbed_paths,
    roll_out,
    stratified_subset,
    trainable_steps,
)
from tests.diffusion.test_denoiser import config as denoiser_config
from tests.policy.linear import LinearPolicy, rollout_config, windows


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noisy(scope: str, **changes) -> dict:
    values = {"kind": "perlin", "scope": scope, "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 16.0}
    return {"noise": values | {"octaves": 1} | changes}


@pytest.mark.parametrize(("scope", "tracks"), [("group", 1), ("sample", 4), ("nested", 2)])
def test_noise_belongs_to_its_scope(scope, tracks):
    config = rollout_config(3, 4, **noisy(scope))
    rollouts = roll_out(LinearPolicy(3), windows(3), config, trainable_steps(config), seeded())
    assert rollouts.x.shape[:2] == (3 * tracks, 4 // tracks)
    assert rollouts.by_group().shape[:2] == (3, 4)
    perturbed = rollouts.placement("perturbed")[..., 4:]
    distinct = [len({tuple(s.flatten().tolist()) for s in group}) for group in perturbed]
    assert distinct == [tracks] * 3
    assert_close(rollouts.placement("true"), windows(3).T_world_cpf[:, None, 1:].expand(-1, 4, -1, -1))


def test_noise_moves_the_head_and_never_turns_it():
    config = rollout_config(3, 4, **noisy("group"))
    paths = perturbed_paths(windows(200), config, seeded())
    true = windows(200).T_world_cpf
    assert_close(paths[..., :4], true[..., :4], rtol=0, atol=0)
    assert abs(float((paths - true)[..., 4:].square().mean().sqrt()) - 0.05) < 0.01


def test_rows_and_groups_are_two_views_of_the_same_samples():
    config = rollout_config(3, 4, **noisy("nested"))
    rollouts = roll_out(LinearPolicy(3), windows(3), config, [], seeded())
    per_group = rollouts.by_group().mean((-1, -2))
    assert_close(config.compared(per_group), rollouts.x.mean((-1, -2)))


@pytest.mark.parametrize(("initial", "distinct"), [("shared", 1), ("own", 4)])
def test_the_initial_noise_is_shared_or_not(initial, distinct):
    config = rollout_config(3, 4, initial_noise=initial)
    rollouts = roll_out(LinearPolicy(3), windows(2), config, trainable_steps(config), seeded())
    first = rollouts.steps[0]
    assert first.t == 1000
    for group in first.x_t:
        assert len({tuple(sample.flatten().tolist()) for sample in group}) == distinct
    assert (first.x_t[0] - first.x_t[1]).abs().max() > 0.1


def test_kept_steps_are_those_of_the_chain():
    """x_s of one kept step is x_t of the next, so state, estimate and noise belong together."""
    config = rollout_config(5, 3)
    rollouts = roll_out(LinearPolicy(5), windows(2), config, trainable_steps(config), seeded())
    for step, following in itertools.pairwise(rollouts.steps):
        transition = reverse_step(step.t, following.t, config.sampling).transition(
            step.x_t.flatten(0, 1), step.x_0.flatten(0, 1)
        )
        x_s = transition.sample(step.noise.flatten(0, 1)).view_as(step.x_t)
        assert_close(following.x_t, x_s, rtol=0, atol=0)


def test_a_group_of_the_real_network_is_the_same_in_other_company():
    torch.manual_seed(0)
    model = Denoiser(denoiser_config()).double()
    config = rollout_config(4, 3)
    both = roll_out(model, windows(2), config, trainable_steps(config), seeded())
    picked = both.groups(torch.tensor([False, True]))
    assert_close(picked.x, both.x[1:])
    step = picked.steps[0]
    again = model(step.x_t, torch.tensor([step.t]), picked.condition, None)
    assert_close(again, step.x_0, rtol=0, atol=1e-12)


def test_the_policy_is_shown_the_perturbed_path_and_not_the_true_one():
    torch.manual_seed(0)
    model = Denoiser(denoiser_config()).double()
    config = rollout_config(4, 4, **noisy("nested"))
    rollouts = roll_out(model, windows(2), config, trainable_steps(config), seeded())
    step = rollouts.steps[0]
    levels = torch.full((len(step.x_t),), step.t)
    shown = model(step.x_t, levels, head_condition(rollouts.T_world_cpf), None)
    assert_close(shown, step.x_0, rtol=0, atol=1e-12)
    true = head_condition(windows(2).T_world_cpf.repeat_interleave(2, 0))
    assert (model(step.x_t, levels, true, None) - step.x_0).abs().max() > 1e-6


@pytest.mark.parametrize(("scope", "shape"), [("group", (1, 3)), ("nested", (1, 2)), ("sample", (3, 1))])
def test_a_few_samples_are_the_first_of_the_first_group(scope, shape):
    config = rollout_config(3, 4, **noisy(scope))
    whole = roll_out(LinearPolicy(3), windows(3), config, trainable_steps(config), seeded())
    few = whole.few(3)
    rows, samples = shape
    assert few.x.shape[:2] == shape
    assert len(few.mask) == len(few.condition) == rows
    assert_close(few.x, whole.x[:rows, :samples], rtol=0, atol=0)
    assert_close(few.steps[1].noise, whole.steps[1].noise[:rows, :samples], rtol=0, atol=0)


def test_concatenating_puts_groups_side_by_side():
    config = rollout_config(3, 4, **noisy("nested"))
    parts = [
        roll_out(LinearPolicy(3), windows(n), config, trainable_steps(config), seeded(n)) for n in (1, 2)
    ]
    whole = Rollouts.concatenate(parts)
    assert len(whole.batch) == 3
    assert_close(whole.groups(torch.tensor([True, False, False])).x, parts[0].x)
    assert_close(whole.steps[1].noise[2:], parts[1].steps[1].noise)


def test_trained_steps_are_stochastic_and_not_too_clean():
    config = rollout_config(30, 2, lowest_level=64)
    steps = trainable_steps(config)
    assert steps[0] == (1000, 841)
    assert steps[-1] == (64, 49)
    assert trainable_steps(rollout_config(2, 2, lowest_level=1000)) == [(1000, 225)]  # there is always one


def test_clean_estimates_are_credited_at_the_last_step_too_where_the_lowest_level_allows():
    assert estimated_steps(rollout_config(30, 2, lowest_level=1))[-1] == (1, 0)
    config = rollout_config(30, 2, lowest_level=64)
    assert estimated_steps(config) == trainable_steps(config)


@pytest.mark.parametrize("count", [1, 5, 8, 22])
def test_a_subset_has_one_step_of_every_stratum_and_none_twice(count):
    steps = trainable_steps(rollout_config(30, 2, lowest_level=64))
    width = len(steps) / count
    for seed in range(50):
        positions = [steps.index(step) for step in stratified_subset(steps, count, seeded(seed))]
        assert len(set(positions)) == count
        for stratum, position in enumerate(positions):
            assert int(stratum * width) <= position < (stratum + 1) * width
    assert stratified_subset(steps, 23, seeded()) == stratified_subset(steps, 99, seeded()) == steps


def test_every_step_is_trained_equally_often():
    steps = trainable_steps(rollout_config(30, 2, lowest_level=64))
    draws = 4000
    drawn = [step for seed in range(draws) for step in stratified_subset(steps, 8, seeded(seed))]
    share, expected = torch.tensor([drawn.count(step) for step in steps]) / draws, 8 / len(steps)
    assert float((share - expected).abs().max()) < 5 * (expected * (1 - expected) / draws) ** 0.5


def test_tracks_must_divide_the_group():
    with pytest.raises(ValueError, match=r"group_size must be a multiple of noise.tracks, got 4 and 3"):
        rollout_config(3, 4, **noisy("nested", tracks=3))


def test_a_nested_track_needs_two_samples():
    with pytest.raises(ValueError, match=r"noise.tracks must leave two samples a track to compare, got 4"):
        rollout_config(3, 4, **noisy("nested", tracks=4))


@pytest.mark.parametrize(("scope", "shape"), [("group", (3, 4)), ("sample", (3, 4)), ("nested", (6, 2))])
def test_samples_are_compared_within_their_group_or_their_nested_track(scope, shape):
    values = torch.arange(12.0).view(3, 4)
    compared = rollout_config(3, 4, **noisy(scope)).compared(values)
    assert_close(compared, torch.arange(12.0).view(shape))
