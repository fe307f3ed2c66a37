"""Tables of the report, from small tables."""

import math

import pandas as pd

from motiongrpo.base.checkpoint import Header
from motiongrpo.viz.report.metric_change import changes_by_source
from motiongrpo.viz.report.tables import (
    UNUSED,
    examination_table,
    files_with_reasons,
    flat_parameters,
    hours_table,
    refused_by_reason,
    stage_row,
    verdicts_table,
    worst_windows,
)
from tests.viz.runs import comparison, examination, final, ingestion_report


def test_seconds_are_added_up_by_split_and_source():
    sequences = pd.DataFrame(
        {
            "source": ["cmu", "cmu", "synthetic", "cmu"],
            "licence": "free",
            "subject": ["01", "01", "a", "02"],
            "frames": [60, 30, 90, 15],
        }
    )
    windows = pd.DataFrame({"sequence": [0, 0, 1, 2], "split": ["train", "train", "train", "test"]})
    rows = hours_table(sequences, windows, fps=30.0)
    found = {(r["split"], r["source"]): (r["sequences"], r["subjects"], r["seconds"]) for r in rows}
    assert found == {
        ("train", "cmu"): (2, 1, 3.0),
        ("test", "synthetic"): (1, 1, 3.0),
        (UNUSED, "cmu"): (1, 1, 0.5),
    }


def test_every_file_is_counted_under_one_verdict():
    rows = verdicts_table(ingestion_report(x="too short"))
    assert {row["verdict"]: (row["files"], row["seconds"]) for row in rows} == {
        "accepted": (2, 30.0),
        "refused": (1, 0.0),
        "repaired": (1, 5.0),
    }


def test_refused_files_come_first_and_silent_ones_not_at_all():
    rows = files_with_reasons(ingestion_report(x="too short", y="frozen"))
    assert [row["file"] for row in rows] == ["x.bvh", "y.bvh", "c.bvh"]


def test_files_refused_for_one_reason_are_counted_together_whatever_their_numbers():
    report = ingestion_report(x="0.5 s long", y="0.7 s long", z="frozen")
    assert refused_by_reason(report) == [{"reason": "… s long", "files": 2}, {"reason": "frozen", "files": 1}]


def test_the_worst_windows_are_named_and_stand_in_order():
    sequences = pd.DataFrame({"name": ["a", "b", "c"], "activity": ["walk", "", "sit"]})
    scores = {"sequence": [0, 2, 2], "window": [1, 1, 31]}
    before = pd.DataFrame(scores | {"mpjpe_mm": [1.0, 2.0, 3.0]})
    after = pd.DataFrame(scores | {"mpjpe_mm": [4.0, 6.0, 5.0]})
    rows = worst_windows(before, after, sequences, fps=30.0)
    assert [(r["sequence"], r["activity"], r["before"], r["after"]) for r in rows] == [
        ("c", "sit", 2.0, 6.0),
        ("c", "sit", 3.0, 5.0),
        ("a", "walk", 1.0, 4.0),
    ]
    assert rows[1]["start"] == 31 / 30


def test_an_examination_has_a_row_for_each_thing_that_was_judged():
    rows = {row["against"]: row for row in examination_table(examination())}
    assert rows["jitter"]["pair_accuracy"] == {0.25: 0.7, 1.0: 0.9}
    assert rows["jitter"]["spearman"] == -0.8
    assert rows["samples of the pretrained denoiser"]["pair_accuracy"] == {1.0: 0.95}
    assert math.isnan(rows["another head's path"]["spearman"])


def test_an_examination_without_samples_has_no_row_for_them():
    report = examination()
    del report["samples"]
    assert len(examination_table(report)) == 2


def test_a_checkpoint_tells_of_its_training():
    header = Header(
        kind="reward_model",
        stage="reward_model",
        step=80,
        seed=3,
        architecture={},
        body_digest="0123456789abcdef" * 4,
        parameters={"model": {"width": 64}},
        inputs={},
        code_version="0.1.0",
        metrics={},
        weights="ab",
    )
    row = stage_row(header)
    assert (row["stage"], row["steps"], row["seed"], row["body"]) == (
        "reward model",
        80,
        3,
        "0123456789abcdef",
    )
    assert row["parameters"] == [{"name": "model.width", "value": "64"}]


def test_nested_parameters_become_dotted_names():
    rows = flat_parameters({"grpo": {"seed": 0, "noise": {"kind": "perlin"}, "layouts": {}}, "body": None})
    assert {row["name"]: row["value"] for row in rows} == {
        "grpo.seed": "0",
        "grpo.noise.kind": "perlin",
        "grpo.layouts": "{}",
        "body": "none",
    }


def test_changes_by_source_are_of_the_headline_metrics_where_both_trainings_were_scored():
    change = (10.0, (-2.0, -3.0, -1.0))
    table = final(comparison(mpjpe_mm=change, contact_f1=change))
    one_sided = table[table["stage"] == "pretraining"].assign(source="street")
    found = changes_by_source(pd.concat([table.assign(source="home", subjects=3), one_sided]))
    assert {source: [c.metric for c in changes] for source, changes in found.items()} == {
        "home": ["mpjpe_mm"]
    }
    assert (found["home"][0].difference.value, found["home"][0].subjects) == (-2.0, 3)
