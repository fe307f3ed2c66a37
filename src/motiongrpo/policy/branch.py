"""Credit by branches: what a small turn of a joint is worth, frame by frame and joint by joint.

One advantage a sample judges 7,000 numbers at once, and its gradient is almost all noise. Here the group is
made of antithetic branches of one clean estimate. At a trained level let x̂_0 = f(x_t, c), R its nearest
rotations, and z ~ N(0, sd² I) a rotation vector for every frame, joint and axis. Both branches R·exp(±z) are
posed by forward kinematics alone and judged; with a = ½ (r₊ − r₋)

    ∂/∂v E[r(R·exp(v + z))] at v = 0  =  E[a z] / sd²,

and as R·exp(v) ≈ R + R[v]×, the cotangent on the matrices is a · R[z]× / (2 sd²). Rewards are sums over
frames and joints, so a rotation is credited only with what it can move: errors of the joints that hang from
it as seen from the head (`influence`), at most `frames` frames away. With `frames` ≥ 1, what is left out has
mean zero.

*What is optimised* is the expected reward of the clean estimate itself, smoothed over sd, at the states of
the policy's own chains. This is GRPO on the one-step policy N(x̂_0, sd²) at every state, not on the reward of
the chain's end. Only values of rewards are used, so any judge can be plugged in. Contact labels are rounded
before they are judged; with Gaussian noise they have a derivative, too (`label_slope`).

Related: DenseGRPO (arXiv:2601.20218) and TempFlow-GRPO (arXiv:2508.04324) for credit by step and by branch,
factored baselines (arXiv:2102.10362) for credit by element.
"""

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.row_parallel import in_shares
from motiongrpo.base.shapes import PerSequence, Rollout
from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.diffusion.placed import PlacedMotion, placed_in_shares
from motiongrpo.diffusion.representation import MotionState
from motiongrpo.geometry.so3 import matrix_from_rotation_vector
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.rollout import Rollouts
from motiongrpo.policy.signal import Slope
from motiongrpo.rewards.hybrid import CONTACT, PERCEPTUAL, HybridReward, TrueMotion
from motiongrpo.rewards.joint import ByJoint
from motiongrpo.rewards.plausibility import contact_faults

ROTATIONS = BODY_JOINTS - 1
CONTACT_ABOVE = 0.5

Turns = Float[Tensor, "batch frame 21 3"]


