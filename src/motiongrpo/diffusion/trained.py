"""A denoiser loaded from disk with its intended use: its windows, sampler and frame rate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field, ValidationError
from torch import Tensor

from motiongrpo.base.checkpoint import Checkpoint, load_checkpoint, weights_digest
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.network import restored, with_weights
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import read_egoallo
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.window_blend import EGOALLO_PLAN, WindowPlan
from motiongrpo.motion.windows import WindowBatch

SHARED = 4  # a window shares a quarter of its frames with the next, as EgoAllo's do
TAILS = (0.005, 0.995)


class Usage(Config):
    """What a checkpoint's header says of its use, and of the head paths it was trained under."""

    fps: float = Field(gt=0)
    plan: WindowPlan
    sampling: SamplingConfig
    head_height_m: tuple[float, float] | None  # 99 % of the training motion lies between; none: not known
    head_speed_m_s: float | None  # 99.5 % of the training motion is slower; none: not known


EGOALLO_USAGE = Usage(
    fps=30.0,
    plan=EGOALLO_PLAN,
    sampling=SamplingConfig(steps=30, eta=1.0, sampler="egoallo", deterministic_below=0),
    head_height_m=None,
    head_speed_m_s=None,
)
"""EgoAllo's own windows, levels and steps; its motion is AMASS at 30 fps."""


@dataclass(frozen=True)
class TrainedDenoiser:
    """A denoiser in evaluation mode, and everything that drawing motions from it needs."""

    denoiser: Denoiser
    usage: Usage
    name: str  # of its checkpoint, for sentences and reports
    weights: str  # the digest of its tensors
    body_digest: str | None  # of the body file it was trained with; none: EgoAllo's checkpoint keeps none

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "TrainedDenoiser":
        """From a checkpoint whose header says how it is used; InputError where it does not."""
        denoiser, header = restored(checkpoint, Denoiser), checkpoint.header
        return cls(denoiser, usage_of(checkpoint), checkpoint.name, header.weights, header.body_digest)


def usage_of(checkpoint: Checkpoint) -> Usage:
    """How the denoiser of a checkpoint is used; InputError where its header does not say it."""
    try:
        return Usage.model_validate(checkpoint.header.usage)
    except ValidationError as error:
        raise InputError(
            f"{checkpoint.name} does not say on which windows and with which sampler it is used, since an "
            "earlier version of this code made it; train it anew, with --params run=NAME"
        ) from error


def load_trained(path: Path) -> TrainedDenoiser:
    """The denoiser of a checkpoint file, or of a folder in EgoAllo's layout, and how it is used."""
    if not path.is_dir():
        return TrainedDenoiser.of(load_checkpoint(path, "denoiser"))
    model = read_egoallo(path, mask_self_attention=True)
    denoiser = with_weights(Denoiser, model.config, model.tensors, f"'{path}'")
    return TrainedDenoiser(denoiser, EGOALLO_USAGE, f"'{path}'", weights_digest(model.tensors), None)


def load_denoiser(path: Path) -> Denoiser:
    """The network alone, whether or not its header says how it is used."""
    if path.is_dir():
        return load_trained(path).denoiser
    return restored(load_checkpoint(path, "denoiser"), Denoiser)


def usage_from(batch: WindowBatch, fps: float, sampling: SamplingConfig) -> dict[str, Any]:
    """What a header says of a denoiser that is trained on windows like these, and sampled like this."""
    length = batch.mask.shape[1]
    heights, speeds = (_real(values, batch) for values in head_height_and_speed(batch.T_world_cpf, fps))
    low, high = heights.quantile(torch.tensor(TAILS).to(heights)).tolist()
    usage = Usage(
        fps=fps,
        plan=WindowPlan(length=length, overlap=max(1, length // SHARED)),
        sampling=sampling,
        head_height_m=(round(low, 3), round(high, 3)),
        head_speed_m_s=round(float(speeds.quantile(TAILS[1])), 3),
    )
    return usage.model_dump(mode="json")


def head_height_and_speed(
    T_world_cpf: Float[Tensor, "*batch frame_and_one 7"], fps: float
) -> tuple[Float[Tensor, "*batch frame"], Float[Tensor, "*batch frame"]]:
    """Height over the floor, metres, and speed from the frame before, m/s."""
    p = T_world_cpf[..., 4:]
    return p[..., 1:, 2], p.diff(dim=-2).norm(dim=-1) * fps


def _real(values: Tensor, batch: WindowBatch) -> Tensor:
    return values[batch.mask].double()
