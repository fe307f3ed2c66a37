"""Resampling of a clip to another frame rate, by interpolation in time."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongrpo.geometry.so3 import slerp
from motiongrpo.motion.clip import Clip

SAME_INSTANT = 1e-6  # of a frame


def resample(clip: Clip, fps: float) -> Clip:
    """The same motion at `fps` frames/s from its first frame on; rotations by slerp, positions linearly.

    Frames at instants that both rates share are copied unchanged. Nothing is extrapolated past the end.
    """
    count = int((len(clip) - 1) * fps / clip.fps + SAME_INSTANT) + 1
    at = torch.arange(count, dtype=torch.float64) * (clip.fps / fps)
    at = torch.where((at - at.round()).abs() < SAME_INSTANT, at.round(), at)
    earlier = at.long()
    later = (earlier + 1).clamp(max=len(clip) - 1)
    weight = (at - earlier).to(clip.T_world_root)
    q_root = _between(clip.T_world_root[..., :4], earlier, later, weight)
    p_root = clip.T_world_root[..., 4:]
    p_root = p_root[earlier] + weight[:, None] * (p_root[later] - p_root[earlier])
    return replace(
        clip,
        fps=fps,
        q_parent_joint=_between(clip.q_parent_joint, earlier, later, weight),
        T_world_root=torch.cat([q_root, p_root], dim=-1),
    )


def _between(
    q: Float[Tensor, "frame *joint 4"], earlier: Tensor, later: Tensor, weight: Tensor
) -> Float[Tensor, "new *joint 4"]:
    resampled, between = q[earlier], weight != 0
    weight = weight[between].reshape(-1, *(1,) * (q.ndim - 2)).expand(-1, *q.shape[1:-1])
    resampled[between] = slerp(resampled[between], q[later[between]], weight)
    return resampled