class CreditConfig(Config):
    """What a sample's steps are credited with: how branches are drawn, and how far credit reaches."""

    kind: Literal["sample", "branch", "derivative"]  # `sample`: one advantage a sample, as in the paper
    pairs: int = Field(ge=1)  # of antithetic branches an estimate
    sd_rad: float = Field(gt=0)  # of the turn about each axis
    sd_contact: float = Field(gt=0)  # of the step of a contact label before it is rounded
    frames: int = Field(ge=0)  # on either side that a turn is credited with; at 0, with half of its velocity
    body: bool  # credit along kinematic chains; else a turn is credited with every joint
    perceptual_pairs: int = Field(ge=1)  # of branches for φ, which judges a motion as a whole
    modes: int = Field(ge=1)  # of the smooth turns that φ judges, in a window
    null_control: bool  # a control: the turns that are credited are not those that were judged


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

    These lie between the head and the common ancestor, and between that and the joint, whose own rotation is
    left out: it moves only what hangs from it.
    """
    up, down = chain_to(Joint.HEAD), chain_to(joint)
    shared = {a for a, b in zip(up, down, strict=False) if a == b}
    return frozenset((set(up) | set(down[:-1])) - shared)


def turned_by(joint: int) -> frozenset[int]:
    """The joints whose local rotation enters this joint's own: itself, or for the root the head's chain."""
    return frozenset({joint}) if joint > 0 else frozenset(chain_to(Joint.HEAD))


def sole_moved_by(joint: int) -> frozenset[int]:
    """The joints whose local rotation moves a sole point of this joint where the head is held."""
    return moved_by(joint) | {joint}


def influence(term: str, body: bool) -> Float[Tensor, "rotation joint"]:
    """1 where the local rotation of a joint (row; the root has none) can change a joint's error of a term.

    The aligned position depends on every joint, since all of them decide the alignment.
    """
    everything = torch.ones(ROTATIONS, BODY_JOINTS)
    if not body or term == "aligned_position":
        return everything
    reach = {"rotation": turned_by, "penetration": sole_moved_by}.get(term, moved_by)
    return torch.tensor([[float(b in reach(j)) for j in range(BODY_JOINTS)] for b in range(1, BODY_JOINTS)])


@dataclass(frozen=True)
class BranchCredit:
    """Credits the rotations of clean estimates with what antithetic branches of them are worth."""

    reward: HybridReward
    deviation: dict[str, float]  # s_k: the pretrained model's scale of each term, `credit_scale`
    config: CreditConfig

    @torch.no_grad()
    def cotangent(
        self,
        x_0: Rollout,
        batch: WindowBatch,
        T_world_placement: Float[Tensor, "condition sample frame 7"],
        generator: torch.Generator,
    ) -> Rollout:
        """The estimate of ∂E[r]/∂x̂_0 for every sample; only the body's matrices have one that is not zero."""
        repeat = torch.arange(len(x_0), device=x_0.device).repeat_interleave(x_0.shape[1])
        guess = placed_in_shares(x_0.flatten(0, 1), T_world_placement.flatten(0, 1), batch.mask[repeat])
        real = self.reward.true_motion(PlacedMotion.truth(batch), repeat)
        total = torch.zeros_like(guess.R_parent_joint)
        for _ in range(self.config.pairs if self.deviation.keys() - {PERCEPTUAL, CONTACT} else 0):
            z, other = (self.config.sd_rad * _normal(guess.R_parent_joint[..., 0], generator) for _ in "12")
            credited = other if self.config.null_control else z
            total += in_shares(self._worth, z, credited, guess, real)["turns"] / self.config.pairs
        if PERCEPTUAL in self.deviation:
            total += self._perceptual(guess, batch.T_world_cpf[repeat], generator)
        state = MotionState.unpack(torch.zeros_like(x_0.flatten(0, 1)))
        turns = replace(state, body_rotmats=total).pack().view_as(x_0)
        return turns + self.of_labels(x_0, batch, generator)

    def of_labels(self, x_0: Rollout, batch: WindowBatch, generator: torch.Generator) -> Rollout:
        """The part of the cotangent on contact labels; only they have one that is not zero."""
        state = MotionState.unpack(torch.zeros_like(x_0))
        if CONTACT not in self.deviation:
            return state.pack()
        repeat = torch.arange(len(x_0), device=x_0.device).repeat_interleave(x_0.shape[1])
        truth, contacts = batch.contacts[repeat].to(x_0), MotionState.unpack(x_0).contacts
        if self.config.null_control:
            coin = torch.rand(len(repeat), generator=generator, device=generator.device).to(x_0) < 0.5
            truth = torch.where(coin[:, None, None], truth, 1 - truth)
        slope = label_slope(contacts.flatten(0, 1), truth, batch.mask[repeat], self.config.sd_contact)
        return replace(state, contacts=self._scale(CONTACT) * slope.view_as(contacts)).pack()

    def credited(
        self, plus: dict[str, ByJoint], minus: dict[str, ByJoint], mask: Bool[Tensor, "batch frame"]
    ) -> Float[Tensor, "batch frame 21"]:
        """Σ_k of half the difference of rewards −e_k / s_k, summed over what each rotation can change."""
        real = mask[..., None].to(next(iter(plus.values())))
        share = real / (BODY_JOINTS * real.sum(1, keepdim=True))
        total = torch.zeros_like(real.expand(-1, -1, ROTATIONS))
        for term in [term for term in plus if term != CONTACT]:  # in order, as sums depend on it
            better = 0.5 * (minus[term] - plus[term]) * share * self._scale(term)
            reach = influence(term, self.config.body).to(better)
            total = total + within(better, self.config.frames) @ reach.T
        return total * real

    def _scale(self, term: str) -> float:
        """The factor of a term's error: its weight over its scale s_k."""
        return self.reward.config.weight(term) / self.deviation[term]

    def _worth(self, z: Turns, credited: Turns, guess: PlacedMotion, real: TrueMotion) -> dict[str, Tensor]:
        plus, minus = (self._errors(guess, real, sign * z) for sign in (1, -1))
        credit = self.credited(plus, minus, guess.mask)
        return {"turns": cotangent(guess.R_parent_joint, credited, credit, self.config.sd_rad)}

    def _errors(self, guess: PlacedMotion, real: TrueMotion, z: Turns) -> dict[str, ByJoint]:
        branch = replace(guess, R_parent_joint=turned(guess.R_parent_joint, z))
        return self.reward.errors_by_joint(branch, branch.posed(self.reward.body)[1], real)

    def _perceptual(self, guess: PlacedMotion, T_world_cpf: Tensor, generator: torch.Generator) -> Tensor:
        """φ judges a motion as a whole: one number credits all of a smooth turn, a few modes a window."""
        frames, modes = guess.mask.shape[1], min(self.config.modes, guess.mask.shape[1])
        basis = smooth_basis(frames, modes).to(guess.R_parent_joint)
        sd = self.config.sd_rad * (frames / modes) ** 0.5
        total = torch.zeros_like(guess.R_parent_joint)
        for _ in range(self.config.perceptual_pairs):
            weights = (_normal(guess.R_parent_joint[:, :modes, ..., 0], generator) for _ in "12")
            z, other = (sd * torch.einsum("fm,bmjc->bfjc", basis, w) for w in weights)
            credited = other if self.config.null_control else z
            found = in_shares(partial(self._preferred, sd), z, credited, guess, T_world_cpf)
            total += found["turns"] / self.config.perceptual_pairs
        return total

    def _preferred(
        self, sd: float, z: Turns, credited: Turns, guess: PlacedMotion, T_world_cpf: Tensor
    ) -> dict[str, Tensor]:
        plus, minus = (self._score(guess, T_world_cpf, sign * z) for sign in (1, -1))
        a = 0.5 * (plus - minus) * self._scale(PERCEPTUAL)
        credit = (a[:, None] * guess.mask)[..., None].expand(-1, -1, ROTATIONS)
        return {"turns": cotangent(guess.R_parent_joint, credited, credit, sd)}

    def _score(self, guess: PlacedMotion, T_world_cpf: Tensor, z: Turns) -> PerSequence:
        branch = replace(guess, R_parent_joint=turned(guess.R_parent_joint, z))
        return self.reward.score(branch, branch.posed(self.reward.body)[1], T_world_cpf)


