"""Diversity within groups: distances between their samples in millimetres, deviations of their rewards."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.shapes import PerSample
from motiongrpo.body.skeleton import PARTS


def pairwise_distance(
    p: Float[Tensor, "group sample frame joint 3"],
) -> Float[Tensor, "group frame joint"]:
    """Mean distance between the samples of a group, over its pairs, in the unit of `p`."""
    samples = p.shape[1]
    shifted = [(p - p.roll(shift, 1)).norm(dim=-1).mean(1) for shift in range(1, samples)]
    return torch.stack(shifted).mean(0)


def spread_mm(
    p_head_joint: Float[Tensor, "group sample frame 22 3"], mask: Bool[Tensor, "group frame"]
) -> dict[str, float]:
    """Mean pairwise distance of joints within groups, mm, by body part and over all 22 joints.

    Joints are seen from the head: only what the policy made differs, wherever a body was placed.
    """
    distance = pairwise_distance(p_head_joint) * 1000
    real = mask[..., None].to(distance)
    parts = PARTS | {"all": tuple(joint for part in PARTS.values() for joint in part)}
    return {
        name: float((distance[..., list(part)] * real).sum() / (real.sum() * len(part)))
        for name, part in parts.items()
    }


def reward_deviation(rewards: dict[str, PerSample]) -> dict[str, float]:
    """Mean over groups of each reward's standard deviation within the group."""
    return {term: float(reward.std(dim=1, correction=0).mean()) for term, reward in rewards.items()}
