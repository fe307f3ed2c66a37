"""Guidance after sampling: poses refined until feet neither slide, sink nor hover, the head held.

As in EgoAllo (arXiv:2410.03665), a problem of nonlinear least squares whose unknowns are the local rotations
of every frame, solved by Gauss–Newton with steps that are halved until they help. With R₀ and p₀ of the
sample, each frame is charged

    rotation |log(R₀ᵀR)|² + rotation_rate |d log(R₀ᵀR)/dt|² + position |p − p₀|² + acceleration |d²p/dt²|²
    + sliding |dp/dt|² of planted feet + penetration min(z, 0)² + sinking min(z + 5 cm, 0)² of soles
    + support max(z, 0)² of the lowest sole, unless the head falls

in metres, seconds and radians, so that no weight depends on the frame rate. The body hangs from its head,
which therefore does not move. A frame is coupled with the two before and after it, so the normal equations
are banded and solved exactly.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.banded import difference_bands, solve_banded
from motiongrpo.base.config import Config
from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.jacobian import hung_jacobian
from motiongrpo.body.kinematics import PosedBody, sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS, FEET, Joint
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import matrix_from_rotation_vector, rotation_vector_from_matrix

FRAMES_AT_ONCE = 1024  # frames of all motions whose systems are held in memory, 0.3 MB each
SUNK_M = 0.05  # where `sinking` begins: to lift soles all the way bends legs that are right
SHORTENED = (0.5, 0.5, 0.5, 0.0)  # again and again, while a step does not lower the objective
ENOUGH = 0.01  # of its objective a motion has to win by a step for another one
SOFTNESS_M = 0.005  # soles so much higher than the lowest still have a share in it
FALL_S = 0.1  # acceleration is taken over twice as long, and a fall reaches so far on either side
GRAVITY_M_S2 = 9.81
KNUCKLES = {Joint.LEFT_MIDDLE1: Joint.LEFT_WRIST, Joint.RIGHT_MIDDLE1: Joint.RIGHT_WRIST}
"""A point on each hand, so that a wrist that turns without moving is smoothed too."""

SKELETON = BODY_JOINTS + len(KNUCKLES)  # points before the soles


class GuidanceConfig(Config):
    """Whether motions are refined after sampling, and what is weighed against what."""

    enabled: bool
    iterations: int = Field(ge=1)  # at most; a motion that a step hardly improves takes no more
    rotation: float = Field(gt=0)  # stay near the sample: per rad²
    rotation_rate: float = Field(ge=0)  # leave it smoothly: per (rad/s)²
    position: float = Field(ge=0)  # joints stay near the sample: per m²
    acceleration: float = Field(ge=0)  # joints move smoothly: per (m/s²)²
    sliding: float = Field(ge=0)  # planted feet rest: per (m/s)²
    penetration: float = Field(ge=0)  # soles stay out of the floor: per m²
    sinking: float = Field(ge=0)  # and above all not deeper than 5 cm: per m² of what is
    support: float = Field(ge=0)  # one of them is on it: per m²


def guided(motions: PlacedMotion, body: BodyModel, fps: float, config: GuidanceConfig) -> PlacedMotion:
    """The motions with refined rotations; shape, contacts, head and padding stay as they are.

    A foot is planted between two frames that both label it as in contact. A step never raises a motion's
    objective. No motion sees another, and masked frames count for nothing.
    """
    if motions.mask.shape[1] < 3:
        raise ValueError(f"motions must have at least 3 frames, got {motions.mask.shape[1]}")
    at_once = max(1, FRAMES_AT_ONCE // motions.mask.shape[1])
    parts = torch.arange(len(motions.mask), device=motions.mask.device).split(at_once)
    rotations = [_refined(motions.rows(part), body, fps, config) for part in parts]
    return replace(motions, R_parent_joint=torch.cat(rotations))


@torch.no_grad()
def _refined(motions: PlacedMotion, body: BodyModel, fps: float, config: GuidanceConfig) -> Tensor:
    objective = Objective.of(motions, body, fps, config)
    pose, value = objective.start, objective.value(objective.start)
    unfinished = torch.ones_like(value)
    for _ in range(config.iterations):
        pose, after = _shortened(objective, pose, value, _each(unfinished) * objective.step(pose))
        unfinished, value = unfinished * (after < (1 - ENOUGH) * value), after
        if not unfinished.any():
            break
    return pose.R_parent_joint


def _shortened(
    objective: "Objective", pose: "GuidedPose", value: PerSequence, turn: Tensor
) -> tuple["GuidedPose", PerSequence]:
    """The pose after a turn, cut short until it raises no motion's objective above `value`; the new ones."""
    length = torch.ones_like(value)
    for shorter in SHORTENED:
        tried = objective.turned(pose, _each(length) * turn)
        after = objective.value(tried)
        worse = after > value
        if not worse.any():
            return tried, after
        length = torch.where(worse, length * shorter, length)
    tried = objective.turned(pose, _each(length) * turn)
    return tried, objective.value(tried)


