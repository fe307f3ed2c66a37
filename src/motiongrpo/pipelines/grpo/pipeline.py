from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import keep_policy, post_train


def create_pipeline(**kwargs: object) -> Pipeline:
    """Pretrained denoiser and reward model → `policy`, `grpo_log`, `diversity_log`."""
    return stage(
        "grpo",
        [
            Node(
                post_train,
                inputs={
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "denoiser": "pretrained_denoiser",
                    "reward_model": "reward_model",
                    "state": "grpo_state",
                    "config": "params:grpo",
                    "window": "params:windows",
                    "device": "params:device",
                    "precision": "params:precision",
                },
                outputs=["grpo_log", "diversity_log", "grpo_checkpoints"],
                name="post_train",
            ),
            Node(keep_policy, inputs="grpo_checkpoints", outputs="policy", name="keep_policy"),
        ],
    )
