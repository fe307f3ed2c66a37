"""The parameters of a recovery: its input, its model and its outputs."""

from typing import Literal

from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.diffusion.guidance import GuidanceConfig
from motiongrpo.head.flaws import HeadRepairConfig
from motiongrpo.head.formats.config import HeadFormatConfig
from motiongrpo.recovery.live import LiveConfig

Output = Literal["bvh", "glb", "npz", "parquet", "mp4"]


class ClipConfig(Config):
    """The stretch of a recording that the report plays and the video shows."""

    start_s: float = Field(ge=0)
    seconds: float = Field(gt=0, le=60)


class RecoveryConfig(HeadFormatConfig):
    """A headset's file and what it does not say; the model; the formats of the body."""

    input: str | None  # a file, or a folder of them
    to: tuple[Output, ...]
    checkpoint: str | None  # policy, pretrained, or a path; none: the policy where there is one
    samples: int | None = Field(ge=2)  # none: as many as the bands were calibrated on
    seed: int = Field(ge=0)
    chunk_s: float = Field(ge=2)
    floor_m: float | Literal["estimate"] | None  # in the file's world; none: as the format says, or estimated
    repair: HeadRepairConfig
    guidance: GuidanceConfig
    clip: ClipConfig
    live: LiveConfig
