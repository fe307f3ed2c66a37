"""One synthetic clip from a seed and a number, without regard to any other clip."""

import math

import numpy as np
import torch
from pydantic import Field, model_validator
from scipy.spatial.transform import Rotation

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import seed_for
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.sources.synthetic.anatomy import measure
from motiongrpo.motion.sources.synthetic.pelvis import REACH_WINDOW
from motiongrpo.motion.sources.synthetic.perform import Performance, perform
from motiongrpo.motion.sources.synthetic.plan import draw_score
from motiongrpo.motion.sources.synthetic.score import Activity, Score
from motiongrpo.motion.sources.synthetic.stage import set_stage
from motiongrpo.motion.sources.synthetic.style import draw_style

SOURCE = "synthetic"
LICENCE = "MIT"
LEAD_IN = 0.4, 1.9  # s of the plan before a clip, which begins in the middle of things
LEAD_OUT = 0.4  # s of it after a clip
LEGS = 0.6, 1.2  # m, of the average body
SHORTEST_ACTIVITY = 0.3  # s of an activity within a clip for it to be named


class SyntheticConfig(Config):
    """How much synthetic motion there is, and of what."""

    seed: int = Field(ge=0)
    clips: int = Field(ge=1)
    clips_per_subject: int = Field(ge=1)
    seconds_min: float = Field(ge=2, le=600)
    seconds_max: float = Field(ge=2, le=600)
    fps: float = Field(ge=10, le=240)
    activities: tuple[Activity, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def refuse_empty_range(self) -> "SyntheticConfig":
        if self.seconds_max < self.seconds_min:
            raise ValueError(
                f"seconds_max must be at least seconds_min ({self.seconds_min:g}), got {self.seconds_max:g}"
            )
        return self


def synthesise(model: BodyModel, config: SyntheticConfig, index: int) -> Clip:
    """Clip number `index` of a seed; the same whichever clips are made before it, or how many there are."""
    return clip_of(perform_clip(model, config, index), config, index)


def clip_of(performance: Performance, config: SyntheticConfig, index: int) -> Clip:
    """A performance in our format, without its edges."""
    stage, pelvis = performance.stage, performance.pelvis
    edge = edge_frames(config.fps)
    shown = slice(edge, len(stage.t) - edge)
    T_world_root = torch.cat([_quaternions(pelvis.R[shown]), torch.from_numpy(pelvis.p[shown])], dim=-1)
    return Clip(
        name=f"{SOURCE}_{config.seed}_{index:06d}",
        source=SOURCE,
        subject=f"{SOURCE}_{config.seed}_{index // config.clips_per_subject:05d}",
        activity=activity_names(stage.score, float(stage.t[edge]), float(stage.t[-1 - edge])),
        licence=LICENCE,
        fps=config.fps,
        betas=torch.from_numpy(stage.style.betas),
        q_parent_joint=_quaternions(performance.R_parent_joint[shown]),
        T_world_root=T_world_root,
    )


def perform_clip(model: BodyModel, config: SyntheticConfig, index: int) -> Performance:
    """A clip as it was planned, with `edge_frames` more at either end that smoothing needs to look at."""
    rng = _generator(config.seed, "clip", index)
    style = draw_style(_generator(config.seed, "subject", index // config.clips_per_subject))
    _check_legs(model)
    anatomy = measure(model.shaped(torch.from_numpy(style.betas)))
    style = style.on_legs(anatomy.leg_length)
    begin, seconds = rng.uniform(*LEAD_IN), rng.uniform(config.seconds_min, config.seconds_max)
    score = draw_score(config.activities, begin + seconds + LEAD_OUT, style, rng)
    edge = edge_frames(config.fps)
    t = begin + np.arange(-edge, round(seconds * config.fps) + edge) / config.fps
    return perform(set_stage(score, style, anatomy, t, rng.uniform(-np.pi, np.pi)), rng)


def _check_legs(model: BodyModel) -> None:
    length = measure(model.shaped(torch.zeros(SHAPE_COEFFICIENTS, dtype=torch.float64))).leg_length
    if not LEGS[0] < length < LEGS[1]:
        raise InputError(
            f"body '{model.name}' has legs of {length:.2f} m, synthetic motion is made for {LEGS[0]} to "
            f"{LEGS[1]} m: use a body file of adults in metres"
        )


def edge_frames(fps: float) -> int:
    """Frames that are planned and performed at either end of a clip but not part of it."""
    return math.ceil(REACH_WINDOW * fps)


def activity_names(score: Score, start: float, stop: float) -> str:
    """What is done between two times, in order, joined by "+"."""
    names = [
        segment.activity
        for segment in score.segments
        if min(segment.stop, stop) - max(segment.start, start) > SHORTEST_ACTIVITY
    ]
    return "+".join(dict.fromkeys(names))


def _generator(seed: int, *address: str | int) -> np.random.Generator:
    return np.random.default_rng(seed_for(seed, SOURCE, *address))


def _quaternions(R: np.ndarray) -> torch.Tensor:
    """Unit quaternions `wxyz` with w ≥ 0."""
    q = Rotation.from_matrix(R.reshape(-1, 3, 3)).as_quat(canonical=True, scalar_first=True)
    return torch.from_numpy(q.reshape(*R.shape[:-2], 4))
