"""Baselines: their pose, its placement under a head, and their inputs."""

import pandas as pd
import pytest
import roma
import torch
from torch.testing import assert_close

from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.heading import heading_angle
from motiongrpo.geometry.se3 import Transform
from motiongrpo.metrics import baselines
from motiongrpo.metrics.baselines import (
    MEAN_OF_SAMPLES,
    MeanPose,
    Placement,
    TrainingMotion,
    baselines_of,
    evenly_spaced_frames,
    mean_of_candidates,
)
from motiongrpo.metrics.evaluation import EvaluationBatch, score_samples
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.motion.grounding import ground
from tests.bodies import CONTACT, FLOOR, FPS, open_body, standing_clip, stored, window_batch
from tests.metrics.test_standing import CONFIG, denoiser


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pose() -> MeanPose:
    """A bent pose of no particular shape."""
    return MeanPose(draw(0, 16), roma.rotvec_to_rotmat(0.3 * draw(1, 21, 3)), torch.full((21,), 0.7).double())


def posed(placement: Placement) -> tuple[BodyMotion, Transform]:
    """The pose under the heads of synthetic motion, and these heads."""
    batch, body = window_batch(), open_body()
    head = pose().head_path(batch, placement, body)
    x = pose().packed(batch, 1)[:, 0]
    placed = PlacedMotion.sampled(x, head, batch.mask)
    motion = BodyMotion.of(*placed.posed(body), placed.R_parent_joint, placed.contacts)
    return motion, Transform.from_wxyz_xyz(batch.T_world_cpf[:, 1:])


def test_the_upright_pose_stands_z_up_at_the_yaw_of_the_head_which_is_where_it_truly_is():
    motion, head = posed("upright")
    R_world_root = motion.R_parent_joint[:, :, 0]
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand_as(head.p)
    assert_close(R_world_root[..., 1], up, rtol=0, atol=1e-9)  # y of the root
    turned = heading_angle(R_world_root) - heading_angle(head.R)
    assert_close(torch.cos(turned), torch.ones_like(turned), rtol=0, atol=1e-12)
    assert_close(motion.T_world_cpf.p, head.p, rtol=0, atol=1e-9)


def test_the_upright_pose_does_not_follow_the_tilt_of_the_head_and_the_hung_one_does():
    hung, head = posed("hung")
    assert_close(hung.T_world_cpf.R, head.R, rtol=0, atol=1e-6)
    assert_close(hung.T_world_cpf.p, head.p, rtol=0, atol=1e-9)
    upright, _ = posed("upright")
    tilt = upright.T_world_cpf.R[..., 2, 1]  # how far the pupils' y points up
    assert_close(tilt, tilt[:1, :1].expand_as(tilt), rtol=0, atol=1e-9)
    assert (hung.T_world_cpf.R[..., 2, 1].std(dim=1) > 1e-5).all()


def test_the_pose_is_held_by_every_sample_in_every_frame():
    batch = window_batch()
    x = pose().packed(batch, 3)
    assert x.shape == (len(batch), 3, batch.mask.shape[1], 226)
    state = baselines.MotionState.unpack(x)
    assert_close(state.betas, pose().betas.expand_as(state.betas), rtol=0, atol=0)
    assert_close(state.rotations(), pose().R_parent_joint.expand_as(state.body_rotmats), rtol=0, atol=1e-12)


def test_constant_poses_are_measured_as_samples_are():
    """A statue has no amplitude and no diversity; only the upright one has a rotation error of the head."""
    batch, body = window_batch(), open_body()
    follows_tilt: dict[Placement, bool] = {"upright": False, "hung": True}
    for placement, follows in follows_tilt.items():
        head = pose().head_path(batch, placement, body)
        found = score_samples(pose().packed(batch, 2), batch, body, FPS, head)
        for name in ("amplitude_ratio", "pairwise_diversity_mm", "head_position_mm"):
            assert_close(found[name], torch.zeros(len(batch)).double(), rtol=0, atol=1e-6, msg=name)
        assert_close(found["best_of_k_mpjpe_mm"], found["mpjpe_mm"], rtol=0, atol=1e-9)
        assert ((found["head_rotation_deg"] < 1e-3) == follows).all()


