"""Shared by the three trainings: AdamW with warm-up, a gradient clip, an exponential moving average."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from motiongrpo.base.checkpoint import StateDict
from motiongrpo.base.config import Config
from motiongrpo.base.finite import demand_finite

Model = TypeVar("Model", bound=nn.Module)


class TrainingConfig(Config):
    """The parameters that every training has."""

    checkpoint_every: int = Field(ge=1)  # steps
    seed: int = Field(ge=0)


class OptimiserConfig(Config):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101); the rate is constant after a linear warm-up."""

    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    gradient_clip: float = Field(gt=0)  # on the global norm
    ema_decay: float = Field(ge=0, lt=1)


class Optimiser(Generic[Model]):
    """A model, its AdamW state and its moving average, which is what gets evaluated."""

    def __init__(self, model: Model, config: OptimiserConfig) -> None:
        self.model: Model = model
        self.config, self.steps = config, 0
        self.trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.adam = torch.optim.AdamW(
            self.trained.values(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
        self.average.eval()  # it is never trained
        self.average.n_averaged.fill_(1)  # the initial model counts as the first of the average

    def step(self, loss: Tensor) -> float:
        """One update. Returns the global gradient norm before clipping; Diverged where it is not finite."""
        demand_finite("the loss", loss)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        return self.apply_gradients()

    def apply_gradients(self) -> float:
        """An update from gradients already accumulated. Returns their global norm before clipping.

        A norm that is not finite raises Diverged before the weights change.
        """
        norm = nn.utils.clip_grad_norm_(self.trained.values(), self.config.gradient_clip)
        demand_finite("the gradient's norm", norm)
        warmth = min(1.0, (self.steps + 1) / max(1, self.config.warmup_steps))
        for group in self.adam.param_groups:
            group["lr"] = self.config.learning_rate * warmth
        self.adam.step()
        self.average.update_parameters(self.model)
        self.steps += 1
        return float(norm)

    def skip(self, steps: int) -> None:
        """Count steps without a gradient: weights, AdamW's state and the average stay as they are."""
        self.steps += steps

    @property
    def averaged(self) -> Model:
        """The model with the moving average as its weights."""
        return cast(Model, self.average.module)

    def averaged_weights(self) -> StateDict:
        """The moving average, under the model's own parameter names."""
        return _copied(self.average.module.state_dict())

    def state(self) -> StateDict:
        """Everything needed to resume bit for bit."""
        tensors = {f"model.{name}": p for name, p in self.model.state_dict().items()}
        tensors |= {f"average.{name}": p for name, p in self.average.module.state_dict().items()}
        for name, parameter in self.trained.items():
            tensors |= {f"adam.{name}.{key}": value for key, value in self.adam.state[parameter].items()}
        return _copied(tensors) | {"steps": torch.tensor(self.steps)}

    def restore(self, state: StateDict) -> None:
        """Continue from what `state()` returned."""
        self.model.load_state_dict(_below("model.", state))
        self.average.module.load_state_dict(_below("average.", state))
        for name, parameter in self.trained.items():
            self.adam.state[parameter] = _copied(_below(f"adam.{name}.", state))
        self.steps = int(state["steps"])


class Learner(Protocol):
    """What a checkpoint needs of a training: the state to resume from, and the weights that get evaluated."""

    def state(self) -> StateDict: ...
    def restore(self, state: StateDict) -> None: ...
    def averaged_weights(self) -> StateDict: ...


@dataclass(frozen=True)
class WithCompanion:
    """A learner and a companion trained with it, saved as one state so that they stay in step."""

    learner: Learner
    companion: Learner
    name: str  # prefix of the companion's tensors

    def state(self) -> StateDict:
        """The states of both, the companion's under its name."""
        beside = {f"{self.name}.{key}": value for key, value in self.companion.state().items()}
        return self.learner.state() | beside

    def restore(self, state: StateDict) -> None:
        """Continue from what `state()` returned."""
        self.learner.restore(state)
        self.companion.restore(_below(f"{self.name}.", state))

    def averaged_weights(self) -> StateDict:
        """The weights of the learner; the companion's are not evaluated."""
        return self.learner.averaged_weights()


def _below(prefix: str, state: StateDict) -> StateDict:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _copied(state: StateDict) -> StateDict:
    return {name: value.detach().clone() for name, value in state.items()}
