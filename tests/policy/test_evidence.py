"""The causes of the variance of rewards, for rewards with known parts and for rollouts of a network."""

import pytest
import torch

from motiongrpo.policy.evidence import condition_and_action, evenly, evidence, some_levels, splitting
from motiongrpo.policy.rollout import perturbed_paths, roll_out
from motiongrpo.policy.signal import Signal
from tests.bodies import window_batch
from tests.policy.linear import rollout_config
from tests.policy.test_update import network, rollouts

TRACK = torch.tensor([[0.0, 2.0, 4.0], [1.0, 1.0, 7.0]], dtype=torch.float64)  # variances 4 and 12


def test_what_the_track_alone_decides_is_caused_by_the_condition():
    condition, action = condition_and_action(TRACK.repeat_interleave(2, 1), tracks=3)
    assert condition.tolist() == pytest.approx([4.0, 12.0])
    assert action.tolist() == [0.0, 0.0]


def test_what_the_sample_alone_decides_is_caused_by_the_action():
    """Every track has the same two rewards, so the variance between tracks is less than by chance."""
    condition, action = condition_and_action(torch.tensor([[0.0, 2.0] * 3]).double(), tracks=3)
    assert action.tolist() == [2.0]
    assert condition.tolist() == [-1.0]  # 0 − 2/2: unbiased, not positive


def test_both_parts_add_up_to_the_variance_of_independent_samples():
    draw = torch.Generator().manual_seed(0)
    shape = (4000, 3, 1), (4000, 3, 4)
    c, a = (torch.randn(s, generator=draw, dtype=torch.float64) for s in shape)
    condition, action = condition_and_action((2 * c + 3 * a).flatten(1), tracks=3)
    assert float(condition.mean()) == pytest.approx(4, rel=0.07)
    assert float(action.mean()) == pytest.approx(9, rel=0.03)


def test_evidence_is_the_mean_over_windows_term_by_term():
    both = TRACK.repeat_interleave(2, 1)
    levels = {"9": Signal(1.0, 0.1), "all": Signal(1.0, 0.2)}
    terms = {"a": Signal(2.0, 0.5), "b": Signal(1.0, None)}
    found = evidence(levels, terms, {"a": both, "b": 0 * both}, tracks=3)
    assert (found.gradient_cosine, found.level_cosine) == (0.2, {"9": 0.1})
    assert found.condition_variance == {"a": pytest.approx(8.0), "b": 0.0}
    assert found.action_variance == {"a": 0.0, "b": 0.0}
    assert found.term_norm == {"a": 2.0, "b": 1.0}
    assert found.term_cosine == {"a": 0.5, "b": None}


@pytest.mark.parametrize("scope", ["group", "sample", "nested"])
def test_the_extra_rollout_has_several_actions_under_each_track_whatever_the_scope(scope):
    noise = {"kind": "perlin", "scope": scope, "tracks": 2, "amplitude_m": 0.05, "spacing_frames": 8.0}
    chain = splitting(rollout_config(3, 4, noise=noise | {"octaves": 1}), tracks=3, actions=2)
    paths = perturbed_paths(window_batch(6, 2), chain, torch.Generator().manual_seed(0))
    assert len(paths) == 2 * 3
    drawn = roll_out(network(), window_batch(6, 2), chain, [], torch.Generator().manual_seed(0))
    assert drawn.by_group().shape[:2] == (2, 6)


def test_levels_are_picked_evenly():
    assert evenly(list(range(8)), 2) == [2, 6]
    assert evenly(list(range(3)), 5) == [0, 1, 2]
    drawn = rollouts()
    assert [step.t for step in some_levels(drawn, 1).steps] == [drawn.steps[len(drawn.steps) // 2].t]
