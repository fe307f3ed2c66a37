"""The motion figure: its window, its drawing, and its common scale."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from motiongrpo.base.errors import InputError
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.viz.clips.example import ShownMotion, demand_same_windows, ranked_windows, windows_scored
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.figures.palette import BLUE, GREEN, VERMILLION
from motiongrpo.viz.figures.skeleton import BONES, View, draw_body, side_of
from motiongrpo.viz.figures.strip import Strip, motion_figure
from tests.bodies import FPS, open_body, window_batch


def score(weights: str, *errors: float) -> dict:
    count = range(len(errors))
    windows = {
        "sequence": list(count),
        "window": [1 + 8 * i for i in count],
        "subject": [f"s{i}" for i in count],
    }
    return {"weights": weights, "windows": windows | {"mpjpe_mm": list(errors)}}


@pytest.fixture(scope="module")
def batch():
    return window_batch(frames=60, count=2)


@pytest.fixture(scope="module")
def truth(batch):
    return ShownMotion.of("truth", PlacedMotion.truth(batch), open_body())


def moved(motion: ShownMotion, name: str, metres: float) -> ShownMotion:
    return replace(motion, name=name, p_world_joint=motion.p_world_joint + metres)


def test_best_median_and_worst_are_those_of_the_policy():
    scores = {"grpo/1": score("old", 1.0, 2.0, 3.0), "grpo/2": score("mine", 30.0, 10.0, 20.0)}
    found = {window.rank: window for window in ranked_windows(scores, "mine")}
    assert {rank: (w.row, w.start, w.mpjpe_mm) for rank, w in found.items()} == {
        "best": (1, 9, 10.0),
        "median": (2, 17, 20.0),
        "worst": (0, 1, 30.0),
    }
    assert {window.windows for window in found.values()} == {3}


def test_models_of_another_run_are_ranked_by_their_scores_here_after_those_of_the_run_itself():
    theirs = {"another/grpo/1": score("mine", 5.0), "others/copy": score("mine", 7.0)}
    assert windows_scored(theirs, "mine")["mpjpe_mm"].tolist() == [5.0]
    assert windows_scored(theirs | {"grpo/1": score("mine", 6.0)}, "mine")["mpjpe_mm"].tolist() == [6.0]


def test_the_title_says_which_window_it_is_and_why():
    window = ranked_windows({"grpo/1": score("mine", 31.4, 10.0, 50.0)}, "mine")[1]
    title = window.title("take_1", "walk", fps=10.0)
    assert title.startswith("The median of 3 held-out windows: error after post-training 31 mm\n")
    assert title.endswith("walk, take_1, from 0.1 s")
    assert window.title("take_1", "", fps=10.0).endswith("\ntake_1, from 0.1 s")


def test_of_two_middle_windows_the_better_one_is_taken():
    assert ranked_windows({"grpo/1": score("mine", 4.0, 1.0, 3.0, 2.0)}, "mine")[1].mpjpe_mm == 2.0


def test_a_policy_without_a_score_is_refused():
    with pytest.raises(InputError, match="no score yet; run the evaluation"):
        ranked_windows({"grpo/1": score("old", 1.0)}, "mine")


def test_a_copy_of_the_policy_in_another_place_or_run_is_not_asked():
    """It has the same weights, but its score may be old."""
    copies = {name: score("mine", 9.0, 8.0, 7.0) for name in ("grpo/grpo/2", "others/mine", "a/grpo/2")}
    scores = copies | {"grpo/2": score("mine", 30.0, 10.0, 20.0)}
    assert ranked_windows(dict(sorted(scores.items())), "mine")[1].mpjpe_mm == 20.0


def test_scores_of_other_windows_than_those_of_the_table_are_refused():
    scored = windows_scored({"grpo/1": score("mine", 1.0, 2.0)}, "mine")
    rows = [("test", 0, 1, 8, "s0"), ("test", 1, 9, 8, "s1")]
    table = pd.DataFrame(rows, columns=["split", "sequence", "start", "length", "subject"])
    demand_same_windows("pretrained", scored, table)
    for other in (table.assign(subject="someone else"), table.iloc[:1]):
        with pytest.raises(
            InputError,
            match=r"the pretrained model was scored on 2 windows that are not the [12] held-out ones",
        ):
            demand_same_windows("pretrained", scored, other)


def test_the_truth_has_no_error_and_a_shift_has_its_length(truth):
    assert truth.mpjpe_mm(truth) == 0
    assert moved(truth, "guess", 0.1).mpjpe_mm(truth) == pytest.approx(100 * np.sqrt(3), rel=0, abs=1e-9)


def test_padding_is_not_shown(batch):
    mask = batch.mask.clone()
    mask[:, 8:] = False
    shown = ShownMotion.of("short", PlacedMotion.truth(replace(batch, mask=mask)), open_body())
    assert len(shown.p_world_joint) == len(shown.contacts) == 8


def test_seen_from_beside_forward_is_right_and_up_is_up():
    head = torch.tensor([[0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 1.6]], dtype=torch.float64)  # looks along +x
    flat = View.beside(head).flat(torch.eye(3, dtype=torch.float64))
    assert_allclose(flat, [[np.cos(np.pi / 6), 0], [0.5, 0], [0, 1]], rtol=0, atol=1e-12)


def test_every_bone_is_drawn_once_and_has_a_side():
    assert len(BONES) == BODY_JOINTS - 1
    assert side_of(Joint.LEFT_KNEE) == "LEFT"
    assert side_of(Joint.RIGHT_WRIST) == "RIGHT"
    assert side_of(Joint.LEFT_COLLAR) == side_of(Joint.NECK) == "TRUNK"


def axes_with(contacts):
    axes = Figure().subplots()
    joints = np.arange(2 * BODY_JOINTS, dtype=float).reshape(-1, 2)
    draw_body(axes, joints, contacts)
    return axes, joints


def test_only_joints_in_contact_are_marked():
    contacts = np.zeros(BODY_JOINTS - 1, dtype=bool)
    contacts[Joint.LEFT_FOOT - 1] = True
    axes, joints = axes_with(contacts)
    (marks,) = [line for line in axes.lines if line.get_color() == GREEN]
    assert_allclose(marks.get_xydata(), joints[[Joint.LEFT_FOOT]], rtol=0, atol=0)


def test_a_ghost_has_neither_sides_nor_contacts():
    axes, _ = axes_with(None)
    assert {line.get_color() for line in axes.lines}.isdisjoint({BLUE, VERMILLION, GREEN})


def test_no_figure_of_a_strip_meets_the_next(batch, truth):
    strip = Strip.around([truth, moved(truth, "guess", 0.3)], batch.T_world_cpf[0, 1:], FPS)
    placed = strip.placed(truth)
    assert (placed[1:, :, 0].min(axis=1) > placed[:-1, :, 0].max(axis=1)).all()


def test_a_strip_keeps_heights_and_puts_heads_at_even_distances(batch, truth):
    strip = Strip.around([truth], batch.T_world_cpf[0, 1:], FPS)
    placed = strip.placed(truth)
    assert_allclose(placed[..., 1], truth.p_world_joint[strip.frames, :, 2], rtol=0, atol=1e-12)
    assert_allclose(np.diff(placed[:, Joint.HEAD, 0]), strip.spacing_m, rtol=0, atol=1e-12)


def test_every_side_view_has_one_scale_for_both_axes_and_for_all_rows(batch, truth):
    rows = [truth, moved(truth, "low", -0.2)]
    figure = motion_figure(Scene("title", FPS, batch.T_world_cpf[0, 1:], rows))
    sides, aboves = figure.axes[::2], figure.axes[1::2]
    assert all(axes.get_aspect() == 1 for axes in figure.axes)
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in sides}) == 1
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in aboves}) == 1
    assert sides[0].get_ylim()[0] < float(rows[1].p_world_joint[:, list(FEET), 2].min())


def test_a_title_with_a_dollar_is_drawn_as_it_is(batch, truth):
    figure = motion_figure(Scene(r"take $\bad{$ of 3", FPS, batch.T_world_cpf[0, 1:], [truth]))
    figure.savefig(io.BytesIO(), dpi=20)
    assert figure.get_suptitle() == r"take $\bad{$ of 3"
