"""Cells of the ablation: what they change, what they keep, and what is refused by name."""

import copy
from pathlib import Path

import pytest
import yaml

from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.ablation import (
    AblationConfig,
    Foundation,
    grpo_of,
    laid_onto,
    planned,
    planned_cells,
)
from motiongrpo.experiments.compute import TRAINED, grpo_evaluations
from motiongrpo.experiments.supervised import SupervisedConfig
from motiongrpo.policy.grpo import GrpoConfig

CONF = Path(__file__).parents[2] / "conf/base"


def read(name: str) -> dict:
    return yaml.safe_load((CONF / f"parameters_{name}.yml").read_text("utf-8"))[name]


FOUNDATION = Foundation(
    GrpoConfig.model_validate(read("grpo")),
    PretrainingConfig.model_validate(read("pretraining")),
    SamplingConfig.model_validate(read("evaluation")["sampling"]),
)


def ablation(**changes) -> AblationConfig:
    return AblationConfig.model_validate(laid_onto(copy.deepcopy(read("ablation")), changes))


def grpo(name: str, **changes) -> dict:
    return grpo_of(name, 0, ablation(**changes), FOUNDATION).model_dump()


def different(a: dict, b: dict, prefix: str = "") -> set[str]:
    return {
        name
        for key in a
        for name in (
            different(a[key], b[key], f"{prefix}{key}.")
            if isinstance(a[key], dict)
            else {f"{prefix}{key}"} - ({f"{prefix}{key}"} if a[key] == b[key] else set())
        )
    }


def test_cells_are_diagnosed_as_the_run_is_but_evidence_is_only_for_those_that_ask():
    run = FOUNDATION.grpo.diagnostics.model_dump()
    assert grpo("joint")["diagnostics"] == run | {"every": None}
    asks = {"cells": {"joint": {"changes": {"diagnostics": {"every": 3}}}}}
    assert grpo("joint", **asks)["diagnostics"] == run | {"every": 3}


def test_the_grid_differs_in_the_perceptual_term_and_in_the_noise_and_in_nothing_else():
    grid = ablation().grid
    terms, noise = {"rewards.terms"}, {"rollout.noise.kind"}
    assert different(grpo(grid.neither), grpo(grid.perceptual)) == terms
    assert different(grpo(grid.injection), grpo(grid.both)) == terms
    assert different(grpo(grid.neither), grpo(grid.injection)) == noise
    assert different(grpo(grid.perceptual), grpo(grid.both)) == noise
    assert set(grpo(grid.both)["rewards"]["terms"]) - set(grpo(grid.injection)["rewards"]["terms"]) == {
        "perceptual"
    }


def test_the_scopes_differ_in_who_shares_a_track_and_in_nothing_else():
    scopes = ablation().scopes
    allowed = {"rollout.noise.scope", "rollout.noise.tracks"}
    for name, cell in scopes.model_dump().items():
        assert grpo(cell)["rollout"]["noise"]["scope"] == name
        assert different(grpo(scopes.group), grpo(cell)) <= allowed


def test_all_cells_run_under_one_seed_before_the_next_and_the_pretrained_model_is_among_them():
    plan = planned_cells(ablation(only=["joint"]), FOUNDATION)
    assert [(p.cell, p.seed) for p in plan] == [
        (cell, seed) for seed in (0, 1, 2) for cell in ("pretrained", "joint")
    ]
    assert all(p.training.seed == p.seed for p in plan if isinstance(p.training, GrpoConfig))


def test_cells_can_be_named_on_a_command_line():
    assert list(ablation(only="joint;supervised").chosen) == ["joint", "supervised"]
    assert list(ablation(only="joint").chosen) == ["joint"]


def test_quick_is_another_pace():
    slow, quick = (planned("joint", 0, ablation(quick=q), FOUNDATION).training for q in (False, True))
    assert slow.updates == ablation().full.updates > quick.updates == ablation().short.updates


