"""GRPO at toy size: samples trained per CPU-second, and the gain of encoding a condition once per group.

    OMP_NUM_THREADS=1 python benchmarks/grpo.py

A toy of 32 frames, half a million parameters and 10 levels; an update rolls out 16 groups of 8, rewarded by
the distance to a target, and trains the 9 levels that have a density. A frame has 144 features in one
modality, as in a trainer for images, or our 226 in three modalities, each with an MLP at either end for every
sample. Encoding once per group and once per sample alternate: in the second, every sample has its own track,
without noise. Times are the best of 9 updates, ratios the median.

Measured on one thread of a busy server, samples per CPU-second:

    features   layers   once a group   once a sample   worth
    144        2 + 2    84.5           52.7            1.64
    144        3 + 3    77.5           46.6            1.65
    144        4 + 4    72.0           43.9            1.64
    226        2 + 2    78.8           51.9            1.48
    226        3 + 3    72.4           48.5            1.50
    226        4 + 4    70.6           45.1            1.55
"""

import time
from collections.abc import Iterator
from statistics import median

import torch
from _parameters import section

from motiongrpo.base.optimisation import Optimiser, OptimiserConfig
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.policy.advantage import group_advantages
from motiongrpo.policy.rollout import RolloutConfig, roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import gradient_pass

FRAMES, GROUPS, GROUP_SIZE, LEVELS, ROUNDS = 32, 16, 8, 10, 9
SCOPES = {"once a group": "group", "once a sample": "sample"}


class PlainDenoiser(Denoiser):
    """A denoiser of motion with 144 features per frame in one modality."""

    @property
    def feature_sizes(self) -> dict[str, int]:
        return {"motion": 144}


SHAPES: dict[type[Denoiser], dict[int, tuple[int, int]]] = {  # by layers of either stream: width, MLP's width
    PlainDenoiser: {2: (88, 320), 3: (72, 272), 4: (64, 240)},
    Denoiser: {2: (80, 320), 3: (72, 216), 4: (64, 192)},
}


def architecture(toy: type[Denoiser], layers: int) -> DenoiserConfig:
    """A network of half a million parameters with `layers` layers in encoder and decoder each."""
    width, feedforward = SHAPES[toy][layers]
    sizes = {"d_latent": width, "d_feedforward": feedforward, "d_noise_emb": 32}
    depth = {"encoder_layers": layers, "decoder_layers": layers}
    return DenoiserConfig(**section("pretraining")["denoiser"] | sizes | depth)


OPTIMISER = OptimiserConfig(
    learning_rate=1e-4, weight_decay=1e-4, warmup_steps=0, gradient_clip=1.0, ema_decay=0.99
)
SURROGATE = SurrogateConfig(
    ratio="corrected", clip_shift=0.1, clip_kl_nats=0.1, kl_weight=0.0, kl_limit_per_dim=1e9, anchor_share=0.0
)


def rollout_config(scope: str) -> RolloutConfig:
    values = {
        "conditions": GROUPS,
        "conditions_at_once": GROUPS,
        "group_size": GROUP_SIZE,
        "initial_noise": "own",
        "trained_steps": LEVELS,
        "lowest_level": 1,
        "noise": {"kind": "none", "scope": scope, "tracks": 1, "amplitude_m": 0, "spacing_frames": 16},
        "sampling": {"steps": LEVELS, "eta": 1.0, "sampler": "ddim", "deterministic_below": 0},
    }
    values["noise"]["octaves"] = 1
    return RolloutConfig.model_validate(values)


def still_heads() -> WindowBatch:
    pose = torch.tensor([1.0, 0, 0, 0, 0, 0, 1.6])
    return WindowBatch(
        betas=torch.zeros(GROUPS, 16),
        q_parent_joint=torch.tensor([1.0, 0, 0, 0]).expand(GROUPS, FRAMES, 21, 4),
        contacts=torch.zeros(GROUPS, FRAMES, 21, dtype=torch.bool),
        T_world_cpf=pose.expand(GROUPS, FRAMES + 1, 7),
        mask=torch.ones(GROUPS, FRAMES, dtype=torch.bool),
    )


def network(toy: type[Denoiser], layers: int) -> Denoiser:
    torch.manual_seed(0)
    return toy(architecture(toy, layers))


def updates(toy: type[Denoiser], layers: int, scope: str) -> Iterator[tuple[float, float]]:
    """CPU-seconds of each update's rollouts and of its gradient."""
    policy, reference = Optimiser(network(toy, layers), OPTIMISER), network(toy, layers).requires_grad_(False)
    config, batch, generator = rollout_config(scope), still_heads(), torch.Generator().manual_seed(0)
    while True:
        started = time.process_time()
        rollouts = roll_out(policy.model, batch, config, trainable_steps(config), generator)
        sampled = time.process_time()
        reward = -(rollouts.by_group() - 0.5).square().mean(dim=(-1, -2))
        advantage = group_advantages({"distance": reward}, {"distance": 1e-9}, 5.0).view(rollouts.x.shape[:2])
        gradient_pass(policy, reference, rollouts, advantage, SURROGATE, 0)
        yield sampled - started, time.process_time() - sampled


def measure(toy: type[Denoiser], layers: int) -> None:
    ways = {name: updates(toy, layers, scope) for name, scope in SCOPES.items()}
    for way in ways.values():
        next(way)
    rounds = [{name: next(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    model = network(toy, layers)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{model.features} features, {layers} + {layers} layers, {parameters:,} parameters")
    for name in ways:
        rollout, update = min((seconds[name] for seconds in rounds), key=sum)
        rate = GROUPS * GROUP_SIZE / (rollout + update)
        print(f"  {name}: {rate:.1f} samples/CPU-s, {rollout:.2f} s rolling out, {update:.2f} s learning")
    ratios = [sum(seconds["once a sample"]) / sum(seconds["once a group"]) for seconds in rounds]
    print(f"  once a group is worth {median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    torch.set_num_threads(1)
    for toy, shapes in SHAPES.items():
        for layers in shapes:
            measure(toy, layers)


if __name__ == "__main__":
    main()
