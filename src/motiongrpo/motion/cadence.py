"""The walk ratio, which is alike in slow and fast walkers and so reveals a wrong frame rate.

The walk ratio is the length of steps over their rate. It hardly changes with speed (Sekiya and Nagasaki 1998:
some 0.4 m s), and a wrong frame rate multiplies it. In 208 takes with walking or running, from five
collections of motion capture, 98 % are between 0.20 and 0.51 m s, with a median of 0.36 m s. The limits are
wider: outside them are 2 of 882 walks, and 7 of 10 walks at half their speed (docs/log.md).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.skeleton import Joint

PEOPLE = (0.17, 0.6)  # m s
APART_M = 0.15  # between the ankles, along the way, in a step
STEP_M = (0.35, 1.6)  # of the pelvis; shorter ones turn or shift
LEAST_STEPS = 5
ALIKE = 0.25  # largest interquartile range of step durations, as a share of their median


def walk_ratio(p_world_joint: Float[Tensor, "frame joint 3"], fps: float) -> float | None:
    """The median of length times duration over even steps, m s; None where there are too few."""
    pelvis = p_world_joint[:, Joint.PELVIS, :2]
    apart = p_world_joint[:, Joint.LEFT_ANKLE, :2] - p_world_joint[:, Joint.RIGHT_ANKLE, :2]
    window = max(int(fps / 2), 1)
    if len(pelvis) <= 2 * window:
        return None
    way = pelvis[2 * window :] - pelvis[: -2 * window]  # displacement over the second around each frame
    ahead = (apart[window:-window] * torch.nn.functional.normalize(way, dim=-1)).sum(dim=-1)
    at = torch.tensor(_alternations(ahead.tolist())) + window
    if len(at) <= LEAST_STEPS:
        return None
    metres, seconds = (pelvis[at[1:]] - pelvis[at[:-1]]).norm(dim=-1), at.diff() / fps
    steps = (metres > STEP_M[0]) & (metres < STEP_M[1])
    metres, seconds = metres[steps], seconds[steps].to(metres)
    if len(seconds) < LEAST_STEPS:
        return None
    low, middle, high = seconds.quantile(torch.tensor([0.25, 0.5, 0.75]).to(seconds))
    return float((metres * seconds).median()) if high - low <= ALIKE * middle else None


def cadence_doubt(ratio: float) -> str:
    """A warning about an implausible walk ratio, "" for a plausible one."""
    if PEOPLE[0] <= ratio <= PEOPLE[1]:
        return ""
    wrong = (
        "slow: the true rate is likely 2 or 4 times as high"
        if ratio > PEOPLE[1]
        else ("fast: the true rate is likely a half or a quarter")
    )
    return f"its steps are too {wrong} (walk ratio {ratio:.2f} m s, people have 0.2 to 0.6)"


def _alternations(ahead: list[float]) -> list[int]:
    """The frames at which the leading foot changes: the other one has come APART_M ahead."""
    frames, foremost = [], 0
    for frame, metres in enumerate(ahead):
        foot = 1 if metres > APART_M else -1 if metres < -APART_M else 0
        if foot and foot != foremost:
            frames.append(frame)
            foremost = foot
    return frames
