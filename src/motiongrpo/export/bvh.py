"""BVH: the joint tree of a shaped body, and its motion as Euler angles, for Blender, Unity, MotionBuilder, ….

Centimetres, degrees, y up, z forward at rest, which is a T-pose. The pelvis has six channels, the joints
below it three rotations each, applied as `Zrotation Xrotation Yrotation` lists them (R_z R_x R_y). The format
has no place for time stamps and flags.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.files import replace_text
from motiongrpo.body.body_model import BodyModel, ShapedBody
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.export.track import BodyTrack

CM = 100.0  # in a metre
ORDER = "ZXY"
ROTATIONS = " ".join(f"{axis}rotation" for axis in ORDER)
POSITIONS = "Xposition Yposition Zposition"


def write_bvh(track: BodyTrack, body: BodyModel, path: Path) -> None:
    """One unbroken track as a BVH file, written all or nothing."""
    replace_text(path, bvh_text(track, body))


def bvh_text(track: BodyTrack, body: BodyModel) -> str:
    """The hierarchy and a line of numbers a frame; the frame time has every digit of 1 / fps."""
    tree = "\n".join(_joint(Joint.PELVIS, body.shaped(track.betas.double()), ""))
    rows = io.StringIO()
    np.savetxt(rows, _channels(track), fmt="%.6f")
    return (
        f"HIERARCHY\n{tree}\nMOTION\nFrames: {len(track)}\nFrame Time: {1 / track.fps!r}\n{rows.getvalue()}"
    )


def _joint(joint: Joint, body: ShapedBody, indent: str) -> Iterator[str]:
    """The lines of a joint and of all below it. The root's place is in its channels alone."""
    root = joint is Joint.PELVIS
    yield f"{indent}{'ROOT' if root else 'JOINT'} {joint.name.lower()}"
    yield f"{indent}{{"
    yield f"{indent}\tOFFSET {_triple(torch.zeros(3) if root else body.t_parent_joint[joint])}"
    yield f"{indent}\tCHANNELS {f'6 {POSITIONS}' if root else 3} {ROTATIONS}"
    children = _children(joint)
    for child in children:
        yield from _joint(child, body, f"{indent}\t")
    if not children:
        yield f"{indent}\tEnd Site"
        yield f"{indent}\t{{"
        yield f"{indent}\t\tOFFSET {_triple(_tip(joint, body))}"
        yield f"{indent}\t}}"
    yield f"{indent}}}"


def _tip(joint: Joint, body: ShapedBody) -> Float[Tensor, "3"]:
    """Where a chain ends, from its last joint: between the eyes, at a middle finger, at the toes."""
    match joint:
        case Joint.HEAD:
            return body.p_head_cpf
        case Joint.LEFT_WRIST:
            return body.t_parent_joint[Joint.LEFT_MIDDLE1 : Joint.LEFT_MIDDLE3 + 1].sum(0)
        case Joint.RIGHT_WRIST:
            return body.t_parent_joint[Joint.RIGHT_MIDDLE1 : Joint.RIGHT_MIDDLE3 + 1].sum(0)
        case _:
            sole = body.p_joint_sole[[owner is joint for owner in body.sole_joints]]
            return sole[sole[:, 2].argmax()]


def _channels(track: BodyTrack) -> Float[np.ndarray, "frame 69"]:
    """Position of the pelvis and the angles of all joints, depth first as in the hierarchy.

    Angles go on beyond 180° rather than jump, so that curves drawn between frames are the motion's.
    """
    root = track.root_y_up()
    R = torch.cat([root.R[:, None], track.R_parent_joint.double()], dim=1)[:, _depth_first(Joint.PELVIS)]
    angles = torch.stack(list(roma.rotmat_to_euler(ORDER, R, degrees=True, as_tuple=True)), dim=-1)
    smooth = np.unwrap(angles.flatten(1).numpy(), axis=0, period=360.0)
    return np.hstack([CM * root.p.numpy(), smooth])


def _children(joint: Joint) -> list[Joint]:
    return [Joint(child) for child in range(BODY_JOINTS) if PARENTS[child] == joint]


def _depth_first(joint: Joint) -> list[int]:
    return [joint, *(below for child in _children(joint) for below in _depth_first(child))]


def _triple(offset: Tensor) -> str:
    return " ".join(f"{CM * value:.6f}" for value in offset.tolist())
