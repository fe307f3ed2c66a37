"""Several samples of one window: the error of the best, and the distance between them."""

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.metrics.pose import Joints, mpjpe_mm

Samples = Float[Tensor, "batch sample frame joint 3"]


def best_of_k_mpjpe_mm(samples: Samples, truth: Joints, mask: FrameMask) -> PerSequence:
    """The smallest MPJPE among the samples of a window, millimetres; it falls with their number."""
    errors = [mpjpe_mm(sample, truth, mask) for sample in samples.unbind(dim=1)]
    return torch.stack(errors).amin(dim=0)


def pairwise_diversity_mm(samples: Samples, mask: FrameMask) -> PerSequence:
    """Mean distance of joints between two samples of a window, over all pairs, millimetres."""
    count = samples.shape[1]
    if count < 2:
        raise ValueError(f"samples must be at least two for a distance between them, got {count}")
    each = samples.unbind(dim=1)
    pairs = [mpjpe_mm(each[i], each[j], mask) for i in range(count) for j in range(i)]
    return torch.stack(pairs).mean(dim=0)
