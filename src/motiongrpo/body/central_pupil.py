"""The central pupil frame (CPF): midway between the eyes, x left, y up, z forward, fixed to the head.

Only the shape moves it in head coordinates; its axes are those of the head joint (EgoAllo,
arXiv:2410.03665).
"""

from motiongrpo.body.body_model import ShapedBody
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.se3 import Transform


def central_pupil_frame(body: ShapedBody, posed: PosedBody) -> Transform:
    """T_world_cpf of a posed body."""
    return posed.joint(Joint.HEAD) @ body.T_head_cpf