def slope_of(
    kind: Literal["branch", "derivative"],
    reward: HybridReward,
    deviation: dict[str, float],
    config: CreditConfig,
    generator: torch.Generator,
) -> Slope:
    """The derivative of the reward of clean estimates, estimated by branches or by differentiation."""
    credit, placed = BranchCredit(reward, deviation, config), reward.config.placement

    def slope(x_0: Rollout, part: Rollouts) -> Rollout:
        if kind == "derivative":
            labels = credit.of_labels(x_0, part.batch, generator)
            return labels + derivative(x_0, part.batch, part.placement(placed), reward, deviation)
        return credit.cotangent(x_0, part.batch, part.placement(placed), generator)

    return slope


def derivative(
    x_0: Rollout,
    batch: WindowBatch,
    T_world_placement: Float[Tensor, "condition sample frame 7"],
    reward: HybridReward,
    deviation: dict[str, float],
) -> Rollout:
    """∂r/∂x̂_0 by differentiation, r = −Σ_k e_k / s_k + φ / s_φ (EasyTune, arXiv:2602.07967).

    Branches estimate the same from values alone; here every reward must have a derivative.
    """
    repeat = torch.arange(len(x_0), device=x_0.device).repeat_interleave(x_0.shape[1])
    with torch.enable_grad():
        x = x_0.detach().requires_grad_()
        guess = PlacedMotion.sampled(x.flatten(0, 1), T_world_placement.flatten(0, 1), batch.mask[repeat])
        posed = guess.posed(reward.body)[1]
        errors = reward.joint_errors(guess, posed, PlacedMotion.truth(batch), repeat)
        scale = {term: reward.config.weight(term) / s for term, s in deviation.items()}
        worth = x.sum() * 0 - sum(errors[term].sum() * scale[term] for term in scale if term != PERCEPTUAL)
        if PERCEPTUAL in deviation:
            score = reward.score(guess, posed, batch.T_world_cpf[repeat])
            worth = worth + score.sum() * scale[PERCEPTUAL]
        return torch.autograd.grad(torch.as_tensor(worth), x)[0]


def label_slope(
    contacts: Float[Tensor, "batch frame 21"],
    truth: Float[Tensor, "batch frame 21"],
    mask: Bool[Tensor, "batch frame"],
    sd: float,
) -> Float[Tensor, "batch frame 21"]:
    """The derivative of F1 of contact labels that are replaced by their probabilities.

    Φ((c − ½) / sd) is the probability that c + N(0, sd²) is rounded to a contact: infinitely many branches.
    """
    with torch.enable_grad():
        c = contacts.detach().requires_grad_()
        fault = contact_faults(torch.special.ndtr((c - CONTACT_ABOVE) / sd), truth, mask)
        return -torch.autograd.grad(fault.sum(), c)[0]


def smooth_basis(frames: int, modes: int) -> Float[Tensor, "frame mode"]:
    """The first vectors of the discrete cosine transform (type II), orthonormal over the frames."""
    angle = (torch.arange(frames)[:, None] + 0.5) * torch.arange(modes) * torch.pi / frames
    basis = torch.cos(angle) * (2 / frames) ** 0.5
    basis[:, 0] = frames**-0.5
    return basis


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
    """credit · R[z]× / (2 sd²): the gradient on the rotation matrices."""
    x, y, w = z.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -w, y, w, zero, -x, -y, x, zero)
    skew = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return credit[..., None, None] * (R @ skew) / (2 * sd**2)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)
