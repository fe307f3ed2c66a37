"""An update of GRPO and a step of pretraining, at the paper's size or a toy's, without data."""

import gc
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from _parameters import section

from motiongrpo.base.compilation import Compiler, with_compiler
from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.base.precision import Precision, with_precision
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.training import NoisedWindows, noised_to_all_levels, pretraining_loss
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.advantage import group_advantages
from motiongrpo.policy.rollout import RolloutConfig, Rollouts, roll_out, stratified_subset, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import Audit, gradient_pass


@dataclass(frozen=True)
class Size:
    """The sizes and the device of a measurement."""

    device: str
    denoiser: DenoiserConfig
    rollout: RolloutConfig
    frames: int
    batch: int  # windows in a step of pretraining
    steps: int  # timed steps of pretraining
    matrix: int  # size of the matrices whose product measures the device's speed
    compiler: Compiler


@dataclass(frozen=True)
class Way:
    """The way in which the network is evaluated."""

    precision: Precision = "fp32"
    tf32: bool = False
    compiled: bool = False


WAYS = {
    "bf16": Way("bf16"),
    "bf16 compiled": Way("bf16", compiled=True),
    "tf32": Way(tf32=True),
    "fp32": Way(),
}


def paper() -> Size:
    """`conf/paper`, with every level trained."""
    rollout = section("grpo", env="paper")["rollout"]
    rollout |= {"trained_steps": rollout["sampling"]["steps"], "lowest_level": 1}
    pretraining = section("pretraining", env="paper")
    denoiser, batch = DenoiserConfig(**pretraining["denoiser"]), pretraining["batch_size"]
    return Size("cuda", denoiser, RolloutConfig(**rollout), 128, batch, 20, 8192, "inductor")


def toy() -> Size:
    """The same parts, small enough for a CPU."""
    whole = paper()
    layers = {"d_latent": 16, "d_feedforward": 24, "d_noise_emb": 8, "encoder_layers": 1, "decoder_layers": 1}
    small = {"conditions": 4, "conditions_at_once": 2, "group_size": 2}
    rollout = whole.rollout.model_dump() | small
    rollout["sampling"] |= {"steps": 3}
    denoiser = DenoiserConfig(**whole.denoiser.model_dump() | layers)
    return Size("cpu", denoiser, RolloutConfig(**rollout), 8, 4, 2, 64, "aot_eager")


def as_configured(size: Size) -> Size:
    """With the levels that `conf/paper` trains, a stratified subset of all."""
    rollout = section("grpo", env="paper")["rollout"]
    levels = {name: rollout[name] for name in ("trained_steps", "lowest_level")}
    return replace(size, rollout=size.rollout.model_copy(update=levels))


def still_heads(size: Size, count: int) -> WindowBatch:
    pose = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.6])
    joints = 51 if size.denoiser.include_hands else 21
    return WindowBatch(
        betas=torch.zeros(count, 16),
        q_parent_joint=torch.tensor([1.0, 0, 0, 0]).expand(count, size.frames, joints, 4),
        contacts=torch.zeros(count, size.frames, 21, dtype=torch.bool),
        T_world_cpf=pose.expand(count, size.frames + 1, 7),
        mask=torch.ones(count, size.frames, dtype=torch.bool),
    ).to(torch.device(size.device))


def drawn(size: Size, step: int) -> NoisedWindows:
    """The noised windows of a step of pretraining."""
    return noised_to_all_levels(still_heads(size, size.batch), torch.Generator().manual_seed(step))


class Trainer:
    """A policy and its reference, and the two halves of an update."""

    def __init__(self, size: Size, way: Way) -> None:
        torch.manual_seed(0)
        torch.set_float32_matmul_precision("high" if way.tf32 else "highest")
        self.size = size
        compiler = size.compiler if way.compiled else None
        network = with_compiler(Denoiser(size.denoiser).to(size.device), compiler)
        network = with_precision(network, way.precision)
        self.policy = Optimiser(network, OptimiserConfig(**section("grpo", env="paper")["optimiser"]))
        self.generator = torch.Generator(size.device).manual_seed(0)

    def roll_out(self, groups: int) -> Rollouts:
        config, batch = self.size.rollout, still_heads(self.size, groups)
        trained = stratified_subset(trainable_steps(config), config.trained_steps, self.generator)
        return roll_out(self.policy.model, batch, config, trained, self.generator)

    def learn(self, rollouts: Rollouts) -> Audit:
        reward = -(rollouts.by_group() - 0.5).square().mean(dim=(-1, -2))
        advantage = group_advantages({"distance": reward}, {"distance": 1e-9}, 5.0)  # a row is a group
        surrogate = SurrogateConfig(**section("grpo", env="paper")["surrogate"])
        told = gradient_pass(self.policy, self.policy.averaged, rollouts, advantage, surrogate, 0)
        assert told.audit is not None  # set by every pass with credit by sample
        return told.audit

    def warm_up(self) -> Audit:
        """Run one whole part first, so that timing includes no compilation or first allocation."""
        return self.learn(self.roll_out(self.size.rollout.conditions_at_once))

    def pretrain(self, windows: NoisedWindows) -> None:
        self.policy.step(pretraining_loss(self.policy.model, windows, None))


def timed(size: Size, work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of wall time, since a GPU has no other clock, and the result."""
    synchronise(size)
    started = time.perf_counter()
    result = work()
    synchronise(size)
    return time.perf_counter() - started, result


def synchronise(size: Size) -> None:
    if size.device == "cuda":
        torch.cuda.synchronize()


def forget_peak(size: Size) -> None:
    gc.collect()  # frees networks of earlier sections, which have reference cycles
    if size.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(size: Size) -> float:
    """Peak memory since `forget_peak`; on a CPU, the peak of the whole process."""
    if size.device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
