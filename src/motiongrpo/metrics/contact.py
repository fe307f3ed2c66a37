"""Contact of the feet with the floor z = 0, by ankles and toe joints, or by points on the soles.

Whether a foot should be on the floor is given by the labels of the truth. None of these metrics is zero for
the truth itself: a foot rolls while it is in contact, and a captured sole may be a centimetre off the floor.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongrpo.base.shapes import FrameMask, PerSequence
from motiongrpo.body.skeleton import FEET
from motiongrpo.metrics.metric import MM_PER_M, mean_where, real_runs
from motiongrpo.metrics.pose import Joints

Contacts = Float[Tensor, "batch frame 21"]
Soles = Float[Tensor, "batch frame sole 3"]

CONTACT_ABOVE = 0.5
PENETRATING_M = 0.01  # deeper than this is visible
FLOATING_M = 0.04  # higher than this is visible; UniEgoMotion's value


def foot_sliding_mm_s(p_world_joint: Joints, truth: Contacts, mask: FrameMask, fps: float) -> PerSequence:
    """Mean horizontal speed, mm/s, of ankles and toe joints that in truth are in contact for two frames.

    NaN where none ever is. Papers often sum it over the clip, so that it grows with the clip's length.
    """
    speed = p_world_joint[:, :, list(FEET), :2].diff(dim=1).norm(dim=-1) * fps
    planted = feet_in_contact(truth)
    both = planted[:, 1:] & planted[:, :-1] & real_runs(mask, 2)[..., None]
    return mean_where(speed, both) * MM_PER_M


def penetration_mm(p_world_sole: Soles, mask: FrameMask) -> PerSequence:
    """Mean depth of the deepest sole point below the floor, millimetres; 0 in frames without any."""
    return mean_where(lowest_sole(p_world_sole).clamp(max=0).abs(), mask) * MM_PER_M


def penetration_share(p_world_sole: Soles, mask: FrameMask) -> PerSequence:
    """Share of frames in which a sole point is deeper than a centimetre."""
    return mean_where((lowest_sole(p_world_sole) < -PENETRATING_M).to(p_world_sole), mask)


def floating_share(p_world_sole: Soles, truth: Contacts, mask: FrameMask) -> PerSequence:
    """Share of frames in which every sole point is above 4 cm although in truth a foot is in contact."""
    floating = (lowest_sole(p_world_sole) > FLOATING_M) & feet_in_contact(truth).any(dim=-1)
    return mean_where(floating.to(p_world_sole), mask)


def contact_f1(guess: Contacts, truth: Contacts, mask: FrameMask) -> PerSequence:
    """F1 of the contact labels of ankles and toe joints, pooled over joints and frames.

    NaN where in truth no foot is ever in contact.
    """
    found, real = (feet_in_contact(contacts) & mask[..., None] for contacts in (guess, truth))
    hits, claims, facts = (x.sum(dim=(1, 2)).to(guess) for x in (found & real, found, real))
    return torch.where(facts > 0, 2 * hits / (claims + facts), torch.nan)


def feet_in_contact(contacts: Contacts) -> Bool[Tensor, "batch frame 4"]:
    """Contacts of `FEET` with the floor; contact labels begin with the first joint below the root."""
    return contacts[:, :, [joint - 1 for joint in FEET]] > CONTACT_ABOVE


def lowest_sole(p_world_sole: Soles) -> Float[Tensor, "batch frame"]:
    """Height of the lowest sole point of each frame, metres."""
    return p_world_sole[..., 2].amin(dim=-1)
