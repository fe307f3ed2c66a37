"""The open body, a configuration to vary, and a synthetic clip with its plan."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from motiongrpo.body.body_model import OPEN_BODY, SHAPE_COEFFICIENTS, ShapedBody, load_body_model
from motiongrpo.body.kinematics import PosedBody, sole_positions
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.sources.synthetic import SyntheticConfig
from motiongrpo.motion.sources.synthetic.feet import FootMotion
from motiongrpo.motion.sources.synthetic.locomotion import (
    PlanarPath,
    PlanarState,
    Stretch,
    compose_bout,
    integrate,
)
from motiongrpo.motion.sources.synthetic.plan import Plan, Velocity
from motiongrpo.motion.sources.synthetic.primitives import Span
from motiongrpo.motion.sources.synthetic.subject import Anatomy, Style, draw_style, measure
from motiongrpo.motion.sources.synthetic.synthesis import animate_clip, clip_of, edge_frames
from motiongrpo.motion.sources.synthetic.timeline import Gait, Timeline

MODEL = load_body_model(OPEN_BODY)
ALWAYS = Span(-10.0, 1.0, 1000.0, 1.0)
ACTIVITIES = ("walk", "turn", "run", "sidestep", "stand", "squat", "sit", "reach", "jump")


def config(**changes) -> SyntheticConfig:
    usual = {
        "seed": 0,
        "clips": 200,
        "clips_per_subject": 2,
        "seconds_min": 4.0,
        "seconds_max": 6.0,
        "fps": 30.0,
        "activities": ACTIVITIES,
    }
    return SyntheticConfig(**usual | changes)


@dataclass(frozen=True)
class Filmed:
    """A clip, its joints in the world, and the plan in each of its frames."""

    clip: Clip
    body: ShapedBody
    posed: PosedBody
    soles: torch.Tensor  # frame sole 3, m
    timeline: Timeline
    t: np.ndarray
    feet: tuple[FootMotion, FootMotion]
    gait: Gait
    planar: PlanarState

    def doing(self, activity: str) -> np.ndarray:
        """Frames well within an activity, after it has begun and before it ends."""
        t, inside = self.t, np.zeros(len(self.t), dtype=bool)
        for segment in self.timeline.plan.segments:
            if segment.activity == activity:
                inside |= (t > segment.start) & (t < segment.stop)
        return inside

    def steady(self, activity: str) -> np.ndarray:
        """Frames in which the activity's velocity is the only one, and in full force."""
        steady = np.zeros(len(self.t), dtype=bool)
        spans = [travel.span for travel in self.timeline.plan.travels]
        for segment in self.timeline.plan.segments:
            for span in spans:
                if segment.activity == activity and span.start == segment.start:
                    steady |= (self.t > span.start + span.rise) & (self.t < span.stop)
        return steady


def film(settings: SyntheticConfig, index: int) -> Filmed:
    animation = animate_clip(MODEL, settings, index)
    clip = clip_of(animation, settings, index)
    body, posed = clip.posed(MODEL)
    timeline, edge = animation.timeline, edge_frames(settings.fps)
    shown = slice(edge, len(timeline.t) - edge)
    return Filmed(
        clip=clip,
        body=body,
        posed=posed,
        soles=sole_positions(body, posed),
        timeline=timeline,
        t=timeline.t[shown],
        feet=(_cut(animation.feet[0], shown), _cut(animation.feet[1], shown)),
        gait=_cut(timeline.gait, shown),
        planar=PlanarState(*(field[shown] for field in timeline.planar)),
    )


def _cut(record, shown: slice):
    return replace(record, **{name: field[shown] for name, field in vars(record).items()})


def joint(posed: PosedBody, which) -> np.ndarray:
    """Positions of one joint, metres."""
    return posed.p_world_joint[:, which].numpy()


def interior(first: torch.Tensor | np.ndarray) -> np.ndarray:
    """True frames with True neighbours, so that central differences stay within."""
    mask = np.asarray(first)
    return mask & np.r_[True, mask[:-1]] & np.r_[mask[1:], True]


def anatomy() -> Anatomy:
    return measure(MODEL.shaped(torch.zeros(SHAPE_COEFFICIENTS, dtype=torch.float64)))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def style() -> Style:
    return replace(draw_style(rng()), cadence=1.0)


def walk(speed: float, turn: float = 0.0) -> tuple[Plan, PlanarPath]:
    plan = compose_bout(0.0, [Stretch("walk", 8.0, Velocity(speed, 0.0, turn))], style(), rng())
    return plan, integrate(plan.travels, plan.stop, 0.0)
