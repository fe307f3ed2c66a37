"""Metrics as papers report them where they differ from the textbook, for comparison with their tables only.

`egoallo_` is what EgoAllo's released evaluation measures (arXiv:2410.03665), `paper_` what MotionGRPO's table
most likely reports (arXiv:2605.05680). Sums over frames grow with the clip, so only clips of equal length
compare; heights are above one flat floor at z = 0. Joints are the 22 of the body.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence, Rotations
from motiongrpo.body.skeleton import Joint
from motiongrpo.geometry.alignment import align_to
from motiongrpo.geometry.so3 import rotation_vector_from_matrix
from motiongrpo.metrics.metric import MM_PER_M, STILL_TRUTH, Metric, joint_mean, real_runs
from motiongrpo.metrics.motion import BodyMotion
from motiongrpo.metrics.pose import Joints
from motiongrpo.metrics.smoothness import jitter_ratio

FOOT_HEIGHT_M = {
    Joint.LEFT_ANKLE: 0.08,
    Joint.RIGHT_ANKLE: 0.08,
    Joint.LEFT_FOOT: 0.04,
    Joint.RIGHT_FOOT: 0.04,
}
"""Height below which a joint of a foot counts as on the floor, at any speed."""

IN_PRINT: dict[str, Metric] = {
    "egoallo_pa_mpjpe_mm": Metric(
        "mm",
        "lower",
        "How far the similarity that best brings the truth onto the prediction moves the truth.",
        in_print=True,
    ),
    "egoallo_gnd": Metric(
        "",
        "higher",
        "Share of clips with an ankle below 8 cm or a toe joint below 4 cm in any frame.",
        in_print=True,
    ),
    "egoallo_foot_skate_m": Metric(
        "m",
        "lower",
        "Sum over a clip of the weighted sidewise steps of low foot joints, the lowest joint put at zero.",
        in_print=True,
    ),
    "paper_mpjre_deg": Metric(
        "°",
        "lower",
        "Mean absolute difference of the rotation vectors' components over the 21 joints below the root.",
        in_print=True,
    ),
    "paper_jitter_ratio": Metric(
        "", "none", "Mean over clips of the jitter over the truth's.", STILL_TRUTH, in_print=True
    ),
    "paper_penetration_m": Metric(
        "m", "lower", "Sum over a clip of the depth of the lowest joint below the floor.", in_print=True
    ),
}
"""The metrics as papers report them, in the order of a table, after the textbook metrics."""


def score_in_print(
    guess: BodyMotion, truth: BodyMotion, mask: FrameMask, fps: float
) -> dict[str, PerSequence]:
    """Every metric of `IN_PRINT` of one sample of each window."""
    joints, true_joints = guess.p_world_joint, truth.p_world_joint
    below_root = guess.R_parent_joint[:, :, 1:], truth.R_parent_joint[:, :, 1:]
    return {
        "egoallo_pa_mpjpe_mm": egoallo_pa_mpjpe_mm(joints, true_joints, mask),
        "egoallo_gnd": egoallo_gnd(joints, mask),
        "egoallo_foot_skate_m": egoallo_foot_skate_m(joints, mask),
        "paper_mpjre_deg": paper_mpjre_deg(*below_root, mask),
        "paper_jitter_ratio": jitter_ratio(joints, true_joints, mask, fps),
        "paper_penetration_m": paper_penetration_m(joints, mask),
    }


def egoallo_pa_mpjpe_mm(guess: Joints, truth: Joints, mask: FrameMask) -> PerSequence:
    """Mean distance, mm, by which joints of the truth move when it is aligned to the prediction.

    This is the size of the alignment, not the error after it: a rotated and shifted truth scores its whole
    MPJPE, noise scores little.
    """
    moved = torch.zeros_like(truth[..., 0])  # only for real frames: an SVD fails on NaN in padding
    moved[mask] = (align_to(truth[mask], guess[mask]) - truth[mask]).norm(dim=-1)
    return joint_mean(moved, mask) * MM_PER_M


def egoallo_gnd(p_world_joint: Joints, mask: FrameMask) -> PerSequence:
    """1 where an ankle or a toe joint is below its threshold height in any real frame, else 0.

    A foot below the floor counts as on it, and one frame suffices: long clips all score 1.
    """
    height = p_world_joint[:, :, list(FOOT_HEIGHT_M), 2]
    low = (height < _limits(height)) & mask[..., None]
    return low.any(dim=2).any(dim=1).to(height)


def egoallo_foot_skate_m(p_world_joint: Joints, mask: FrameMask) -> PerSequence:
    """Σ over frames and foot joints of (|Δx| + |Δy|)(2 − 2^(h/H)) where h < H, metres per clip.

    h is the height in the later frame above the lowest joint of the whole clip, so that floating or sunken
    bodies are put on the floor first. EgoAllo's script takes the lowest joint of all samples that it scores
    together.
    """
    z = torch.where(mask[..., None], p_world_joint[..., 2], torch.inf)
    feet = p_world_joint[:, :, list(FOOT_HEIGHT_M)]
    height = feet[:, 1:, :, 2] - z.amin(dim=(1, 2))[:, None, None]
    step = feet[..., :2].diff(dim=1).abs().sum(dim=-1)
    low = (height < _limits(height)) & real_runs(mask, 2)[..., None]
    weighted = step * (2 - 2 ** (height / _limits(height)))
    return torch.where(low, weighted, 0).sum(dim=(1, 2))


def paper_mpjre_deg(guess: Rotations, truth: Rotations, mask: FrameMask) -> PerSequence:
    """Mean absolute difference of rotation vectors, component by component, wrapped to ±180°, degrees.

    This is not an angle: it depends on the axis, is half the geodesic angle for small errors in random
    directions, and jumps where a rotation is near half a turn.
    """
    difference = rotation_vector_from_matrix(guess) - rotation_vector_from_matrix(truth)
    wrapped = torch.remainder(difference + torch.pi, 2 * torch.pi) - torch.pi
    return torch.rad2deg(joint_mean(wrapped.abs().mean(dim=-1), mask))


def paper_penetration_m(p_world_joint: Joints, mask: FrameMask) -> PerSequence:
    """Σ over frames of the depth of the lowest joint below the floor, metres per clip.

    It measures joints, not skin: a sole is centimetres below the floor before its joint is.
    """
    depth = p_world_joint[..., 2].amin(dim=-1).clamp(max=0).abs()
    return torch.where(mask, depth, 0).sum(dim=1)


def _limits(height: Float[Tensor, "batch frame foot"]) -> Float[Tensor, " foot"]:
    return height.new_tensor(list(FOOT_HEIGHT_M.values()))
