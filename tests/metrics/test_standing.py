"""The provenance of scores: the reported changes, and values that are fixed for the version."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from motiongrpo.base.provenance import Provenance
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.representation import feature_sizes, true_motion
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.geometry.so3 import quaternion_from_rotation_vector
from motiongrpo.metrics.evaluation import EvaluationConfig, score_denoiser
from motiongrpo.metrics.score import METRICS
from motiongrpo.metrics.standing import (
    VERSION,
    evaluation_provenance,
    is_current,
    measured_otherwise,
    paired,
    staleness,
)
from motiongrpo.motion.windows import WindowBatch
from tests.bodies import open_body
from tests.denoisers import small
from tests.diffusion.test_guidance import CONFIG as GUIDANCE

CONFIG = EvaluationConfig(
    windows=2,
    spread="sequences",
    samples=2,
    batch_size=2,
    seed=0,
    sampling=SamplingConfig(steps=5, eta=1.0, sampler="ddim", deterministic_below=0),
    resamples=100,
    force=False,
    baselines=True,
    guidance=GUIDANCE,
)
FRAMES, PADDED = 12, 3


def formula(*shape: int, rate: float = 0.7) -> torch.Tensor:
    """Values that depend on no random generator and no other code."""
    return torch.sin(rate * torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)).reshape(
        shape
    )


def batch() -> WindowBatch:
    """Two windows, the second with padding, of a body that moves independently of its head."""
    upright = torch.tensor([torch.pi / 2, 0.0, 0.0], dtype=torch.float64)
    turn = quaternion_from_rotation_vector(upright + 0.1 * formula(2, FRAMES + 1, 3, rate=0.11))
    place = torch.tensor([0.0, 0.0, 1.58], dtype=torch.float64) + 0.05 * formula(2, FRAMES + 1, 3, rate=0.05)
    mask = torch.ones(2, FRAMES, dtype=torch.bool)
    mask[1, -PADDED:] = False
    return WindowBatch(
        betas=torch.zeros(2, 16, dtype=torch.float64),
        q_parent_joint=quaternion_from_rotation_vector(0.3 * formula(2, FRAMES, 21, 3, rate=0.031)),
        contacts=formula(2, FRAMES, 21, rate=0.3) > 0,
        T_world_cpf=torch.cat([turn, place], dim=-1),
        mask=mask,
    )


def denoiser() -> Denoiser:
    """A denoiser with every matrix and bias by formula; the last biases are a mean motion, to give a body."""
    network = Denoiser(small()).double().eval()
    means = true_motion(batch()).pack().mean(dim=(0, 1)).split(list(feature_sizes(False).values()))
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Embedding):
                for parameter in layer.parameters():
                    parameter.copy_(0.4 * formula(*parameter.shape, rate=1.3))
        for name, mean in zip(feature_sizes(False), means, strict=True):
            last = list(network.decoders[name].children())[-1]
            last.weight.mul_(0.3)
            last.bias.copy_(mean)
    return network


def measured() -> dict[str, list[float]]:
    """Every metric of both windows."""
    return score_denoiser(denoiser(), batch(), open_body(), 30.0, CONFIG)


SCORES = {  # of version 1
    "mpjpe_mm": (427.7946206, 426.1925957),
    "pa_mpjpe_mm": (130.2884659, 130.2871861),
    "mpjre_deg": (27.31435275, 27.40554941),
    "mpjve_mm_s": (17526.30149, 17310.11257),
    "jitter_m_s3": (48.75030067, 60.90407711),
    "true_jitter_m_s3": (46161.30525, 50067.91413),
    "jitter_ratio": (0.001056085836, 0.001216429287),
    "true_limb_speed_m_s": (23.58286098, 23.74300295),
    "amplitude_ratio": (3.623766502e-05, 2.506095458e-05),
    "foot_sliding_mm_s": (1059.961841, 930.7985833),
    "penetration_mm": (17.61273211, 43.10811721),
    "penetration_share": (0.5833333333, 1),
    "floating_share": (0, 0),
    "contact_f1": (0.8421052632, 1),
    "egoallo_pa_mpjpe_mm": (445.3625547, 447.0067475),
    "egoallo_gnd": (1, 1),
    "egoallo_foot_skate_m": (0.2826935614, 0.3244351022),
    "paper_mpjre_deg": (12.27031271, 12.23136995),
    "paper_jitter_ratio": (0.001056085836, 0.001216429287),
    "paper_penetration_m": (0.008815691293, 0.1039727347),
    "best_of_k_mpjpe_mm": (427.7940913, 426.1925914),
    "pairwise_diversity_mm": (0.01796000804, 0.01454199886),
}


def test_the_numbers_of_a_checkpoint_are_those_of_this_version():
    """An intended change needs a new VERSION, so that old scores become stale."""
    assert VERSION == 1
    found = measured()
    assert found.keys() == SCORES.keys() | {"head_position_mm", "head_rotation_deg"}  # zero up to rounding
    for name, values in SCORES.items():
        assert found[name] == pytest.approx(values, rel=1e-6, abs=1e-9), (
            f"{name}: raise VERSION if it is meant"
        )


def of_now(**changes) -> Provenance:
    return evaluation_provenance("motions", "windows", "body", CONFIG.model_copy(update=changes))


def with_input(name: str, value) -> Provenance:
    return replace(of_now(), inputs=of_now().inputs | {name: value})


def score(now: Provenance, weights: str = "w") -> dict:
    return {"weights": weights, "measured": now.record()}


def test_a_score_of_the_same_weights_measured_alike_is_current():
    now = of_now()
    assert is_current(score(of_now()), "w", now)
    assert staleness(score(of_now()), "w", now) == []
    assert not is_current(None, "w", now)
    assert not is_current(score(now), "other", now)
    assert staleness(score(now), "other", now) == ["other weights"]


def test_what_only_the_comparison_uses_makes_no_score_stale():
    elsewhere = GUIDANCE.model_copy(update={"enabled": False})
    assert of_now(resamples=5000, force=True, baselines=False, guidance=elsewhere).digest == of_now().digest


@pytest.mark.parametrize(
    ("before", "phrase"),
    [
        (of_now(samples=3), "evaluation.samples was 3, is 2"),
        (of_now(seed=4), "evaluation.seed was 4, is 0"),
        (
            of_now(sampling=CONFIG.sampling.model_copy(update={"steps": 9})),
            "evaluation.sampling.steps was 9, is 5",
        ),
        (replace(of_now(), version=VERSION - 1), f"the code was version {VERSION - 1}, is {VERSION}"),
        (with_input("metrics", []), "other metrics"),
        (with_input("motion", "others"), "other motion"),
        (with_input("held_out_windows", "others"), "other held out windows"),
        (with_input("body_file", "other"), "other body file"),
    ],
)
def test_everything_that_changes_a_score_makes_it_stale_and_is_named(before, phrase):
    assert before.digest != of_now().digest
    assert staleness(score(before), "w", of_now()) == [phrase]
    assert not is_current(score(before), "w", of_now())
    assert measured_otherwise(score(before), score(of_now())) == [phrase]


def test_a_score_that_does_not_say_how_it_was_measured_is_stale_and_compares_with_none():
    untold = {"weights": "w", "protocol": "old"}
    assert staleness(untold, "w", of_now()) == ["it does not say how it was made"]
    assert measured_otherwise(untold, score(of_now())) == ["it does not say how it was made"]
    assert measured_otherwise(score(of_now()), untold) == ["it does not say how it was made"]
    assert not paired(untold, score(of_now()))


def test_scores_are_paired_on_the_same_windows_and_metrics_however_motions_were_drawn():
    assert paired(score(of_now()), score(of_now(samples=4)))
    assert not paired(score(of_now()), score(with_input("held_out_windows", "others")))
    assert not paired(score(of_now()), score(replace(of_now(), version=0)))


def test_every_metric_is_measured():
    assert measured().keys() == METRICS.keys()
