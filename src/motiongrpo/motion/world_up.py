"""Whether a motion's world is z up, told by people who stand: their resting soles face the floor.

A standing body read with another axis up lies on its back. What gives it away, also where it never takes a
step, are soles that rest level about that axis under a head that is over them, on a floor that goes through
the origin of that axis. Relaxed feet of somebody who really lies point forward, and somewhere in the room.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.errors import InputError
from motiongrpo.body.floor_contact import joint_speed
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.body.skeleton import Joint

LEVEL = math.cos(math.radians(15))  # of a resting sole
OVER = math.cos(math.radians(30))  # of the head, over the ankles
MOSTLY = 0.8  # share of the frames
NEAR_M = 0.1  # the floor of a file, to its origin

ANKLES = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]
OTHERS = {"y": (0.0, 1.0, 0.0), "-y": (0.0, -1.0, 0.0), "x": (1.0, 0.0, 0.0), "-x": (-1.0, 0.0, 0.0)}


def demand_z_up(
    posed: PosedBody, p_world_sole: Float[Tensor, "frame sole 3"], fps: float, speed_m_s: float
) -> None:
    """Raise InputError where the body stands about another axis than z; ankles below `speed_m_s` rest."""
    p_ankle = posed.p_world_joint[:, ANKLES]
    resting = joint_speed(p_ankle, fps) < speed_m_s
    soles_up = posed.R_world_joint[:, ANKLES, :, 1][resting]
    head_up = torch.nn.functional.normalize(posed.p_world_joint[:, Joint.HEAD] - p_ankle.mean(dim=1), dim=-1)
    lowest_m = float(p_world_sole[..., 2].amin(dim=1).median())
    for name, axis in OTHERS.items():
        up = torch.tensor(axis).to(p_ankle)
        if not (_mostly(soles_up @ up > LEVEL) and _mostly(head_up @ up > OVER)):
            continue
        floor_m = float((p_world_sole @ up).amin(dim=1).median())
        if abs(floor_m) < max(abs(lowest_m), NEAR_M):
            raise InputError(
                f"{name} looks like up, not z: the soles of resting feet face down along {name} and the head "
                "is over them; turn the motion to z up"
            )


def _mostly(holds: Tensor) -> bool:
    """Whether something holds in most of the frames, and there are some."""
    return len(holds) > 0 and float(holds.double().mean()) > MOSTLY
