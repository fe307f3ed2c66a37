"""A loss in joint space, beside EgoAllo's loss on rotations.

The body hangs from the head, so an error of the neck swings the feet: two motions with equal errors of local
rotations can be centimetres or decimetres away from the truth. The estimate is hung from the true head and
posed, and

    L_joint = λ_p · mean |p̂ − p|  +  λ_v · mean |Δp̂ − Δp| · fps

over real frames and the 22 body joints. All noise levels count alike: the positions of joints are decided at
the first, noisiest levels of a chain, to which EgoAllo's weight (`level_weight`) gives a hundredth.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from motiongrpo.base.config import Config
from motiongrpo.base.shapes import Motion
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.motion.windows import WindowBatch


class JointLossConfig(Config):
    """Weights of joint errors beside EgoAllo's loss; both at 0 is EgoAllo's loss alone."""

    position: float = Field(ge=0)  # λ_p, per metre
    velocity: float = Field(ge=0)  # λ_v, per m/s

    @property
    def is_off(self) -> bool:
        return self.position == self.velocity == 0


@dataclass(frozen=True)
class JointLoss:
    """Measures clean estimates by where they put the joints of this body."""

    body: BodyModel
    fps: float
    config: JointLossConfig

    def __call__(self, x_0_hat: Motion, batch: WindowBatch) -> Float[Tensor, ""]:
        """λ_p and λ_v times the errors of the estimate under the true head; differentiable."""
        if self.config.is_off:
            return x_0_hat.new_zeros(())
        error = self._error(x_0_hat, batch)
        both_real = batch.mask[:, 1:] & batch.mask[:, :-1]
        position = _mean(error.norm(dim=-1).mean(-1), batch.mask)
        velocity = _mean((error.diff(dim=1) * self.fps).norm(dim=-1).mean(-1), both_real)
        return self.config.position * position + self.config.velocity * velocity

    @torch.no_grad()
    def mpjpe_mm(self, x_0_hat: Motion, batch: WindowBatch) -> float:
        """Mean distance of the 22 joints from the truth under the true head, over all real frames."""
        return 1000 * float(_mean(self._error(x_0_hat, batch).norm(dim=-1).mean(-1), batch.mask))

    def _error(self, x_0_hat: Motion, batch: WindowBatch) -> Float[Tensor, "batch frame 22 3"]:
        guess = PlacedMotion.sampled(x_0_hat, batch.T_world_cpf[:, 1:], batch.mask)
        posed = (motion.posed(self.body)[1].p_world_joint for motion in (guess, PlacedMotion.truth(batch)))
        guessed, true = (p_world_joint[:, :, :BODY_JOINTS] for p_world_joint in posed)
        return guessed - true


def _mean(values: Float[Tensor, "batch frame"], real: Bool[Tensor, "batch frame"]) -> Float[Tensor, ""]:
    return (values * real).sum() / real.sum()