def test_the_mean_pose_of_a_steady_turn_is_its_middle(tmp_path):
    """The left shoulder turns from 0 to −1 rad about y, all other joints of the body rest."""
    motions = stored(tmp_path, [ground(standing_clip(frames=21), open_body(), FLOOR, CONTACT)])
    table = pd.DataFrame({"split": ["train"], "sequence": [0], "start": [1], "length": [19]})
    mean = MeanPose.of(motions, table)  # frames 1 to 19 of 0 to 20
    expected = torch.zeros(21, 3)
    expected[15, 1] = -0.5
    assert_close(roma.rotmat_to_rotvec(mean.R_parent_joint), expected, rtol=0, atol=1e-3)
    assert_close(mean.betas, torch.zeros(16), rtol=0, atol=0)
    assert mean.contacts[[6, 7, 9, 10]].gt(0.5).all()


def test_frames_are_evenly_spaced_over_all_spans():
    spans = pd.DataFrame({"sequence": [3, 5], "start": [1, 2], "length": [3, 2]})
    each = [[3, 1, 1], [3, 2, 1], [3, 3, 1], [5, 2, 1], [5, 3, 1]]
    assert evenly_spaced_frames(spans, 5).tolist() == each
    assert evenly_spaced_frames(spans, 3).tolist() == [each[0], each[2], each[4]]


def test_the_mean_of_equal_samples_is_the_sample(monkeypatch):
    x = draw(0, 4, 2, 24, 226)
    monkeypatch.setattr(baselines, "draw_samples", lambda denoiser, batch, config, candidate: x)
    batch = EvaluationBatch(window_batch(), 0)
    assert_close(mean_of_candidates(denoiser(), batch, CONFIG, 8), x, rtol=0, atol=1e-12)


def checkpoint(stage: str, step: int, run: str = "r", weights: str = "w") -> Candidate:
    return Candidate(f"{stage}/{step}", run, stage, step, weights, "body", f"{stage}-{step}")


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    clip = ground(standing_clip(), open_body(), FLOOR, CONTACT)
    return stored(tmp_path_factory.mktemp("store"), [clip])


TABLE = pd.DataFrame({"split": ["train", "test"], "sequence": [0, 0], "start": [1, 9], "length": [8, 8]})


def test_the_prior_whose_samples_are_averaged_is_the_last_pretrained_one_of_the_first_run(motions):
    found = [
        checkpoint("pretraining", 8),
        checkpoint("pretraining", 16),
        checkpoint("grpo", 30),
        checkpoint("pretraining", 99, run="other"),
    ]
    *constants, mean = baselines_of(found, TrainingMotion("mine", motions, TABLE), "mine")
    assert [c.name for c in constants] == ["baselines/constant_upright", "baselines/constant_hung"]
    assert (mean.name, mean.path, mean.run) == (MEAN_OF_SAMPLES, "pretraining-16", "mine")


def test_a_baseline_is_another_where_what_it_is_made_of_is(motions):
    def made(table: pd.DataFrame, weights: str) -> list[str]:
        found = [checkpoint("pretraining", 8, weights=weights)]
        return [
            baseline.weights for baseline in baselines_of(found, TrainingMotion("r", motions, table), "r")
        ]

    first = made(TABLE, "w")
    same = [before == after for before, after in zip(first, made(TABLE, "other"), strict=True)]
    assert same == [True, True, False]
    other_test, other_train = (TABLE.assign(length=length) for length in ([8, 7], [7, 8]))
    assert made(other_test, "w") == first
    same = [before == after for before, after in zip(first, made(other_train, "w"), strict=True)]
    assert same == [False, False, True]


def test_there_is_no_constant_pose_without_training_motion_and_no_mean_without_a_prior(motions):
    def names(stage: str, table: pd.DataFrame) -> list[str]:
        training = TrainingMotion("r", motions, table)
        return [baseline.name for baseline in baselines_of([checkpoint(stage, 8)], training, "r")]

    assert names("pretraining", TABLE[TABLE["split"] == "test"]) == [MEAN_OF_SAMPLES]
    assert names("grpo", TABLE) == ["baselines/constant_upright", "baselines/constant_hung"]
