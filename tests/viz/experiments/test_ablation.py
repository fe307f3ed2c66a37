"""Table, figures and findings of an ablation with known numbers."""

import math

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.viz.experiments.ablation_figures import ablation_figure, proxy_gold_figure
from motiongrpo.viz.experiments.ablation_findings import findings_of_ablation
from motiongrpo.viz.experiments.ablation_results import results_of
from motiongrpo.viz.experiments.ablation_table import ablation_table
from tests.experiments.test_ablation_cells import ablation
from tests.viz.ablations import SEQUENCES, left_behind, results

EVERYTHING = {
    "joint": -4.0,
    "joint_visual": -5.0,
    "joint_perlin": -6.0,
    "joint_visual_perlin": -9.0,
    "scope_sample": -2.0,
    "scope_nested": -10.0,
    "null_control": 1.0,
    "longer": -3.0,
    "supervised": -8.0,
    "best_of_8": -1.0,
    "mean_of_8": -5.0,
    "oracle_of_8": -11.0,
    "egoallo_sampler": 3.0,
    "constant_upright": 30.0,
}


def row(changes: dict[str, float], cell: str, metric: str, motion: str = "held-out") -> dict:
    table = ablation_table(results(changes))
    (found,) = table.query("cell == @cell and metric == @metric and motion == @motion").to_dict("records")
    return found


def sentences(changes: dict[str, float], **more) -> str:
    return "\n".join(found.text for found in findings_of_ablation(results(changes, **more), ablation()))


def sentence(start: str, changes: dict[str, float], **more) -> str:
    (found,) = (line for line in sentences(changes, **more).split("\n") if line.startswith(start))
    return found


def test_a_row_is_what_one_works_out_by_hand():
    """Windows add (0 + … + 29)/30/30 = 0.4833 on average, seeds 0, 0.1 and 0.2."""
    found = row({"joint": -4.0}, "joint", "mpjpe_mm")
    assert found["mean"] == pytest.approx(96 + 29 / 60 + 0.1)
    assert (found["seed_low"], found["seed_high"]) == pytest.approx((96 + 29 / 60, 96 + 29 / 60 + 0.2))
    assert found["seed_deviation"] == pytest.approx(0.1)
    assert found["difference"] == pytest.approx(-4.0)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((-4.0, -4.0))
    assert found["change_percent"] == pytest.approx(-400 / (100 + 29 / 60 + 0.1))
    assert found["low"] < found["mean"] < found["high"]
    assert (found["verdict"], found["seeds"], found["subjects"]) == ("better", 3, 6)
    assert (found["windows"], found["sequences"]) == (SEQUENCES, SEQUENCES)
    assert row({"joint": -4.0}, "joint", "foot_sliding_mm_s")["windows"] == SEQUENCES - 1


def test_training_motion_has_rows_of_its_own():
    """Its MPJPE is half of the held-out one, and so is every change."""
    found = row({"joint": -4.0}, "joint", "mpjpe_mm", "training")
    assert found["mean"] == pytest.approx(48 + 29 / 60 + 0.1)
    assert found["difference"] == pytest.approx(-2.0)
    table = ablation_table(results(EVERYTHING))
    trained = set(table.query("motion == 'training'")["cell"])
    untrained = {"best_of_8", "mean_of_8", "oracle_of_8", "egoallo_sampler", "constant_upright"}
    assert set(EVERYTHING) - trained == untrained


def test_a_prior_that_loses_to_a_constant_pose_is_said_to():
    start = "The pretrained model "
    assert sentence(start, {"constant_upright": 30.0}).startswith(
        f"{start}beats constant_upright: mpjpe_mm -30"
    )
    assert sentence(start, {"constant_upright": -9.0}).startswith(f"{start}loses to constant_upright")


