"""Grounding: a clip shifted onto its floor, with contact labels and central pupil frame."""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.floor_contact import ContactConfig, contact_labels, estimate_floor
from motiongrpo.body.kinematics import central_pupil_frame, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.motion.cadence import walk_ratio
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.world_up import demand_z_up


class FloorConfig(Config):
    """How the floor is estimated from resting feet, and the confidence that is required."""

    speed_m_s: float = Field(gt=0)  # a foot slower than this is resting
    tolerance_m: float = Field(gt=0)  # heights this near to the floor count as on it
    confidence_at_least: float = Field(ge=0, le=1)  # share of resting feet that are on the floor


@dataclass(frozen=True)
class GroundedClip:
    """A clip over the floor z = 0, with everything that the store keeps of it."""

    clip: Clip
    contacts: Bool[Tensor, "frame 21"]
    T_world_cpf: Float[Tensor, "frame 7"]
    floor_shift_m: float  # what was subtracted from every height
    floor_confidence: float
    walk_ratio: float | None  # m s, None where nobody walks

    def in_single_precision(self) -> "GroundedClip":
        """The same clip in single precision, as the store keeps it, in half the memory."""
        q, T = self.clip.q_parent_joint.float(), self.clip.T_world_root.float()
        clip = replace(self.clip, q_parent_joint=q, T_world_root=T)
        return replace(self, clip=clip, T_world_cpf=self.T_world_cpf.float())


def ground(clip: Clip, model: BodyModel, floor: FloorConfig, contact: ContactConfig) -> GroundedClip:
    """Shift the clip so that its floor is z = 0.

    Raises InputError where resting feet do not agree on a floor, or where another axis than z seems to be up.
    """
    body, posed = clip.posed(model, BODY_JOINTS)
    soles = sole_positions(body, posed)
    demand_z_up(posed, soles, clip.fps, floor.speed_m_s)
    estimate = estimate_floor(soles, clip.fps, floor.speed_m_s, floor.tolerance_m)
    if estimate.confidence < floor.confidence_at_least:
        raise InputError(
            f"no flat floor: {estimate.confidence:.0%} of the resting feet share a height, "
            f"at least {floor.confidence_at_least:.0%} must"
        )
    posed = posed.lowered(estimate.height_m)
    return GroundedClip(
        clip=clip.lowered(estimate.height_m),
        contacts=contact_labels(posed.p_world_joint, body.standing_height, clip.fps, contact),
        T_world_cpf=central_pupil_frame(body, posed).wxyz_xyz(),
        floor_shift_m=estimate.height_m,
        floor_confidence=estimate.confidence,
        walk_ratio=walk_ratio(posed.p_world_joint, clip.fps),
    )
