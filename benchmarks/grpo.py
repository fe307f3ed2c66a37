"""GRPO at toy size: samples trained per CPU-second, and what encoding a condition once a group is worth.

    OMP_NUM_THREADS=1 python benchmarks/grpo.py

A toy of 32 frames, 0.52 M parameters and 10 levels; an update rolls out 16 groups of 8 under a distance to
a target and trains the 9 levels that have a density, with a pretrained model to compare with. Encoding once a
group and once a sample take turns: the second gives every sample a track of its own without noise on it.
"""

import time
from collections.abc import Iterator
from statistics import median

import torch

from motiongrpo.diffusion.denoiser import Denoiser, DenoiserConfig
from motiongrpo.motion.windows import WindowBatch
from motiongrpo.optimisation import Optimiser, OptimiserConfig
from motiongrpo.policy.advantage import group_advantages
from motiongrpo.policy.rollout import RolloutConfig, roll_out, trainable_steps
from motiongrpo.policy.surrogate import SurrogateConfig
from motiongrpo.policy.update import gradient_pass

FRAMES, GROUPS, GROUP_SIZE, LEVELS, ROUNDS = 32, 16, 8, 10, 15
SCOPES = {"once a group": "group", "once a sample": "sample"}

ARCHITECTURE = DenoiserConfig(
    d_latent=80,
    d_feedforward=320,
    d_noise_emb=32,
    num_heads=4,
    encoder_layers=2,
    decoder_layers=2,
    include_hands=False,
    mask_self_attention=True,
)
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
        "sampling": {"steps": LEVELS, "eta": 1.0, "sampler": "ddim"},
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


def network() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(ARCHITECTURE)


def updates(scope: str) -> Iterator[tuple[float, float]]:
    """CPU-seconds of rolling out and of learning, update after update."""
    policy, reference = Optimiser(network(), OPTIMISER), network().requires_grad_(False)
    config, batch, generator = rollout_config(scope), still_heads(), torch.Generator().manual_seed(0)
    while True:
        started = time.process_time()
        rollouts = roll_out(policy.model, batch, config, trainable_steps(config), generator)
        sampled = time.process_time()
        reward = -(rollouts.by_group() - 0.5).square().mean(dim=(-1, -2))
        advantage = rollouts.per_row(group_advantages({"distance": reward}, {"distance": 1e-9}, 5.0))
        gradient_pass(policy, reference, rollouts, advantage, SURROGATE, 0)
        yield sampled - started, time.process_time() - sampled


def main() -> None:
    torch.set_num_threads(1)
    ways = {name: updates(scope) for name, scope in SCOPES.items()}
    for way in ways.values():
        next(way)
    rounds = [{name: next(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    print(f"{sum(p.numel() for p in network().parameters()):,} parameters")
    for name in ways:
        rollout, update = min((seconds[name] for seconds in rounds), key=sum)
        middle = median(sum(seconds[name]) for seconds in rounds)
        print(
            f"encoded {name}: {GROUPS * GROUP_SIZE / (rollout + update):.1f} samples/CPU-s at best "
            f"({rollout:.2f} s rolling out, {update:.2f} s learning), "
            f"{GROUPS * GROUP_SIZE / middle:.1f} in the median"
        )
    ratios = [sum(seconds["once a sample"]) / sum(seconds["once a group"]) for seconds in rounds]
    print(f"once a group is worth {median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