def test_how_much_of_what_was_learnt_carries_over_is_told():
    """A change of MPJPE by −4 mm on held-out motion corresponds to −2 mm on training motion."""
    start = "On motion it was trained on joint "
    assert sentence(start, {"joint": -4.0}).startswith(f"{start}helps: mpjpe_mm -2 mm")
    assert sentence(start, {"joint": -4.0}).endswith("On held-out motion the change is 200% of that.")
    assert "hurts: mpjpe_mm +2 mm" in sentence(start, {"joint": 4.0})
    nothing = sentence(start, {"joint": 0.0})
    assert "is undecided" in nothing
    assert "On held-out" not in nothing
    assert "trained on mean_of_8" not in sentences(EVERYTHING)  # it was not trained


@pytest.mark.parametrize(
    ("cell", "start"),
    [("mean_of_8", "Becoming certain"), ("oracle_of_8", "Always choosing the best of a model's samples")],
)
def test_what_could_be_won_is_told_and_grpo_is_not_said_to_compete_with_it(cell, start):
    assert f"({cell}): mpjpe_mm -5 mm [-5, -5], -5 % of the pretrained mean;" in sentence(start, {cell: -5.0})
    assert f"{cell}: mpjpe_mm" not in sentences(EVERYTHING)


def test_the_papers_change_stands_beside_ours_where_it_prints_one():
    for cell, after in {"joint": 117.418, "joint_visual": 116.549, "joint_visual_perlin": 114.207}.items():
        found = row(EVERYTHING, cell, "mpjpe_mm")["paper_change_percent"]
        assert found == pytest.approx(100 * (after / 124.985 - 1))
    assert row(EVERYTHING, "joint_visual_perlin", "mpjve_mm_s")["paper_change_percent"] == pytest.approx(
        100 * (531.217 / 553.221 - 1)
    )
    assert math.isnan(row(EVERYTHING, "joint_perlin", "mpjpe_mm")["paper_change_percent"])
    assert math.isnan(row(EVERYTHING, "joint", "mpjve_mm_s")["paper_change_percent"])


def test_a_metric_without_a_direction_is_not_judged_and_the_reference_is_called_so():
    assert row({"joint": -4.0}, "joint", "jitter_m_s3")["verdict"] == "not judged"
    assert row({"joint": -4.0}, "pretrained", "mpjpe_mm")["verdict"] == "reference"


def test_higher_is_better_for_some():
    plan, scores = left_behind({"joint": 0.0})
    for name, score in scores.items():
        if name.startswith("joint/") and name.endswith("2"):
            score["windows"]["contact_f1"] = [v + 0.05 for v in score["windows"]["contact_f1"]]
    table = ablation_table(results_of(plan, scores, 0, 200))
    verdicts = table.query("cell == 'joint' and metric == 'contact_f1'").set_index("motion")["verdict"]
    assert verdicts.to_dict() == {"held-out": "better", "training": "undecided"}


FLIPS = [
    ("Injection without the perceptual reward", "joint_perlin", "joint"),
    ("Injection with the perceptual reward", "joint_visual_perlin", "joint_visual"),
    ("The perceptual reward without injection", "joint_visual", "joint"),
    ("The perceptual reward with injection", "joint_visual_perlin", "joint_perlin"),
    ("Noise of scope sample instead of group", "scope_sample", "joint_visual_perlin"),
    ("Noise of scope nested instead of group", "scope_nested", "joint_visual_perlin"),
    ("What joint changes beyond drift (null_control)", "joint", "null_control"),
]


@pytest.mark.parametrize(("start", "cell", "against"), FLIPS)
def test_a_sentence_turns_with_its_numbers(start, cell, against):
    for difference, verb in {-2.0: "helps", 2.0: "hurts", 0.0: "is undecided"}.items():
        changes = EVERYTHING | {cell: EVERYTHING[against] + difference}
        found = sentence(start, changes)
        assert found.startswith(f"{start} {verb}: mpjpe_mm {difference:+.3g} mm")
        assert ("the interval contains zero" in found) == (difference == 0)


