"""The figure and the verdict of the diversity study, from tables with known answers."""

import json

import numpy as np
import pandas as pd
import pytest

from motiongrpo.experiments.cells import CellsConfig, cells
from motiongrpo.viz.experiments.diversity_figure import diversity_figure
from motiongrpo.viz.experiments.diversity_findings import direction, findings_of_diversity
from motiongrpo.viz.figures.palette import LINES
from tests.experiments.test_diversity import DESIGN

QUANTITIES = [
    ("spread_mm", "all"),
    ("reward_std", "mean"),
    ("action_share", "mean"),
    ("gradient_cosine", "all"),
]


def evidence(**differences: float) -> pd.DataFrame:
    """All values are 10 without noise, and with noise 10 plus the given difference; intervals are ±1."""
    rows = []
    for cell in cells(CellsConfig(**DESIGN)):
        for quantity, of in QUANTITIES:
            base = 0.4 if quantity == "action_share" else 10.0
            gain = differences.get(quantity, 0.0) * (cell.noise != "none")
            width = 0.01 if quantity == "action_share" else 1.0
            about = {"quantity": quantity, "of": of, "value": base + gain, "difference": gain}
            about |= {"low": base + gain - width, "high": base + gain + width}
            about |= {"difference_low": gain - width, "difference_high": gain + width}
            rows.append(cell.facts() | about)
    return pd.DataFrame(rows).replace({"scope": {"": np.nan}})  # as it is read from a file


def texts(**differences: float) -> list[str]:
    return [finding.text for finding in findings_of_diversity(evidence(**differences))]


@pytest.mark.parametrize(
    ("gain", "verb"), [(5.0, "widens"), (-5.0, "narrows"), (0.5, "does not clearly change")]
)
def test_the_verdict_on_spread_follows_the_interval_of_the_difference(gain, verb):
    said = [text for text in texts(spread_mm=gain) if text.startswith("Perlin noise with")]
    assert len(said) == 3
    assert all(f" {verb} the groups" in text for text in said)
    assert f"from 10 to {10 + gain:.3g} mm" in said[0]


@pytest.mark.parametrize(
    ("gain", "better", "worse", "tone"), [(5.0, 6, 0, "good"), (-5.0, 0, 6, "warning"), (0.0, 0, 0, "note")]
)
def test_the_verdict_on_use_counts_cells_against_chance(gain, better, worse, tone):
    found = findings_of_diversity(evidence(gradient_cosine=gain))
    (use,) = (finding for finding in found if finding.text.startswith("Gradients of two updates"))
    assert f"in {better} of 6 cells and clearly worse in {worse}; chance alone would give 0.2" in use.text
    assert use.tone == tone


@pytest.mark.parametrize(("shift", "tone"), [(0.0, "note"), (-10.0, "warning")])
def test_agreement_without_noise_is_told_with_its_interval(shift, tone):
    table = evidence()
    rows = table["quantity"] == "gradient_cosine"
    table.loc[rows, ["value", "low", "high"]] += shift
    found = [finding for finding in findings_of_diversity(table) if finding.text.startswith("Without noise")]
    assert [finding.tone for finding in found] == [tone]
    assert f"their cosine is {10 + shift:.3f} [{9 + shift:.3f}, {11 + shift:.3f}]." in found[0].text


def test_the_share_of_actions_is_told_where_noise_belongs_to_samples():
    (said,) = (text for text in texts(action_share=-0.2) if "of a group's reward variance" in text)
    assert "20% [19%, 21%]" in said
    assert "λ = 0.1 m" in said


def test_every_other_chain_is_compared_with_the_main_one():
    assert sum(text.startswith("Sampler:") for text in texts()) == 3


def test_a_difference_is_clear_where_its_interval_leaves_out_zero():
    bounds = [(0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1)]
    rows = [pd.Series({"difference_low": low, "difference_high": high}) for low, high in bounds]
    assert [direction(row) for row in rows] == [1, -1, 0]


def test_every_panel_has_titles_units_and_a_baseline():
    figure = diversity_figure(evidence())
    layout = json.loads(figure.to_json())["layout"]
    axes = [layout[name]["title"]["text"] for name in layout if name.startswith(("xaxis", "yaxis"))]
    assert len(axes) == 2 * len(layout["annotations"]) == 14
    assert all(axes)
    assert sum("mm" in title for title in axes) == 2
    assert sum(trace.name == "no noise" for trace in figure.data) == 4
    logarithmic = [layout[name].get("type") for name in layout if name.startswith("xaxis")]
    assert logarithmic.count("log") == 4


def test_a_point_is_a_value_with_its_interval_in_the_colour_and_order_of_its_scope():
    traces = [
        t
        for t in diversity_figure(evidence(spread_mm=5.0)).data
        if t.yaxis == "y" and t.error_y.array is not None
    ]
    assert [t.name for t in traces] == [
        *("one track a group", "one track a group, white"),
        *("nested tracks", "nested tracks, white"),
        *("one track a sample", "one track a sample, white"),
    ]
    assert [t.line.color for t in traces[::2]] == [colour for colour, _ in LINES[:3]]
    for trace in traces:
        assert list(trace.y) == [15.0] * len(trace.x)
        assert list(trace.error_y.array) == list(trace.error_y.arrayminus) == [1.0] * len(trace.x)


def test_shares_are_drawn_in_percent():
    traces = [t for t in diversity_figure(evidence()).data if t.yaxis == "y3" and t.error_y.array is not None]
    assert {round(y, 9) for t in traces for y in t.y} == {40.0}
