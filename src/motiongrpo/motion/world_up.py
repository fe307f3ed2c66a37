"""Whether a motion's world is z up, judged by standing people, whose resting soles face the floor.

A standing body that is read with the wrong axis up lies on its back. It is recognised, even without a step,
by resting soles that are level about the true axis, with the head over them along that axis, on a floor
through its origin. The relaxed feet of a person who really lies point forward, anywhere in the room.
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
NEAR_M = 0.1  # from the floor of a file to its origin

ANKLES = [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]
OTHERS = {"y": (0.0, 1.0, 0.0), "-y": (0.0, -1.0, 0.0), "x": (1.0, 0.0, 0.0), "-x": (-1.0, 0.0, 0.0)}


def demand_z_up(
    posed: PosedBody, p_world_sole: Float[Tensor, "frame sole 3"], fps: float, speed_m_s: float
) -> None:
    """Raise InputError where the body stands along another axis than z; ankles below `speed_m_s` rest."""
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
    """Whether something holds in most frames; False without frames."""
    return len(holds) > 0 and float(holds.double().mean()) > MOSTLY
