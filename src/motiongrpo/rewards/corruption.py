"""Truth made worse by a known amount: negatives for the perceptual model, and its examination.

Every corruption takes a severity per motion in [0, 1]; 0 leaves the truth, 1 is plainly wrong. The head
path that the model sees stays true; only the body, or where it is placed, changes.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.body.skeleton import MIRROR, PARTS, Joint
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.geometry.so3 import (
    matrix_from_rotation_vector,
    nearest_rotation,
    rotation_vector_from_matrix,
)

JITTER_RAD = 0.25
SLIDE_RAD = 0.35
SLIDE_PERIOD = 12  # frames of one random leg swing
HEIGHT_SHIFT_M = 0.2
SMOOTHING_FRAMES = 12
TIME_SHIFT_FRAMES = 12

LEFT_ARM = tuple(j for j in PARTS["arms"] if j.name.startswith("LEFT"))
LEFT_LEG = tuple(j for j in PARTS["legs"] if j.name.startswith("LEFT"))
LIMBS = tuple(
    tuple(MIRROR[j] if mirrored else j for j in limb) for limb in (LEFT_ARM, LEFT_LEG) for mirrored in (0, 1)
)

Severity = Float[Tensor, " batch"]
Corruption = Callable[[PlacedMotion, Severity, torch.Generator], PlacedMotion]


def jitter(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """Independent rotation noise in every frame and joint."""
    noise = torch.randn(*truth.R_parent_joint.shape[:-1], generator=generator).to(truth.betas)
    scaled = noise * (JITTER_RAD * severity).view(-1, 1, 1, 1)
    return replace(truth, R_parent_joint=truth.R_parent_joint @ matrix_from_rotation_vector(scaled))


def foot_sliding(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """Smooth random swings of hips and knees, so that planted feet wander."""
    batch, frames = truth.mask.shape
    joints = [j for j in PARTS["legs"] if j.name.endswith(("HIP", "KNEE"))]
    knots = torch.randn(batch, 3 * len(joints), frames // SLIDE_PERIOD + 2, generator=generator)
    smooth = torch.nn.functional.interpolate(knots, size=frames, mode="linear", align_corners=True)
    noise = smooth.to(truth.betas).transpose(1, 2).unflatten(-1, (len(joints), 3))
    swing = matrix_from_rotation_vector(noise * (SLIDE_RAD * severity).view(-1, 1, 1, 1))
    R = truth.R_parent_joint.clone()
    below_root = [joint - 1 for joint in joints]
    R[:, :, below_root] = R[:, :, below_root] @ swing
    return replace(truth, R_parent_joint=R)


def height_shift(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """The whole body floats above its floor or sinks into it."""
    sign = torch.randint(0, 2, (len(severity),), generator=generator).to(severity) * 2 - 1
    T_world_cpf = truth.T_world_cpf.clone()
    T_world_cpf[..., 6] += (sign * severity * HEIGHT_SHIFT_M)[:, None]
    return replace(truth, T_world_cpf=T_world_cpf)


def frozen_limb(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """One arm or leg keeps the pose of a random frame."""
    batch, frames = truth.mask.shape
    frame = torch.randint(0, frames, (batch,), generator=generator)
    still = truth.R_parent_joint[torch.arange(batch), frame][:, None].expand_as(truth.R_parent_joint)
    limb = torch.randint(0, len(LIMBS), (batch,), generator=generator)
    return _blend(truth, _only_joints(truth.R_parent_joint, still, limb), severity)


def oversmoothed(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """Rotations averaged over about a second: the detail of the motion is gone."""
    R = truth.R_parent_joint
    reach = torch.arange(-2 * SMOOTHING_FRAMES, 2 * SMOOTHING_FRAMES + 1)
    weight = torch.exp(-0.5 * (reach / SMOOTHING_FRAMES).square()).to(R)
    frame = (torch.arange(R.shape[1])[:, None] + reach).clamp(0, R.shape[1] - 1)
    mean = torch.einsum("bfwjik,w->bfjik", R[:, frame], weight / weight.sum())
    return _blend(truth, nearest_rotation(mean), severity)


def swapped_limbs(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """Arms or legs exchange what they do."""
    other = [MIRROR[joint] - 1 for joint in range(1, truth.R_parent_joint.shape[2] + 1)]
    flip = torch.tensor([-1.0, 1.0, 1.0]).to(truth.betas).diag()
    exchanged = flip @ truth.R_parent_joint[:, :, other] @ flip
    pair = torch.randint(0, 2, (len(severity),), generator=generator) * 2
    first = _only_joints(truth.R_parent_joint, exchanged, pair)
    return _blend(truth, _only_joints(first, exchanged, pair + 1), severity)


def time_shift(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """The body lags its own head path or runs ahead of it."""
    batch, frames = truth.mask.shape
    sign = torch.randint(0, 2, (batch,), generator=generator).to(severity) * 2 - 1
    shift = (sign * severity * TIME_SHIFT_FRAMES).round().long()
    frame = (torch.arange(frames).to(shift) + shift[:, None]).clamp(0, frames - 1)
    rows = torch.arange(batch).to(shift)[:, None]
    return replace(
        truth, R_parent_joint=truth.R_parent_joint[rows, frame], contacts=truth.contacts[rows, frame]
    )


def another_body(truth: PlacedMotion, severity: Severity, generator: torch.Generator) -> PlacedMotion:
    """The body motion of another window of the batch under this head path."""
    other = torch.arange(len(severity)).roll(1)
    blended = _blend(truth, truth.R_parent_joint[other], severity)
    contacts = torch.where(severity[:, None, None] > 0.5, truth.contacts[other], truth.contacts)
    return replace(blended, contacts=contacts)


CORRUPTIONS: dict[str, Corruption] = {
    "jitter": jitter,
    "foot_sliding": foot_sliding,
    "height_shift": height_shift,
    "frozen_limb": frozen_limb,
    "oversmoothed": oversmoothed,
    "swapped_limbs": swapped_limbs,
    "time_shift": time_shift,
    "another_body": another_body,
}


def _blend(truth: PlacedMotion, R_worst: Tensor, severity: Severity) -> PlacedMotion:
    """Along the geodesic from the truth to the worst, as far as the severity says."""
    away = rotation_vector_from_matrix(truth.R_parent_joint.mT @ R_worst)
    part = matrix_from_rotation_vector(away * severity.view(-1, 1, 1, 1))
    return replace(truth, R_parent_joint=truth.R_parent_joint @ part)


def _only_joints(R: Tensor, R_changed: Tensor, limb: Tensor) -> Tensor:
    """The changed rotations in the joints of each motion's limb, the given ones elsewhere."""
    chosen = torch.zeros(len(R), R.shape[2], dtype=torch.bool)
    for i, joints in enumerate(LIMBS):
        columns = torch.tensor([Joint(j) - 1 for j in joints])
        chosen[(limb == i).nonzero(), columns] = True
    return torch.where(chosen[:, None, :, None, None].to(R.device), R_changed, R)
