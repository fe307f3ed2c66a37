"""Faults that a person's motion does not have: feet that slide, and soles that sink into the floor.

Values belong to a frame and a joint, so that the rotations that caused them can be credited. The truth says
when a foot stands; the distance from the truth does not count:

    sliding      ‖Δp_xy‖ · fps of ankles and toe joints that truly are in contact in both frames, m/s
    penetration  max(0, −z) of the deepest sole point of every joint that carries one, m

and, of a window as a whole, 1 − F1 of the contact labels of its feet. The two frames of a step share its
sliding evenly. The floor is z = 0; sliding is 0 in padded frames.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.body.body_model import ShapedBody
from motiongrpo.body.kinematics import PosedBody, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.rewards.joint import ByJoint, by_frame


@dataclass(frozen=True)
class GroundedMotion(Batched):
    """The joints, soles and contact labels of a motion over the floor z = 0."""

    p_world_joint: Float[Tensor, "batch frame 22 3"]
    depth: ByJoint  # of the deepest sole point of each joint below the floor, metres
    contacts: Float[Tensor, "batch frame 21"]  # labels of the joints below the root

    @classmethod
    def of(
        cls, body: ShapedBody, posed: PosedBody, contacts: Float[Tensor, "batch frame 21"]
    ) -> "GroundedMotion":
        """From the posed body, whose shape has the axes (batch, 1)."""
        depth = penetration_depths(sole_positions(body, posed)[..., 2], body.sole_joints)
        return cls(posed.p_world_joint[..., :BODY_JOINTS, :], depth, contacts)


def penetration_depths(height: Float[Tensor, "batch frame sole"], owners: tuple[Joint, ...]) -> ByJoint:
    """Depth of the deepest sole point of each joint below the floor; 0 for joints without sole points."""
    depth = height.new_zeros(*height.shape[:-1], BODY_JOINTS)
    columns = torch.tensor(owners, device=height.device).expand(height.shape)
    return depth.scatter_reduce(-1, columns, -height, "amax")


def sliding_speeds(guess: GroundedMotion, truth: GroundedMotion, mask: FrameMask, fps: float) -> ByJoint:
    """Horizontal speed, m/s, of feet that in truth stand in two frames in a row, half on either frame."""
    planted = torch.zeros_like(guess.depth)
    planted[..., list(FEET)] = truth.contacts[..., [joint - 1 for joint in FEET]]
    speed = guess.p_world_joint[..., :2].diff(dim=1).norm(dim=-1) * fps
    return by_frame(speed * planted[:, 1:] * planted[:, :-1], mask)


def contact_faults(
    guess: Float[Tensor, "batch frame 21"], truth: Float[Tensor, "batch frame 21"], mask: FrameMask
) -> PerSequence:
    """1 − F1 of the contact labels of ankles and toe joints; 0 where none truly is in contact.

    Labels may be probabilities, which enter F1 as fractional counts. It is F1 and not accuracy because a
    model that is unsure would gain most accuracy by claiming no contact at all.
    """
    feet = [joint - 1 for joint in FEET]
    found, real = (labels[..., feet] * mask[..., None] for labels in (guess, truth))
    hits, claims, facts = (count.sum((1, 2)) for count in (found * real, found, real))
    return torch.where(facts > 0, 1 - 2 * hits / (claims + facts).clamp(min=1), 0.0)
