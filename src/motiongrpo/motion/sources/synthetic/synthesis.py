"""One synthetic clip from a seed and a number: its subject, its plan, the animation of the body.

A clip depends on its seed and its number alone, and not on the number of clips or on those made before.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, model_validator
from scipy.spatial.transform import Rotation

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.seeds import seed_for
from motiongrpo.body.body_model import SHAPE_COEFFICIENTS, BodyModel
from motiongrpo.body.skeleton import JOINTS, Joint
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.sources.synthetic.activities import draw_plan
from motiongrpo.motion.sources.synthetic.feet import FootMotion, move_foot
from motiongrpo.motion.sources.synthetic.footsteps import footfalls
from motiongrpo.motion.sources.synthetic.lower_body import REACH_WINDOW, Pelvis, leg_rotations, move_pelvis
from motiongrpo.motion.sources.synthetic.plan import Activity, Plan
from motiongrpo.motion.sources.synthetic.subject import draw_style, measure
from motiongrpo.motion.sources.synthetic.timeline import Timeline, sample_plan
from motiongrpo.motion.sources.synthetic.upper_body import arm_angles, arm_rotations, trunk_rotations

TRUNK = (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3, Joint.NECK, Joint.HEAD)
ARMS = tuple(
    tuple(Joint[f"{side}_{name}"] for name in ("COLLAR", "SHOULDER", "ELBOW", "WRIST"))
    for side in ("LEFT", "RIGHT")
)
SOURCE = "synthetic"
LICENCE = "MIT"
LEAD_IN = 0.4, 1.9  # s of the plan before a clip, so that it begins in mid-activity
LEAD_OUT = 0.4  # s of the plan after a clip
LEGS = 0.6, 1.2  # m, of the average body
SHORTEST_ACTIVITY = 0.3  # s of an activity within a clip from which it is named


class SyntheticConfig(Config):
    """The number of synthetic clips, their length, frame rate and activities."""

    seed: int = Field(ge=0)
    clips: int = Field(ge=1, le=1_000_000)
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


@dataclass(frozen=True)
class Animation:
    """The pose of every joint in every frame of a timeline."""

    timeline: Timeline
    R_parent_joint: Float[ndarray, "frame 51 3 3"]
    pelvis: Pelvis
    feet: tuple[FootMotion, FootMotion]


def synthesise(model: BodyModel, config: SyntheticConfig, index: int) -> Clip:
    """Clip number `index` of a seed."""
    return clip_of(animate_clip(model, config, index), config, index)


def clip_of(animation: Animation, config: SyntheticConfig, index: int) -> Clip:
    """The animation without its edges, as a clip."""
    timeline, pelvis = animation.timeline, animation.pelvis
    edge = edge_frames(config.fps)
    shown = slice(edge, len(timeline.t) - edge)
    T_world_root = torch.cat([_quaternions(pelvis.R[shown]), torch.from_numpy(pelvis.p[shown])], dim=-1)
    return Clip(
        name=f"{SOURCE}_{config.seed}_{index:06d}",
        source=SOURCE,
        subject=subject_of_clip(config, index),
        activity=activity_names(timeline.plan, float(timeline.t[edge]), float(timeline.t[-1 - edge])),
        licence=LICENCE,
        fps=config.fps,
        betas=torch.from_numpy(timeline.style.betas),
        q_parent_joint=_quaternions(animation.R_parent_joint[shown]),
        T_world_root=T_world_root,
    )


def subject_of_clip(config: SyntheticConfig, index: int) -> str:
    """The subject of clip number `index`."""
    return f"{SOURCE}_{config.seed}_{index // config.clips_per_subject:05d}"


def animate_clip(model: BodyModel, config: SyntheticConfig, index: int) -> Animation:
    """The animation of clip number `index`, with `edge_frames` extra frames at either end for smoothing."""
    rng = _generator(config.seed, "clip", index)
    style = draw_style(_generator(config.seed, "subject", index // config.clips_per_subject))
    _check_legs(model)
    anatomy = measure(model.shaped(torch.from_numpy(style.betas)))
    style = style.on_legs(anatomy.leg_length)
    begin, seconds = rng.uniform(*LEAD_IN), rng.uniform(config.seconds_min, config.seconds_max)
    plan = draw_plan(config.activities, begin + seconds + LEAD_OUT, style, rng)
    edge = edge_frames(config.fps)
    t = begin + np.arange(-edge, round(seconds * config.fps) + edge) / config.fps
    return animate(sample_plan(plan, style, anatomy, t, rng.uniform(-np.pi, np.pi)), rng)


def animate(timeline: Timeline, rng: np.random.Generator) -> Animation:
    """The animation of a timeline; fingers stay as they are in the zero pose."""
    left, right = (_foot(side, timeline, rng) for side in range(2))
    pelvis = move_pelvis(timeline, (left, right))
    R = np.broadcast_to(np.eye(3), (len(timeline.t), JOINTS, 3, 3)).copy()
    for leg, foot in zip(timeline.anatomy.legs, (left, right), strict=True):
        R[:, list(leg.joints)] = leg_rotations(leg, pelvis, foot, timeline.planar.yaw)
    R[:, list(TRUNK)] = trunk_rotations(timeline, pelvis.R)
    for side, joints in enumerate(ARMS):
        R[:, list(joints)] = arm_rotations(side, arm_angles(side, timeline))
    return Animation(timeline, R[:, 1:], pelvis, (left, right))


def _foot(side: int, timeline: Timeline, rng: np.random.Generator) -> FootMotion:
    falls = footfalls(timeline.steps, side, timeline.path, timeline.style, rng)
    return move_foot(timeline.anatomy.legs[side], falls, timeline.t)


def _check_legs(model: BodyModel) -> None:
    length = measure(model.shaped(torch.zeros(SHAPE_COEFFICIENTS, dtype=torch.float64))).leg_length
    if not LEGS[0] < length < LEGS[1]:
        raise InputError(
            f"body '{model.name}' has legs of {length:.2f} m, synthetic motion is made for {LEGS[0]} to "
            f"{LEGS[1]} m: use a body file of adults in metres"
        )


def edge_frames(fps: float) -> int:
    """The number of frames at either end of an animation that are not part of its clip."""
    return math.ceil(REACH_WINDOW * fps)


def activity_names(plan: Plan, start: float, stop: float) -> str:
    """The activities between two times, each once, in order, joined by "+"."""
    names = [
        segment.activity
        for segment in plan.segments
        if min(segment.stop, stop) - max(segment.start, start) > SHORTEST_ACTIVITY
    ]
    return "+".join(dict.fromkeys(names))


def _generator(seed: int, *address: str | int) -> np.random.Generator:
    return np.random.default_rng(seed_for(seed, SOURCE, *address))


def _quaternions(R: np.ndarray) -> torch.Tensor:
    """Unit quaternions `wxyz` with w ≥ 0."""
    q = Rotation.from_matrix(R.reshape(-1, 3, 3)).as_quat(canonical=True, scalar_first=True)
    return torch.from_numpy(q.reshape(*R.shape[:-2], 4))
