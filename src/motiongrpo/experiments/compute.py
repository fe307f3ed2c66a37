"""The compute of a training in network evaluations of samples, to give controls as much as GRPO.

A forward pass of one sample counts one and its backward pass two, so a trained sample counts three. The
perceptual model, posing, refilled groups and the few samples of diagnostics are left out, since they are
small or the same for all. Also left out, in favour of GRPO, is that a group encodes its condition only once.
"""

from motiongrpo.policy.grpo import GrpoConfig
from motiongrpo.policy.rollout import trainable_steps

TRAINED = 3  # forward and backward


def grpo_evaluations(config: GrpoConfig) -> int:
    """Rollouts, trained levels, the reference and the anchor of all updates, and the calibration pool."""
    rollout, surrogate = config.rollout, config.surrogate
    group = rollout.conditions * rollout.group_size
    levels = min(len(trainable_steps(rollout)), rollout.trained_steps)
    trained = levels if config.credit.kind == "sample" else 1  # a pass has each group at one level
    reference = trained if surrogate.kl_weight > 0 else 0
    anchor = TRAINED * rollout.conditions if surrogate.anchor_share > 0 else 0
    one_pass = group * (TRAINED * trained + reference) + anchor
    update = group * rollout.sampling.steps + config.passes * one_pass
    pool = config.advantage.calibration_conditions * rollout.group_size * rollout.sampling.steps
    return config.updates * update + pool


def steps_within(evaluations: int, batch_size: int) -> int:
    """The number of gradient steps on batches of this size that cost no more; at least one."""
    return max(1, evaluations // (TRAINED * batch_size))
