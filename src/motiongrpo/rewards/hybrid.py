"""The hybrid reward: closeness to the truth, plausibility and the perceptual model, term by term.

Terms are never summed here: each is standardised within its group first (`policy.advantage`).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor

from motiongrpo.base.batched import Batched
from motiongrpo.base.config import Config
from motiongrpo.base.row_parallel import in_shares
from motiongrpo.base.shapes import PerSample, PerSequence, Rollout
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import PosedBody
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.rewards.joint import (
    PosedMotion,
    RotationError,
    aligned_position_errors,
    by_frame,
    masked_mean,
    position_errors,
    real_steps,
    rotation_errors,
    velocity_errors,
)
from motiongrpo.rewards.online import RefreshConfig
from motiongrpo.rewards.perceptual import PerceptualModel
from motiongrpo.rewards.plausibility import (
    GroundedMotion,
    contact_faults,
    sliding_speeds,
)
from motiongrpo.rewards.training import PerceptualInput

JointTerm = Literal["rotation", "position", "aligned_position", "velocity"]
Fault = Literal["sliding", "penetration", "contact"]
Term = Literal["rotation", "position", "aligned_position", "velocity", Fault, "perceptual"]
PERCEPTUAL, CONTACT = "perceptual", "contact"
FROM_HEAD = "p_head_joint"
FAULTS: tuple[str, ...] = get_args(Fault)


class RewardConfig(Config):
    """Which terms are paid, and how steeply."""

    terms: list[Term] = Field(min_length=1)
    weights: dict[Term, PositiveFloat]  # of a term in branches and derivatives; one not named weighs 1
    omega: dict[JointTerm | Fault, float] | Literal["median"]  # "median": the pretrained median reward is 1/e
    perceptual_omega: float = Field(gt=0)
    rotation_error: RotationError
    placement: Literal["true", "perturbed"]  # the head path that places the body to be judged
    online: bool  # the perceptual model follows the policy; else it stays as it was trained
    refresh: RefreshConfig  # read where it does

    def weight(self, term: str) -> float:
        """The weight of a term among the others at the clean estimate."""
        return {str(name): weight for name, weight in self.weights.items()}.get(term, 1.0)

    @model_validator(mode="after")
    def know_the_steepness_of_every_term(self) -> "RewardConfig":
        if self.omega != "median":
            missing = [term for term in self.terms if term != PERCEPTUAL and term not in self.omega]
            if missing:
                raise ValueError(f"omega must name every joint term, or be 'median'; missing {missing}")
        return self

    @model_validator(mode="after")
    def follow_only_what_is_paid_for(self) -> "RewardConfig":
        if self.online and PERCEPTUAL not in self.terms:
            raise ValueError("online: true needs the term perceptual, which rewards.terms does not name")
        return self


@dataclass(frozen=True)
class TrueMotion(Batched):
    """What the terms need of the truth; `grounded` only where a fault is paid."""

    posed: PosedMotion
    grounded: GroundedMotion | None


@dataclass(frozen=True)
class Measured:
    """The value of every reward term for each sample of each condition, before it becomes a reward."""

    values: dict[str, PerSample]  # means over frames and joints, SI units; the perceptual score
    p_head_joint: Float[Tensor, "condition sample frame 22 3"]  # seen from the head, world axes, metres


@dataclass(frozen=True)
class HybridReward:
    """Judges packed samples against the truth of their windows."""

    body: BodyModel
    fps: float
    config: RewardConfig
    perceptual: PerceptualModel

    @torch.no_grad()
    def measure(
        self, x: Rollout, batch: WindowBatch, T_world_placement: Float[Tensor, "condition sample frame 7"]
    ) -> Measured:
        """Place every sample by its head path, pose it once, and measure it against the truth and with φ."""
        found = in_shares(self._measured, x, batch, T_world_placement)
        return Measured({term: found[term] for term in self.config.terms}, found[FROM_HEAD])

    def _measured(self, x: Rollout, batch: WindowBatch, T_world_placement: Tensor) -> dict[str, Tensor]:
        conditions, samples = x.shape[:2]
        repeat = torch.arange(conditions, device=x.device).repeat_interleave(samples)
        guess = PlacedMotion.sampled(x.flatten(0, 1), T_world_placement.flatten(0, 1), batch.mask[repeat])
        _, posed = guess.posed(self.body)
        values = self.joint_errors(guess, posed, PlacedMotion.truth(batch), repeat)
        if PERCEPTUAL in self.config.terms:
            values[PERCEPTUAL] = self.score(guess, posed, batch.T_world_cpf[repeat])
        values[FROM_HEAD] = posed.p_world_joint - guess.T_world_cpf[:, :, None, 4:]
        return {name: value.unflatten(0, (conditions, samples)) for name, value in values.items()}

    def rewards(self, measured: dict[str, PerSample], omega: dict[str, float]) -> dict[str, PerSample]:
        """exp(−ω · error) of the joint terms, exp(ω · score) of the perceptual one."""
        sign = {term: 1.0 if term == PERCEPTUAL else -1.0 for term in measured}
        return {term: (sign[term] * omega[term] * value).exp() for term, value in measured.items()}

    def omega_from(self, measured: dict[str, PerSample]) -> dict[str, float]:
        """The steepness ω of every term, from the parameters or the pretrained model's median values.

        Where the median is 0, as of a fault that most samples lack, the mean is taken; where that is 0 too, ω
        is 1.
        """
        chosen = self.config.omega
        if chosen == "median":
            middles = {term: float(value.median() or value.mean()) for term, value in measured.items()}
            omega = {term: 1 / (middle or 1.0) for term, middle in middles.items()}
        else:
            omega = {str(term): value for term, value in chosen.items()}
        return omega | {PERCEPTUAL: self.config.perceptual_omega}

    def joint_errors(
        self, guess: PlacedMotion, posed: PosedBody, truth: PlacedMotion, repeat: Tensor
    ) -> dict[str, PerSequence]:
        """The error of each guess for every joint term, differentiable, and for every fault that is paid.

        `repeat` gives the row of the truth for each guess. Contact labels are rounded, so their fault has no
        derivative.
        """
        true = self.true_motion(truth, repeat)
        guessed, real = PosedMotion.of(guess.R_parent_joint, posed), true.posed
        velocity = velocity_errors(guessed, real, self.fps)
        errors = {
            "rotation": masked_mean(rotation_errors(guessed, real, self.config.rotation_error), guess.mask),
            "position": masked_mean(position_errors(guessed, real), guess.mask),
            "aligned_position": masked_mean(aligned_position_errors(guessed, real), guess.mask),
            "velocity": masked_mean(velocity, real_steps(guess.mask)),
        }
        faults = self.faults_by_joint(guess, posed, true)
        errors |= {term: masked_mean(fault, guess.mask) for term, fault in faults.items()}
        if CONTACT in self.config.terms:
            errors[CONTACT] = contact_faults(guess.contacts, truth.contacts[repeat], guess.mask)
        return errors

    def errors_by_joint(
        self, guess: PlacedMotion, posed: PosedBody, true: TrueMotion
    ) -> dict[str, Float[Tensor, "batch frame 22"]]:
        """The error of every frame and joint for the terms that are paid, except the perceptual one."""
        guessed, real = PosedMotion.of(guess.R_parent_joint, posed), true.posed
        errors = {
            "rotation": lambda: rotation_errors(guessed, real, self.config.rotation_error),
            "position": lambda: position_errors(guessed, real),
            "aligned_position": lambda: aligned_position_errors(guessed, real),
            "velocity": lambda: by_frame(velocity_errors(guessed, real, self.fps), guess.mask),
        }
        paid = {term: errors[term]() for term in self.config.terms if term in errors}
        return paid | self.faults_by_joint(guess, posed, true)

    def faults_by_joint(
        self, guess: PlacedMotion, posed: PosedBody, true: TrueMotion
    ) -> dict[str, Float[Tensor, "batch frame 22"]]:
        """The value of every frame and joint for the faults that are paid."""
        if true.grounded is None:
            return {}
        guessed = GroundedMotion.of(self.body.shaped(guess.betas[:, None]), posed, guess.contacts)
        grounded = true.grounded
        faults = {
            "sliding": lambda: sliding_speeds(guessed, grounded, guess.mask, self.fps),
            "penetration": lambda: guessed.depth,
        }
        return {term: faults[term]() for term in self.config.terms if term in faults}

    def true_motion(self, truth: PlacedMotion, repeat: Tensor) -> TrueMotion:
        """The truth of each guess, posed once for all guesses of a window."""
        body, posed = truth.posed(self.body)
        motion = PosedMotion.of(truth.R_parent_joint, posed)
        paid = set(FAULTS) & set(self.config.terms)
        grounded = GroundedMotion.of(body, posed, truth.contacts) if paid else None
        return TrueMotion(motion, grounded).rows(repeat)

    def score(
        self, guess: PlacedMotion, posed: PosedBody, T_world_cpf: Float[Tensor, "batch frame_and_one 7"]
    ) -> PerSequence:
        """The perceptual score of each guess under the true head path."""
        logits = PerceptualInput(guess, T_world_cpf).logits_of_posed(self.perceptual, posed, self.fps)
        return self.perceptual.score(logits)