def _each(values: PerSequence) -> Float[Tensor, "batch 1 1 1"]:
    return values[:, None, None, None]


@dataclass(frozen=True)
class GuidedPose:
    """Local rotations, how far each has turned from the sample's, and the points of the body they give."""

    R_parent_joint: Float[Tensor, "batch frame 21 3 3"]
    turned: Float[Tensor, "batch frame 21 3"]  # rotation vectors
    posed: PosedBody
    p_world_point: Float[Tensor, "batch frame point 3"]  # joints and knuckles
    p_world_sole: Float[Tensor, "batch frame sole 3"]

    @classmethod
    def of(cls, sample: PlacedMotion, model: BodyModel, R_parent_joint: Tensor) -> "GuidedPose":
        """The body of a sample with other rotations."""
        body, posed = replace(sample, R_parent_joint=R_parent_joint).posed(model)
        turned = rotation_vector_from_matrix(sample.R_parent_joint.mT @ R_parent_joint)
        wrists, knuckles = list(KNUCKLES.values()), list(KNUCKLES)
        from_wrist = (posed.R_world_joint[:, :, wrists] @ body.t_parent_joint[..., knuckles, :, None])[..., 0]
        points = torch.cat([posed.p_world_joint, posed.p_world_joint[:, :, wrists] + from_wrist], dim=2)
        return cls(R_parent_joint, turned, posed, points, sole_positions(body, posed))


@dataclass(frozen=True)
class Objective:
    """The weighted sum of squares of every motion."""

    sample: PlacedMotion
    body: BodyModel
    start: GuidedPose
    mask: Float[Tensor, "batch frame 1 1"]
    mask_2: Float[Tensor, "batch pair 1 1"]  # both frames are real
    mask_3: Float[Tensor, "batch triple 1 1"]  # all three are
    planted: Float[Tensor, "batch pair foot 1"]
    supported: FrameMask
    fps: float
    config: GuidanceConfig

    @classmethod
    def of(cls, sample: PlacedMotion, body: BodyModel, fps: float, config: GuidanceConfig) -> "Objective":
        """What a sample is refined for; it is the first pose."""
        touches = (sample.contacts[:, :, [joint - 1 for joint in FEET]] > 0.5) & sample.mask[..., None]
        planted = (touches[:, 1:] & touches[:, :-1])[..., None].to(sample.betas)
        start = GuidedPose.of(sample, body, sample.R_parent_joint)
        one, two, three = (_runs(sample.mask, length).to(sample.betas) for length in (1, 2, 3))
        supported = ~falling(sample.T_world_cpf[..., 6], sample.mask, fps) & sample.mask
        return cls(sample, body, start, one, two, three, planted, supported, fps, config)

    def turned(self, pose: GuidedPose, turn: Float[Tensor, "batch frame 21 3"]) -> GuidedPose:
        """Another pose of the sample, every joint turned further."""
        rotations = pose.R_parent_joint @ matrix_from_rotation_vector(turn)
        return GuidedPose.of(self.sample, self.body, rotations)

    def value(self, pose: GuidedPose) -> PerSequence:
        """The objective of each motion."""
        weigh, terms = self.config, self._residuals(pose)
        return sum(
            (getattr(weigh, name) * term.square().flatten(1).sum(1) for name, term in terms.items()),
            torch.zeros_like(self.mask[:, 0, 0, 0]),
        )

    def step(self, pose: GuidedPose) -> Float[Tensor, "batch frame 21 3"]:
        """The turns of all joints that minimise the objective with its residuals linear in them."""
        J_point, J_sole = self.jacobians(pose)
        gradient = self.gradient(pose, J_point, J_sole)
        return -solve_banded(self._normal_matrix(pose, J_point, J_sole), gradient).view_as(pose.turned)

    def jacobians(self, pose: GuidedPose) -> tuple[Tensor, Tensor]:
        """Of points, and of the heights of soles, by turns of all joints: (batch, frame, …, turn)."""
        owners = [*range(BODY_JOINTS), *KNUCKLES.values(), *self.body.sole_joints]
        J = hung_jacobian(pose.posed, owners, torch.cat([pose.p_world_point, pose.p_world_sole], dim=2))
        return J[:, :, :SKELETON].flatten(2, 3), J[:, :, SKELETON:, 2]

    def gradient(
        self, pose: GuidedPose, J_point: Tensor, J_sole: Tensor
    ) -> Float[Tensor, "batch frame turn"]:
        """Half of the gradient by turns of all joints; in padding it is zero."""
        weigh, r = self.config, self._residuals(pose)
        turned = weigh.rotation * r["rotation"]
        turned = turned + weigh.rotation_rate * self.fps * _undifferenced(r["rotation_rate"], 1)
        force = weigh.position * r["position"]
        force = force + weigh.acceleration * self.fps**2 * _undifferenced(r["acceleration"], 2)
        force[:, :, list(FEET)] += weigh.sliding * self.fps * _undifferenced(r["sliding"], 1)
        lift = weigh.penetration * r["penetration"] + weigh.sinking * r["sinking"]
        lift = lift + weigh.support * r["support"][..., None] * lowest(pose.p_world_sole[..., 2])[1]
        by_points = (force.flatten(2)[:, :, None] @ J_point)[:, :, 0]
        return (turned.flatten(2) + by_points + (lift[:, :, None] @ J_sole)[:, :, 0]) * self.mask[..., 0]

    def _residuals(self, pose: GuidedPose) -> dict[str, Tensor]:
        """By the name of their weight."""
        p = pose.p_world_point
        return {
            "rotation": pose.turned * self.mask,
            "rotation_rate": pose.turned.diff(dim=1) * self.fps * self.mask_2,
            "position": (p - self.start.p_world_point) * self.mask,
            "acceleration": p.diff(n=2, dim=1) * self.fps**2 * self.mask_3,
            "sliding": p[:, :, list(FEET)].diff(dim=1) * self.fps * self.planted,
            "penetration": pose.p_world_sole[..., 2].clamp(max=0) * self.mask[..., 0],
            "sinking": (pose.p_world_sole[..., 2] + SUNK_M).clamp(max=0) * self.mask[..., 0],
            "support": lowest(pose.p_world_sole[..., 2])[0].clamp(min=0) * self.supported,
        }

    def _normal_matrix(
        self, pose: GuidedPose, J_point: Tensor, J_sole: Tensor
    ) -> Float[Tensor, "offset batch frame turn turn"]:
        """Half of the Gauss–Newton Hessian; in padding it is the identity."""
        weigh, frames = self.config, J_point.shape[1]
        W = weigh.acceleration * self.fps**4 * difference_bands(self.mask_3, 2).repeat(1, 1, 1, SKELETON, 3)
        W[0] += weigh.position * self.mask
        W[:2, :, :, list(FEET)] += weigh.sliding * self.fps**2 * difference_bands(self.planted, 1)
        W = W.flatten(3)[..., None]
        bands = torch.zeros(*W.shape[:3], *J_point.shape[-1:] * 2).to(J_point)
        for o, weight in enumerate(W):
            bands[o, :, : frames - o] = (weight * J_point)[:, : frames - o].mT @ J_point[:, o:]
        z = pose.p_world_sole[..., 2]
        stiff = (weigh.penetration * (z < 0) + weigh.sinking * (z < -SUNK_M)) * self.mask[..., 0]
        bands[0] += (stiff[..., None] * J_sole).mT @ J_sole
        height, share = lowest(pose.p_world_sole[..., 2])
        J_lowest = (share[:, :, None] @ J_sole) * ((height > 0) & self.supported)[..., None, None]
        bands[0] += weigh.support * J_lowest.mT @ J_lowest
        turns = weigh.rotation_rate * self.fps**2 * difference_bands(self.mask_2, 1)
        turns[0] += weigh.rotation + (1 - self.mask)
        bands[:2].diagonal(dim1=-2, dim2=-1).add_(turns[..., 0])
        return bands


