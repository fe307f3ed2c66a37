from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.metrics.evaluation import score_denoiser
from motiongrpo.metrics.guided import guided_of
from tests.bodies import FPS, open_body
from tests.diffusion.test_guidance import CONFIG as GUIDANCE
from tests.metrics.test_standing import CONFIG, batch, denoiser


def checkpoint(stage: str, step: int, run: str = "mine", weights: str = "w") -> Candidate:
    return Candidate(f"{stage}/{step}", run, stage, step, weights, "body", f"{stage}-{step}")


def test_the_last_checkpoint_of_each_training_of_the_run_itself_is_guided():
    found = [
        checkpoint("pretraining", 8),
        checkpoint("pretraining", 16),
        checkpoint("grpo", 30),
        checkpoint("grpo", 99, run="other"),
    ]
    guided = list(guided_of(found, "mine", GUIDANCE))
    assert [(c.name, c.path) for c in guided] == [
        ("guided/pretrained_denoiser", "pretraining-16"),
        ("guided/policy", "grpo-30"),
    ]


def test_a_guided_checkpoint_is_another_where_its_weights_or_the_guidance_are():
    def made(weights: str, **changed: float) -> str:
        guidance = GUIDANCE.model_copy(update=changed)
        return next(guided_of([checkpoint("grpo", 8, weights=weights)], "mine", guidance)).weights

    assert made("w") == made("w")
    assert len({made("w"), made("other"), made("w", sliding=7.0)}) == 3


def test_guidance_refines_the_motions_that_are_scored_without_it():
    plain = score_denoiser(denoiser(), batch(), open_body(), FPS, CONFIG)
    refined = score_denoiser(denoiser(), batch(), open_body(), FPS, CONFIG, GUIDANCE)
    assert refined["contact_f1"] == plain["contact_f1"]
    assert all(after < 1e-3 for after in refined["head_position_mm"])
    assert sum(refined["jitter_m_s3"]) < 0.9 * sum(plain["jitter_m_s3"])
