"""Credit by branches: what a small turn of a joint is worth, frame by frame and joint by joint.

One advantage a sample says of 7,000 numbers at once that they were good or bad; its gradient is almost all
noise. Here the group is made of antithetic branches of one clean estimate. At a trained level let
x̂_0 = f(x_t, c), R its nearest rotations, and z ~ N(0, sd² I) a rotation vector for every frame, joint and
axis. Both branches R·exp(±z) are posed by forward kinematics alone and judged; with a = ½ (r₊ − r₋)

    ∂/∂v E[r(R·exp(v + z))] at v = 0  =  E[a z] / sd²,

and as R·exp(v) ≈ R + R[v]×, the cotangent on the matrices is a · R[z]× / (2 sd²). Rewards are sums over
frames and joints, so a rotation is credited only with what it can move: errors of the joints that hang from
it as seen from the head (`influence`), at most `frames` frames away. What is left out has mean zero.

*What is optimised*: E over the policy's own states of what the clean estimate is worth by itself, smoothed
over sd. It is GRPO on the one-step policy N(x̂_0, sd²) at every state of the chain, and not the worth of the
chain's end. Only values of rewards are read, so that any judge can be plugged in.

Related: DenseGRPO (arXiv:2601.20218) and TempFlow-GRPO (arXiv:2508.04324) for credit by step and by branch,
factored baselines (arXiv:2102.10362) for credit by element.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.geometry.so3 import matrix_from_rotation_vector

ROTATIONS = BODY_JOINTS - 1

Turns = Float[Tensor, "batch frame 21 3"]
ByJoint = Float[Tensor, "batch frame 22"]


class BranchConfig(Config):
    """How branches are drawn, and how far credit reaches."""

    pairs: int = Field(ge=1)  # of antithetic branches an estimate
    sd_rad: float = Field(gt=0)  # of the turn about each axis
    frames: int = Field(ge=0)  # on either side that a turn is credited with
    body: bool  # credit along kinematic chains; else a turn is credited with every joint


def chain_to(joint: int) -> list[int]:
    """The joints from below the root down to this one."""
    chain = []
    while joint > 0:
        chain.insert(0, joint)
        joint = PARENTS[joint]
    return chain


@cache
def moved_by(joint: int) -> frozenset[int]:
    """The joints whose local rotation moves this joint where the head is held.

    From the head up to the common ancestor rotations are undone; from there down to the joint they are done,
    its own excepted, which moves only what hangs from it.
    """
    up, down = chain_to(Joint.HEAD), chain_to(joint)
    shared = {a for a, b in zip(up, down, strict=False) if a == b}
    return frozenset((set(up) | set(down[:-1])) - shared)


def turned_by(joint: int) -> frozenset[int]:
    """The joints whose local rotation enters this joint's own: itself, or for the root the head's chain."""
    return frozenset({joint}) if joint > 0 else frozenset(chain_to(Joint.HEAD))


def influence(term: str, body: bool) -> Float[Tensor, "rotation joint"]:
    """1 where the local rotation of a joint (row; the root has none) can change a joint's error of a term.

    The aligned position depends on every joint, since all of them decide the alignment.
    """
    everything = torch.ones(ROTATIONS, BODY_JOINTS)
    if not body or term == "aligned_position":
        return everything
    reach = turned_by if term == "rotation" else moved_by
    return torch.tensor([[float(b in reach(j)) for j in range(BODY_JOINTS)] for b in range(1, BODY_JOINTS)])


@dataclass(frozen=True)
class Credit:
    """How differences of errors between branches become credit of rotations."""

    scale: dict[str, float]  # s_k: the pretrained model's deviation of error k within a group
    config: BranchConfig

    def of(
        self, plus: dict[str, ByJoint], minus: dict[str, ByJoint], mask: Bool[Tensor, "batch frame"]
    ) -> Float[Tensor, "batch frame 21"]:
        """Σ_k of half the difference of rewards, gathered over what each rotation can change."""
        real = mask[..., None].to(next(iter(plus.values())))
        share = real / (BODY_JOINTS * real.sum(1, keepdim=True))
        total = torch.zeros_like(real.expand(-1, -1, ROTATIONS))
        for term, scale in self.scale.items():
            better = 0.5 * (minus[term] - plus[term]) * share / scale
            total = total + within(better, self.config.frames) @ influence(term, self.config.body).to(better).T
        return total


def within(values: ByJoint, frames: int) -> ByJoint:
    """The sum over neighbouring frames, at most `frames` away; nothing lies beyond either end."""
    if frames == 0:
        return values
    sums = torch.nn.functional.pad(values, (0, 0, frames + 1, frames)).cumsum(1)
    return sums[:, 2 * frames + 1 :] - sums[:, : -(2 * frames + 1)]


def turned(R: Float[Tensor, "batch frame 21 3 3"], z: Turns) -> Float[Tensor, "batch frame 21 3 3"]:
    """R·exp(z)."""
    return R @ matrix_from_rotation_vector(z)


def cotangent(
    R: Float[Tensor, "batch frame 21 3 3"], z: Turns, credit: Float[Tensor, "batch frame 21"], sd: float
) -> Float[Tensor, "batch frame 21 3 3"]:
    """credit · R[z]× / (2 sd²): what a step of the matrices is credited with."""
    x, y, w = z.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -w, y, w, zero, -x, -y, x, zero)
    skew = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return credit[..., None, None] * (R @ skew) / (2 * sd**2)