def lowest(
    height: Float[Tensor, "batch frame sole"],
) -> tuple[Float[Tensor, "batch frame"], Float[Tensor, "batch frame sole"]]:
    """The smooth minimum −τ log Σ exp(−z/τ) of the heights of a frame, and its derivative by each of them."""
    scaled = -height / SOFTNESS_M
    return -SOFTNESS_M * scaled.logsumexp(dim=-1), scaled.softmax(dim=-1)


def falling(height: Float[Tensor, "batch frame"], mask: FrameMask, fps: float) -> Bool[Tensor, "batch frame"]:
    """Frames near which a head accelerates down by over half of gravity: nothing bears the body there."""
    k = max(1, round(FALL_S * fps))
    if height.shape[1] <= 2 * k:
        return torch.zeros_like(height, dtype=torch.bool)
    acceleration = (height[:, 2 * k :] - 2 * height[:, k:-k] + height[:, : -2 * k]) * (fps / k) ** 2
    real = mask[:, 2 * k :] & mask[:, k:-k] & mask[:, : -2 * k]  # padding that stands still stops nothing
    falls = torch.nn.functional.pad(((acceleration < -GRAVITY_M_S2 / 2) & real).to(height), (k, k))
    return torch.nn.functional.max_pool1d(falls, 2 * k + 1, stride=1, padding=k) > 0


def _undifferenced(
    x: Float[Tensor, "batch start point 3"], order: int
) -> Float[Tensor, "batch frame point 3"]:
    """Dᵀx of the differences of that order in time."""
    padded = torch.nn.functional.pad(x, (0, 0, 0, 0, order, order))
    return (-1) ** order * padded.diff(n=order, dim=1)


def _runs(mask: FrameMask, length: int) -> Bool[Tensor, "batch start 1 1"]:
    """True where `length` consecutive real frames begin."""
    return mask.unfold(1, length, 1).all(dim=-1)[..., None, None]