@pytest.mark.parametrize("name", ["continued_pretraining", "supervised"])
def test_a_control_is_given_the_compute_of_the_full_grpo_to_within_a_batch(name):
    full = grpo_evaluations(grpo_of("joint_visual_perlin", 0, ablation(), FOUNDATION))
    control = planned(name, 0, ablation(), FOUNDATION)
    batch = TRAINED * control.training.batch_size
    assert control.evaluations == batch * control.training.steps
    assert 0 <= full - control.evaluations < batch
    checkpoints = -(-control.training.steps // control.training.checkpoint_every)
    assert checkpoints == ablation().full.updates // ablation().full.checkpoint_every


def test_supervision_has_the_terms_and_levels_of_the_full_grpo():
    control, full = planned("supervised", 1, ablation(), FOUNDATION).training, grpo("joint_visual_perlin")
    assert isinstance(control, SupervisedConfig)
    assert control.rewards.model_dump() == full["rewards"]
    assert control.rollout.model_dump() == full["rollout"]


def test_continued_pretraining_does_not_begin_with_the_batches_it_began_with():
    control = planned("continued_pretraining", 0, ablation(), FOUNDATION).training
    assert control.seed != FOUNDATION.pretraining.seed


def test_what_is_trained_without_rollouts_is_trained_at_one_rate():
    """Otherwise the two controls would differ in more than their loss."""
    rates = {
        name: planned(name, 0, ablation(), FOUNDATION).training.optimiser.learning_rate
        for name in ("continued_pretraining", "supervised")
    }
    assert len(set(rates.values())) == 1


def test_one_advantage_a_sample_draws_as_many_samples_and_costs_what_credit_by_branches_costs():
    sample, branch = (planned(name, 0, ablation(), FOUNDATION) for name in ("sample_joint", "joint"))
    drawn = {
        cell.cell: cell.training.rollout.conditions * cell.training.rollout.group_size
        for cell in (sample, branch)
    }
    assert drawn["sample_joint"] == drawn["joint"]
    assert abs(sample.evaluations / branch.evaluations - 1) < 0.2


def test_drift_is_the_cell_it_is_compared_with_but_for_what_is_judged():
    assert different(grpo("null_control"), grpo("joint")) == {"credit.null_control"}
    assert different(grpo("sample_shuffled"), grpo("sample_visual_perlin")) == {"advantage.shuffled"}


def test_the_anchor_and_the_estimator_are_all_that_their_cells_change():
    assert different(grpo("unanchored"), grpo("joint")) == {"surrogate.anchor_share"}
    assert different(grpo("derivative"), grpo("joint_visual")) == {"credit.kind"}


def test_a_longer_cell_is_the_same_grpo_with_more_updates_and_as_many_checkpoints():
    longer, joint = grpo("sample_longer"), grpo("sample_joint")
    assert different(longer, joint) == {"updates", "checkpoint_every"}
    times = ablation().cells["sample_longer"].times
    assert longer["updates"] == times * joint["updates"]
    assert longer["checkpoint_every"] == times * joint["checkpoint_every"]
    assert planned("sample_longer", 0, ablation(), FOUNDATION).kind == "grpo"


@pytest.mark.parametrize(
    ("name", "taken"), [("best_of_8", "best_of"), ("mean_of_8", "mean_of"), ("oracle_of_8", "oracle")]
)
def test_what_is_taken_of_eight_is_the_pretrained_models_under_the_evaluations_sampler(name, taken):
    cell = planned(name, 0, ablation(), FOUNDATION)
    assert (cell.training, cell.candidates, cell.sampling) == (None, 8, FOUNDATION.sampling)
    assert cell.taken == taken


def test_a_sampler_cell_is_the_pretrained_model_under_that_sampler_alone():
    cell = planned("egoallo_sampler", 0, ablation(), FOUNDATION)
    assert cell.training is None
    assert different(FOUNDATION.sampling.model_dump(), cell.sampling.model_dump()) == {"sampler"}


@pytest.mark.parametrize("placement", ["upright", "hung"])
def test_a_baseline_is_a_constant_pose_whose_placement_tells_it_apart(placement):
    cell = planned(f"constant_{placement}", 0, ablation(), FOUNDATION)
    assert (cell.training, cell.steps, cell.evaluations) == (None, 0, 0)
    assert cell.parameters == {"kind": "baseline", "training": {}, "placement": placement}


REFUSED = [
    (
        {"cells": {"joint": {"changes": {"rewards": {"termss": []}}}}},
        "ablation.cells.joint.changes.rewards: 'termss' is not a parameter of RewardConfig; did you mean "
        "'terms'?",
    ),
    (
        {"cells": {"joint": {"changes": {"updates": 3}}}},
        "ablation.cells.joint changes grpo.updates, which is one for all cells",
    ),
    (
        {"cells": {"continued_pretraining": {"changes": {"batch_sise": 3}}}},
        "ablation.cells.continued_pretraining.changes: 'batch_sise' is not a parameter of PretrainingConfig",
    ),
    (
        {"cells": {"egoallo_sampler": {"changes": {"steps": 4}}}},
        "ablation.cells.egoallo_sampler.changes: steps must be at least 6",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_a_change_that_cannot_be_made_is_refused_with_the_name_of_its_cell(changes, sentence):
    config = ablation(**changes)
    (name,) = changes["cells"]
    with pytest.raises(ValueError, match=sentence.replace("?", r"\?")):
        planned(name, 0, config, FOUNDATION)


REFUSED_CONFIGS = [
    ({"only": ["joitn"]}, "'joitn' is not a cell of the ablation; did you mean 'joint'?"),
    ({"grid": {"both": "supervised"}}, "'supervised' is not a grpo cell of the ablation"),
    (
        {"cells": {"pretrained": {"kind": "best_of", "candidates": 2}}},
        "a cell must not be called 'pretrained'",
    ),
    ({"full": {"seeds": [0, 0]}}, "seeds must differ and be at least 0"),
    ({"cells": {"Joint/..": {"kind": "best_of", "candidates": 2}}}, "should match pattern"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED_CONFIGS)
def test_an_ablation_that_contradicts_itself_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence.replace("?", r"\?")):
        ablation(**changes)