@pytest.mark.parametrize(("both", "words"), [(-9, "help each other"), (-5, "get in each other's way")])
def test_the_interaction_is_what_is_left_of_both_beyond_the_sum(both, words):
    """Alone, the perceptual reward gives −1 and injection −2, so −7 would be their sum."""
    found = sentence("Injection and the perceptual reward", EVERYTHING | {"joint_visual_perlin": both})
    assert f"reward {words}; their interaction: mpjpe_mm {both + 7:+.3g} mm" in found
    none = sentence("Injection and the perceptual reward", EVERYTHING | {"joint_visual_perlin": -7})
    assert "are not shown to act on each other" in none


def test_grpo_beats_a_control_or_loses_to_it():
    assert "GRPO (joint_visual_perlin) beats supervised: mpjpe_mm -1 mm" in sentences(EVERYTHING)
    better = EVERYTHING | {"supervised": -12.0}
    assert "GRPO (joint_visual_perlin) loses to supervised: mpjpe_mm +3 mm" in sentences(better)
    equal = EVERYTHING | {"supervised": -9.0}
    assert "GRPO (joint_visual_perlin) is not told apart from supervised" in sentences(equal)
    assert "beats best_of_8: mpjpe_mm -8 mm" in sentences(EVERYTHING)


def test_the_sampler_alone_is_judged_without_any_training():
    start = "The evaluation's sampler alone, against egoallo_sampler,"
    assert sentence(start, EVERYTHING).startswith(f"{start} helps: mpjpe_mm -3 mm")
    assert " hurts: " in sentence(start, EVERYTHING | {"egoallo_sampler": -3.0})


def test_a_reward_that_rises_while_a_judge_falls_is_told_with_the_judge():
    hacked = sentences({"joint_visual": -4.0}, penetration=0.5)
    assert "Proxy up, gold down in joint_visual: the reward rose" in hacked
    assert "penetration_mm (+0.5 [+0.5, +0.5])" in hacked
    honest = sentences({"joint_visual": -4.0}, penetration=-0.5)
    assert "Proxy up" not in honest
    assert "In no GRPO cell did the held-out reward clearly rise while" in honest


def test_a_reward_that_does_not_rise_is_told():
    fell = sentences({"joint": -4.0}, paid=-0.1)
    assert "In joint the reward itself fell on held-out motion." in fell
    stood = sentences({"joint": -4.0}, paid=0.0)
    assert "In joint the reward itself did not clearly rise on held-out motion." in stood


@pytest.mark.parametrize("paid", [0.0, -0.1])
def test_a_judge_that_falls_with_the_reward_is_no_hacked_reward(paid):
    assert "Proxy up" not in sentences({"joint": -4.0}, penetration=0.5, paid=paid)


def test_seeds_that_disagree_leave_a_difference_undecided():
    plan, scores = left_behind({"joint": -4.0})
    for name, score in scores.items():
        if name.startswith("joint/seed_2/"):
            score["windows"]["mpjpe_mm"] = [v + 5 for v in score["windows"]["mpjpe_mm"]]
    found = findings_of_ablation(results_of(plan, scores, 0, 200), ablation())[0].text
    assert found.startswith("GRPO as joint is undecided")
    assert "the seeds disagree in sign" in found


def test_the_papers_gain_is_quoted_in_per_cent_and_only_where_it_has_one():
    assert "; the paper reports -6.1 % on its data." in sentence("GRPO as joint helps", EVERYTHING)
    assert "the paper" not in sentence("GRPO as joint_perlin", EVERYTHING)


def test_every_judge_that_clearly_changed_is_told_of_a_grpo_cell():
    start = "GRPO as joint helps"
    same = sentence(start, {"joint": -4.0})
    assert "Clearly better: nothing else that is judged. Clearly worse: nothing else that is judged." in same
    worse = sentence(start, {"joint": -4.0}, penetration=0.5)
    assert "Clearly worse: penetration_mm (+0.5 [+0.5, +0.5])." in worse
    better = sentence(start, {"joint": -4.0}, penetration=-0.5)
    assert "Clearly better: penetration_mm (-0.5 [-0.5, -0.5])." in better


