from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import keep_policy, post_train


def create_pipeline(**kwargs: object) -> Pipeline:
    """Pretrained denoiser and reward model → `policy`, `grpo_log`, `diversity_log`."""
    return stage(
        "grpo",
        [
            node(
                post_train,
                ["grpo_log", "diversity_log", "grpo_checkpoints"],
                state="grpo_state",
                config="params:grpo",
            ),
            node(keep_policy, "policy", checkpoints="grpo_checkpoints"),
        ],
    )
