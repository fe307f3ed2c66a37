"""The last checkpoints of a run with guidance: the motions that are also scored plain, refined."""

from collections.abc import Iterator

from motiongrpo.base.checkpoint import digest_of
from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.diffusion.guidance import GuidanceConfig

GUIDED = "guided"
NAMES = {"pretraining": f"{GUIDED}/pretrained_denoiser", "grpo": f"{GUIDED}/policy"}
"""By the training whose last checkpoint is refined."""


def guided_of(found: list[Candidate], run: str, guidance: GuidanceConfig) -> Iterator[Candidate]:
    """The last checkpoint of each training of the run itself, as a candidate of its own.

    `weights` is a digest of the checkpoint's and of how its motions are refined.
    """
    for stage, name in NAMES.items():
        of_stage = [c for c in found if c.run == run and c.stage == stage]
        if of_stage:
            last = max(of_stage, key=lambda candidate: candidate.step)
            made_of = digest_of(last.weights, guidance.model_dump_json())
            yield Candidate(name, run, GUIDED, last.step, made_of, last.body, last.path)