def test_a_cell_that_did_not_run_has_no_sentence():
    found = sentences({"joint": -4.0})
    for word in ("Injection", "scope", "supervised", "sampler", "The perceptual", "drift"):
        assert word not in found


def test_the_last_sentence_says_what_all_rests_on():
    last = findings_of_ablation(results(EVERYTHING, seeds=2), ablation())[-1]
    assert (
        "over subjects, then their sequences (6 subjects, 30 sequences), of means over 2 seeds" in last.text
    )
    assert "Fewer than 3 seeds" in last.text
    assert last.tone == "warning"
    assert findings_of_ablation(results(EVERYTHING), ablation())[-1].tone == "note"


def test_what_is_not_finished_is_not_tabulated():
    plan, scores = left_behind({"joint": -4.0})
    del scores["joint/seed_1/abc/step_0000002"]
    with pytest.raises(InputError, match="cell 'joint' is not finished; run the ablation pipeline"):
        results_of(plan, scores, 0, 200)


def test_results_of_other_parameters_are_left_aside():
    plan, scores = left_behind({"joint": -4.0})
    scores["joint/seed_0/old/step_0000002"] = scores["pretrained/seed_0/abc/step_0000000"] | {"step": 2}
    assert ablation_table(results_of(plan, scores, 0, 200)).equals(ablation_table(results({"joint": -4.0})))


def test_the_figure_shows_means_seeds_and_the_paper_with_units():
    figure = ablation_figure(results(EVERYTHING))
    by_name = {trace.name: trace for trace in figure.data if not trace.showlegend}
    assert set(by_name) == {"GRPO", "control", "one seed", "on training motion", "the paper's, on AMASS"}
    grpo = dict(zip(by_name["GRPO"].y, by_name["GRPO"].x, strict=True))
    assert grpo["joint"] == pytest.approx(-400 / (100 + 29 / 60 + 0.1))
    assert len(by_name["one seed"].x) == 3 * len(EVERYTHING)
    seen = by_name["on training motion"]
    assert dict(zip(seen.y, seen.x, strict=True))["joint"] == pytest.approx(-200 / (50 + 29 / 60 + 0.1))
    paper = by_name["the paper's, on AMASS"]
    assert dict(zip(paper.y, paper.x, strict=True))["joint"] == pytest.approx(-6.054, abs=1e-3)
    assert set(paper.marker.symbol) == {"diamond-open"}
    assert figure.layout.xaxis.title.text == "← better   change of MPJPE, %   worse →"
    assert "95 % bootstrap intervals over subjects" in figure.layout.title.text


def test_proxy_and_gold_stand_on_one_axis_of_updates():
    """A rise of 0.1 for windows in steps of 0.01; a control's steps become updates of GRPO, here of 60."""
    cells = results({"joint": -4.0, "supervised": -8.0, "best_of_8": 0.0})
    figure = proxy_gold_figure(cells, ablation(full={"updates": 60}))
    reward = [trace for trace in figure.data if trace.name == "reward (proxy)"]
    assert len(reward) == 2  # of the cells that were trained
    assert list(reward[0].x) == [0, 1, 2]
    deviation = 0.01 * math.sqrt((SEQUENCES**2 - 1) / 12)
    assert list(reward[0].y) == pytest.approx([0, 0.05 / deviation, 0.1 / deviation])
    gold = [trace for trace in figure.data if trace.name == "mpjpe_mm"]
    assert list(gold[0].y) == pytest.approx([0, 2 / (deviation / 0.3), 4 / (deviation / 0.3)])
    control = [trace for trace in figure.data if trace.name == "mpjpe_mm"][1]
    assert list(control.x) == [0, 30, 60]
    assert figure.layout.yaxis.title.text == "gain, deviations between windows"
