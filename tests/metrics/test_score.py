"""All metrics together, on a body: their common properties."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.body.body_model import OPEN_BODY, load_body_model
from motiongrpo.body.kinematics import pose_body, root_from_head, sole_positions
from motiongrpo.geometry.se3 import Transform
from motiongrpo.geometry.so3 import quaternion_from_matrix
from motiongrpo.metrics.in_print import IN_PRINT
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.metrics.score import METRICS, score
from motiongrpo.motion.windows import WindowBatch

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
FPS = 30.0
FRAMES = 12
REAL = torch.tensor([12, 8, 5])
MASK = torch.arange(FRAMES) < REAL[:, None]
SEVERAL_SAMPLES = {"best_of_k_mpjpe_mm", "pairwise_diversity_mm"}


@pytest.fixture(scope="module")
def model():
    return load_body_model(OPEN_BODY)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def upright_head(seed: int) -> Transform:
    """Heads about 1.6 m up, turned about the vertical; at rest a body is y up and faces +z."""
    upright = roma.rotvec_to_rotmat(torch.tensor([torch.pi / 2, 0, 0], dtype=torch.float64))
    yaw = draw(seed, 3, FRAMES, 1) * torch.tensor([0, 0, 1], dtype=torch.float64)
    p = 0.1 * draw(seed + 1, 3, FRAMES, 3) + torch.tensor([0, 0, 1.6], dtype=torch.float64)
    return Transform(roma.rotvec_to_rotmat(yaw) @ upright, p)


def motion(model, seed: int, head: Transform) -> BodyMotion:
    """Random bends of a random body hung from a head, with random contacts until the feet lift off."""
    body = model.shaped(draw(seed, 3, 1, 16))
    rotations = roma.rotvec_to_rotmat(0.2 * draw(seed + 1, 3, FRAMES, 21, 3))
    posed = pose_body(body, rotations, root_from_head(body, rotations, head))
    grounded = torch.arange(FRAMES) < torch.tensor([6, 5, 4])[:, None]
    contacts = torch.sigmoid(draw(seed + 2, 3, FRAMES, 21)) * grounded[..., None]
    return BodyMotion.of(body, posed, rotations, contacts)


@pytest.fixture(scope="module")
def pair(model):
    head = upright_head(0)
    return motion(model, 10, head), replace(motion(model, 20, head), T_world_cpf=head)


def test_the_metrics_of_a_score_are_described_in_order(pair):
    assert list(score(*pair, MASK, FPS)) == [name for name in METRICS if name not in SEVERAL_SAMPLES]
    assert set(METRICS) >= SEVERAL_SAMPLES


def test_what_papers_print_comes_after_the_textbook_and_says_whose_it_is():
    names, print_only = list(METRICS), len(METRICS) - len(IN_PRINT)
    assert names[print_only:] == list(IN_PRINT)
    assert all(METRICS[name].in_print == name.startswith(("egoallo_", "paper_")) for name in names)


def test_every_metric_is_explained_in_the_order_of_the_table():
    explained = re.findall(r"`(\w+)`", " ".join(re.findall(r"^### (.*)$", DOCS.read_text(), re.MULTILINE)))
    assert explained == list(METRICS)


BOTH_JOINTS = {
    "mpjpe_mm",
    "pa_mpjpe_mm",
    "mpjve_mm_s",
    "jitter_ratio",
    "amplitude_ratio",
    "egoallo_pa_mpjpe_mm",
    "paper_jitter_ratio",
}
GUESSED_JOINTS = {
    "jitter_m_s3",
    "foot_sliding_mm_s",
    "egoallo_gnd",
    "egoallo_foot_skate_m",
    "paper_penetration_m",
}
ROTATIONS = {"mpjre_deg", "paper_mpjre_deg", "amplitude_ratio"}
HEAD = {"head_position_mm", "head_rotation_deg"}
FLOOR = {"penetration_mm", "penetration_share", "floating_share"}


@pytest.mark.parametrize(
    ("whose", "field", "readers"),
    [
        (0, "p_world_joint", BOTH_JOINTS | GUESSED_JOINTS),
        (1, "p_world_joint", BOTH_JOINTS | {"true_jitter_m_s3", "true_limb_speed_m_s"}),
        (0, "R_parent_joint", ROTATIONS),
        (1, "R_parent_joint", ROTATIONS | {"true_limb_speed_m_s"}),
        (0, "p_world_sole", FLOOR),
        (1, "p_world_sole", set()),
        (0, "contacts", {"contact_f1"}),
        (1, "contacts", {"contact_f1", "foot_sliding_mm_s", "floating_share"}),
        (0, "T_world_cpf", HEAD),
        (1, "T_world_cpf", HEAD),
    ],
)
def test_a_metric_reads_what_it_says_and_nothing_else(pair, whose, field, readers):
    """Exchanging a field of prediction (0) or truth (1) between windows changes only metrics that use it."""
    sinking = draw(7, 3, FRAMES, 1, 1) * torch.tensor([0, 0, 0.1], dtype=torch.float64)
    both = [replace(m, p_world_sole=m.p_world_sole * torch.tensor([1, 1, 0]) + sinking) for m in pair]
    before = score(*both, MASK, FPS)
    others = both[whose].rows(torch.tensor([1, 2, 0]))
    both[whose] = replace(both[whose], **{field: getattr(others, field)})
    after = score(*both, MASK, FPS)
    changed = {name for name in before if not torch.allclose(after[name], before[name], rtol=0, atol=1e-9)}
    assert changed == readers


def test_every_metric_has_one_sentence_and_a_weight_that_is_a_metric():
    for name, metric in METRICS.items():
        assert metric.definition.find(".") == len(metric.definition) - 1, name
        assert metric.weight in {"", *METRICS}


def test_the_truth_has_no_error_of_its_own(model):
    """The other metrics are properties of the truth: its jitter, its sliding, its sinking."""
    truth = motion(model, 20, upright_head(0))
    found = score(truth, truth, MASK, FPS)
    errors = ["mpjpe_mm", "pa_mpjpe_mm", "mpjre_deg", "mpjve_mm_s", "head_position_mm", "head_rotation_deg"]
    for name in errors:
        assert_close(found[name], torch.zeros(3).double(), rtol=0, atol=1e-9, msg=name)
    for name in ("jitter_ratio", "amplitude_ratio", "contact_f1"):
        assert_close(found[name], torch.ones(3).double(), rtol=0, atol=1e-12, msg=name)
    assert_close(found["true_jitter_m_s3"], found["jitter_m_s3"], rtol=0, atol=0)
    assert (found["foot_sliding_mm_s"] > 0).all()


def test_the_same_frames_at_twice_the_rate_are_faster_and_nothing_else(pair):
    """Velocities are doubled and the jerk is eight times as large; no other metric depends on time."""
    powers = {"mpjve_mm_s": 1, "foot_sliding_mm_s": 1, "true_limb_speed_m_s": 1}
    powers |= {"jitter_m_s3": 3, "true_jitter_m_s3": 3}
    slow, fast = score(*pair, MASK, FPS), score(*pair, MASK, 2 * FPS)
    for name, value in slow.items():
        assert_close(fast[name], 2.0 ** powers.get(name, 0) * value, rtol=1e-12, atol=0, msg=name)


def test_a_body_hung_from_a_head_wears_it(pair):
    """This does not hold for the true pose under another head path."""
    found = score(*pair, MASK, FPS)
    assert_close(found["head_position_mm"], torch.zeros(3).double(), rtol=0, atol=1e-9)
    assert_close(found["head_rotation_deg"], torch.zeros(3).double(), rtol=0, atol=1e-5)
    elsewhere = score(pair[0], replace(pair[1], T_world_cpf=upright_head(1)), MASK, FPS)
    assert (elsewhere["head_position_mm"] > 50).all()
    assert (elsewhere["head_rotation_deg"] > 5).all()


def test_the_floor_is_judged_by_soles_and_not_by_joints(pair, model):
    """A body lowered by 10 cm sinks 10 cm deeper in every frame in which it already sank."""
    guess, truth = pair
    down = torch.tensor([0, 0, -2.0], dtype=torch.float64)
    sunk = replace(guess, p_world_sole=guess.p_world_sole + down)
    deeper = replace(guess, p_world_sole=guess.p_world_sole + 1.05 * down)
    depth, more = (score(m, truth, MASK, FPS)["penetration_mm"] for m in (sunk, deeper))
    assert_close(more - depth, torch.full((3,), 100.0).double(), rtol=0, atol=1e-8)
    raised = replace(guess, p_world_joint=guess.p_world_joint - 10 * down)
    assert_close(
        score(raised, truth, MASK, FPS)["floating_share"],
        score(*pair, MASK, FPS)["floating_share"],
        rtol=0,
        atol=0,
    )


def test_a_score_does_not_depend_on_the_neighbours_of_a_window(pair):
    together = score(*pair, MASK, FPS)
    for window in range(3):
        row = torch.tensor([window])
        alone = score(pair[0].rows(row), pair[1].rows(row), MASK[row], FPS)
        for name, value in together.items():
            assert_close(alone[name], value[row], rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize("content", [float("nan"), float("inf"), 1e6])
def test_a_score_does_not_depend_on_what_lies_in_the_padding(pair, content):
    expected = score(*pair, MASK, FPS)
    found = score(*(spoiled(motion, content) for motion in pair), MASK, FPS)
    for name, value in expected.items():
        assert_close(found[name], value, rtol=0, atol=1e-9, msg=name)


def test_a_score_does_not_depend_on_how_much_padding_there_is(pair):
    row = torch.tensor([2])
    short = [cut(motion.rows(row), int(REAL[2])) for motion in pair]
    expected = score(*short, MASK[row][:, : REAL[2]], FPS)
    found = score(*pair, MASK, FPS)
    for name, value in expected.items():
        assert_close(found[name][row], value, rtol=0, atol=1e-9, msg=name)


def test_rows_may_repeat_a_window_for_each_of_its_samples(pair):
    index = torch.tensor([2, 0, 2])
    repeated, once = score(*(m.rows(index) for m in pair), MASK[index], FPS), score(*pair, MASK, FPS)
    for name, value in once.items():
        assert_close(repeated[name], value[index], rtol=0, atol=1e-9, msg=name)


def test_a_window_of_three_real_frames_is_refused_by_number(pair):
    mask = torch.arange(FRAMES) < torch.tensor([12, 3, 5])[:, None]
    with pytest.raises(ValueError, match=r"at least 4 real frames in a row, got fewer in \[1\]"):
        score(*pair, mask, FPS)


def test_the_truth_of_a_batch_stands_under_the_head_path_that_was_given(model):
    head = upright_head(3)
    earlier = torch.cat([head.wxyz_xyz()[:, :1], head.wxyz_xyz()], dim=1)
    rotations = roma.rotvec_to_rotmat(0.2 * draw(4, 3, FRAMES, 51, 3))
    contacts = draw(5, 3, FRAMES, 21) > 0
    batch = WindowBatch(draw(6, 3, 16), quaternion_from_matrix(rotations), contacts, earlier, MASK)
    truth = BodyMotion.truth(batch, model)
    body = model.shaped(batch.betas[:, None])
    posed = pose_body(body, rotations[:, :, :21], root_from_head(body, rotations[:, :, :21], head))
    assert_close(truth.T_world_cpf.p, head.p, rtol=0, atol=0)
    assert_close(truth.T_world_cpf.R, head.R, rtol=0, atol=1e-12)
    assert_close(truth.p_world_joint, posed.p_world_joint, rtol=0, atol=1e-12)
    assert_close(truth.p_world_sole, sole_positions(body, posed), rtol=0, atol=1e-12)
    assert_close(truth.R_parent_joint[:, :, 0], posed.R_world_joint[:, :, 0], rtol=0, atol=1e-12)
    assert_close(truth.R_parent_joint[:, :, 1:], rotations[:, :, :21], rtol=0, atol=1e-12)
    assert_close(truth.contacts, contacts.double(), rtol=0, atol=0)


def spoiled(motion: BodyMotion, content: float) -> BodyMotion:
    """The same motion with this value in every padded frame."""
    spoil = lambda x: torch.where(MASK.view(*MASK.shape, *[1] * (x.dim() - 2)), x, content)  # noqa: E731
    return each_field(motion, spoil)


def cut(motion: BodyMotion, frames: int) -> BodyMotion:
    """The first frames only."""
    return each_field(motion, lambda x: x[:, :frames])


def each_field(motion: BodyMotion, change) -> BodyMotion:
    head = Transform(change(motion.T_world_cpf.R), change(motion.T_world_cpf.p))
    return BodyMotion(
        R_parent_joint=change(motion.R_parent_joint),
        p_world_joint=change(motion.p_world_joint),
        p_world_sole=change(motion.p_world_sole),
        contacts=change(motion.contacts),
        T_world_cpf=head,
    )
