"""Findings: each sentence appears with its cause and only then."""

import pytest

from motiongrpo.metrics.band_calibration import no_reliability
from motiongrpo.viz.report.findings import (
    finding_of_prior,
    findings_of_bands,
    findings_of_comparison,
    findings_of_grpo,
    findings_of_ingestion,
    findings_of_pretraining,
    findings_of_rewards,
    findings_of_run,
    findings_of_scores,
)
from motiongrpo.viz.report.metric_change import baseline_changes, metric_changes
from tests.viz.runs import (
    band_reliability,
    comparison,
    examination,
    final,
    grpo_log,
    improved,
    ingestion_report,
    pretraining_log,
    with_constant_pose,
)


def of(table):
    return findings_of_comparison(metric_changes(final(table)))


def test_a_metric_that_became_worse_is_named_with_its_number():
    warnings = [finding.text for finding in of(improved()) if finding.tone == "warning"]
    assert warnings == ["GRPO made contact_f1 worse: -0.04 [-0.06, -0.02]."]


def test_metrics_that_became_better_are_named_first():
    assert of(improved())[0].text == "Clearly better after GRPO: mpjpe_mm."


def test_a_run_that_changed_nothing_says_so():
    (finding,) = of(comparison(mpjpe_mm=(120.0, (-1.0, -3.0, 1.0))))
    assert "changed no metric clearly" in finding.text


def test_few_sequences_are_warned_of():
    few = improved().assign(sequences=8)
    assert any("8 held-out sequences" in finding.text for finding in of(few))


def test_samples_that_became_alike_are_warned_of():
    alike = comparison(
        mpjpe_mm=(120.0, (-6.0, -9.0, -3.0)), pairwise_diversity_mm=(45.0, (-42.0, -50.0, -30.0))
    )
    assert any("fell from 45 to 3" in finding.text for finding in of(alike))


def test_pretraining_that_went_on_for_too_long_names_its_best_step():
    (finding,) = findings_of_pretraining(pretraining_log([3.0, 2.0, 2.5]))
    assert "lowest at step 20; it ends 25% above" in finding.text


def test_pretraining_that_still_improves_has_no_finding():
    assert findings_of_pretraining(pretraining_log([3.0, 2.0, 1.0])) == []
    assert findings_of_pretraining(pretraining_log([1.0]).drop(columns="validation_loss")) == []


def test_what_the_reward_model_cannot_see_is_named_at_full_severity():
    (finding,) = findings_of_rewards(examination(jitter=0.52))
    assert "jitter (52%)" in finding.text
    assert "another head" not in finding.text


def test_a_reward_model_that_sees_everything_has_no_finding():
    assert findings_of_rewards(examination()) == []


def test_dropped_groups_are_counted_over_all_updates():
    log = grpo_log(updates=10)
    log["dropped_share"] = [1.0] * 5 + [0.0] * 5
    assert [finding.text[:21] for finding in findings_of_grpo(log)] == ["50% of groups were dr"]


@pytest.mark.parametrize("updates", [5, 10])
def test_groups_that_lost_their_spread_are_warned_of(updates):
    (finding,) = findings_of_grpo(grpo_log(updates=updates, last_spread=1.0))
    assert "from 3 mm to 1 mm" in finding.text


def test_a_healthy_training_has_no_finding():
    assert findings_of_grpo(grpo_log()) == []
    assert findings_of_grpo(grpo_log(updates=1)) == []


def test_samples_beyond_the_clip_range_count_on_both_sides():
    log = grpo_log().assign(level_clipped_low_225=0.35, level_clipped_high_225=0.4)  # and 0.05 at level 1000
    assert [finding.text[:24] for finding in findings_of_grpo(log)] == ["40% of samples were beyo"]


def test_a_run_tells_its_result_first_and_leaves_nothing_out():
    found = findings_of_run(
        metric_changes(final(improved())),
        pretraining_log([2.0, 3.0]),
        examination(jitter=0.5),
        grpo_log(dropped=0.5),
        ingestion_report(x="too short"),
    )
    marks = [
        "Clearly better",
        "GRPO made",
        "50% of groups",
        "The reward model",
        "The validation loss",
        "1 of 4 files",
    ]
    assert [finding.text.startswith(mark) for finding, mark in zip(found, marks, strict=True)] == [True] * 6


def test_refused_files_are_counted():
    (finding,) = findings_of_ingestion(ingestion_report(x="too short", y="frozen"))
    assert finding.text.startswith("2 of 5 files were refused")
    assert findings_of_ingestion(ingestion_report()) == []


def test_scores_that_are_not_of_now_are_named_once_for_each_reason():
    stale = "stale (evaluation.samples was 2, is 3)"
    rows = [("a", "current"), ("b", stale), ("c", "no score yet"), ("d", stale)]
    found = findings_of_scores([{"checkpoint": name, "standing": standing} for name, standing in rows])
    assert [finding.text for finding in found] == [
        f"Not scored as of now, {stale}: b, d.",
        "Not scored as of now, no score yet: c.",
    ]
    assert {finding.tone for finding in found} == {"warning"}


def prior(mean: float, difference: tuple[float, float, float]):
    """The finding about a prior with 120 mm and a constant pose, given by the difference pose − prior."""
    (finding,) = finding_of_prior(baseline_changes(with_constant_pose(mean, difference)))
    return finding


def test_a_prior_that_beats_a_constant_pose_is_said_to_and_by_how_much():
    finding = prior(150.0, (30.0, 20.0, 40.0))
    assert finding.tone == "good"
    assert "beats a constant pose, upright under the head, in MPJPE by 20%" in finding.text
    assert "120.0 mm against 150.0 mm, a difference of -30.0 mm [-40.0, -20.0]" in finding.text


@pytest.mark.parametrize("difference", [(-30.0, -40.0, -20.0), (5.0, -1.0, 11.0)])
def test_a_prior_that_loses_to_a_constant_pose_or_is_not_told_apart_from_it_is_warned_of(difference):
    finding = prior(120.0 + difference[0], difference)
    assert finding.tone == "warning"
    assert "does not beat a constant pose" in finding.text
    assert "nothing follows about post-training" in finding.text


def test_without_a_constant_pose_or_a_prior_nothing_is_said_of_it():
    assert finding_of_prior(baseline_changes(improved())) == []
    table = with_constant_pose(150.0, (30.0, 20.0, 40.0))
    assert baseline_changes(table[table["stage"] != "pretraining"]) == {}


def test_what_the_bands_hold_is_said_beside_what_the_bare_spread_would():
    (finding,) = findings_of_bands(band_reliability(0.88))
    assert finding.tone == "good"
    assert finding.text.startswith(
        "90% bands hold 88% of held-out joints [83%, 93%], with a mean radius of 100 mm"
    )
    assert finding.text.endswith("the spread of samples alone would hold 10%.")


@pytest.mark.parametrize(("inside", "how"), [(0.8, "narrow"), (0.97, "wide")])
def test_bands_that_hold_another_share_than_they_say_are_warned_of(inside, how):
    (finding,) = findings_of_bands(band_reliability(inside))
    assert finding.tone == "warning"
    assert finding.text.endswith(f"They are too {how}.")


def test_without_bands_nothing_is_said_of_them():
    assert findings_of_bands(no_reliability()) == []
