"""The open body, a configuration to vary, and a synthetic clip next to the plan that it came from."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from motiongrpo.body.body_model import OPEN_BODY, ShapedBody, load_body_model
from motiongrpo.body.kinematics import PosedBody, sole_positions
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.sources.synthetic import SyntheticConfig
from motiongrpo.motion.sources.synthetic.feet import FootMotion
from motiongrpo.motion.sources.synthetic.gait import Gait
from motiongrpo.motion.sources.synthetic.guide import GuideState
from motiongrpo.motion.sources.synthetic.stage import Stage
from motiongrpo.motion.sources.synthetic.synthesis import clip_of, edge_frames, perform_clip

MODEL = load_body_model(OPEN_BODY)
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
    """A clip, its joints in the world, and what was planned in each of its frames."""

    clip: Clip
    body: ShapedBody
    posed: PosedBody
    soles: torch.Tensor  # frame sole 3, m
    stage: Stage
    t: np.ndarray
    feet: tuple[FootMotion, FootMotion]
    gait: Gait
    guide: GuideState

    def doing(self, activity: str) -> np.ndarray:
        """Frames well within an activity, after it has begun and before it ends."""
        t, inside = self.t, np.zeros(len(self.t), dtype=bool)
        for segment in self.stage.score.segments:
            if segment.activity == activity:
                inside |= (t > segment.start) & (t < segment.stop)
        return inside

    def steady(self, activity: str) -> np.ndarray:
        """Frames in which a travelling activity is the only velocity, and in full force."""
        steady = np.zeros(len(self.t), dtype=bool)
        spans = [travel.span for travel in self.stage.score.travels]
        for segment in self.stage.score.segments:
            for span in spans:
                if segment.activity == activity and span.start == segment.start:
                    steady |= (self.t > span.start + span.rise) & (self.t < span.stop)
        return steady


def film(settings: SyntheticConfig, index: int) -> Filmed:
    performance = perform_clip(MODEL, settings, index)
    clip = clip_of(performance, settings, index)
    body, posed = clip.posed(MODEL)
    stage, edge = performance.stage, edge_frames(settings.fps)
    shown = slice(edge, len(stage.t) - edge)
    return Filmed(
        clip=clip,
        body=body,
        posed=posed,
        soles=sole_positions(body, posed),
        stage=stage,
        t=stage.t[shown],
        feet=(_cut(performance.feet[0], shown), _cut(performance.feet[1], shown)),
        gait=_cut(stage.gait, shown),
        guide=GuideState(*(field[shown] for field in stage.guide)),
    )


def _cut(record, shown: slice):
    return replace(record, **{name: field[shown] for name, field in vars(record).items()})


def joint(posed: PosedBody, which) -> np.ndarray:
    """Positions of one joint, metres."""
    return posed.p_world_joint[:, which].numpy()


def together(first: torch.Tensor | np.ndarray) -> np.ndarray:
    """Frames that are True and whose neighbours are too, so that central differences stay within."""
    mask = np.asarray(first)
    return mask & np.r_[True, mask[:-1]] & np.r_[mask[1:], True]
