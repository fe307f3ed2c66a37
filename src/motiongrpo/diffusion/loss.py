"""EgoAllo's pretraining loss: weighted squared errors of x̂_0, modality by modality."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongrpo.diffusion.representation import MotionState
from motiongrpo.diffusion.schedule import cosine_alpha_bar, signal_to_noise

BETAS_WEIGHT, BODY_WEIGHT, CONTACTS_WEIGHT, HANDS_WEIGHT = 0.1, 1.0, 0.1, 0.01
HANDS_MOVE = 1e-5  # summed change of matrix entries below which a sequence has no hand motion
HAND_FRAMES_AT_LEAST = 256


def level_weight(t: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """0.99 SNR_t / SNR_1 + 0.01: heavy near the clean end, never zero."""
    alpha_bar = cosine_alpha_bar().to(t.device)
    return (0.99 * signal_to_noise(alpha_bar[t]) / signal_to_noise(alpha_bar[1]) + 0.01).float()


def add_noise(
    x_0: Float[Tensor, "batch frame feature"],
    noise: Float[Tensor, "batch frame feature"],
    t: Int[Tensor, " batch"],
) -> Float[Tensor, "batch frame feature"]:
    """x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε."""
    alpha_bar = cosine_alpha_bar().to(t.device)[t][:, None, None]
    return alpha_bar.sqrt().to(x_0) * x_0 + (1 - alpha_bar).sqrt().to(x_0) * noise


@dataclass(frozen=True)
class LossTerms:
    """Means over real frames, each weighted by the noise level, before the modality's weight."""

    betas: Float[Tensor, ""]
    body: Float[Tensor, ""]
    contacts: Float[Tensor, ""]
    hands: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        return (
            BETAS_WEIGHT * self.betas
            + BODY_WEIGHT * self.body
            + CONTACTS_WEIGHT * self.contacts
            + HANDS_WEIGHT * self.hands
        )


def denoising_loss(
    x_0_hat: Float[Tensor, "batch frame feature"],
    x_0: Float[Tensor, "batch frame feature"],
    weight: Float[Tensor, " batch"],
    mask: Bool[Tensor, "batch frame"],
) -> LossTerms:
    """Σ weight · mean over features of the squared error, over real frames, divided by their number.

    Shape errors count 1/(i+1) for coefficient i. Hands count only in sequences whose hands move.
    """
    guess, truth = MotionState.unpack(x_0_hat), MotionState.unpack(x_0)
    per_frame = weight[:, None] * mask / mask.sum()
    order = torch.arange(1, truth.betas.shape[-1] + 1).to(x_0)
    return LossTerms(
        betas=(per_frame * ((guess.betas - truth.betas).square() / order).mean(-1)).sum(),
        body=(per_frame * (guess.body_rotmats - truth.body_rotmats).square().mean((-1, -2, -3))).sum(),
        contacts=(per_frame * (guess.contacts - truth.contacts).square().mean(-1)).sum(),
        hands=_hand_loss(guess, truth, weight, mask),
    )


def _hand_loss(guess: MotionState, truth: MotionState, weight: Tensor, mask: Tensor) -> Tensor:
    if truth.hand_rotmats is None or guess.hand_rotmats is None:
        return weight.new_zeros(())
    change = (truth.hand_rotmats - truth.hand_rotmats[:, :1]).abs().sum((-1, -2, -3))
    moving = mask & ((change * mask).sum(-1) > HANDS_MOVE)[:, None]
    error = (guess.hand_rotmats - truth.hand_rotmats).square().mean((-1, -2, -3))
    return (weight[:, None] * moving * error).sum() / moving.sum().clamp(min=HAND_FRAMES_AT_LEAST)
