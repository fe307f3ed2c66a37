from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import keep_reward_model, train_reward_model


def create_pipeline(**kwargs: object) -> Pipeline:
    """Motion and the pretrained denoiser → `reward_model`, `reward_log`, `reward_report`."""
    return stage(
        "reward_model",
        [
            node(
                train_reward_model,
                ["reward_log", "reward_checkpoints"],
                state="reward_state",
                config="params:reward_model",
            ),
            node(
                keep_reward_model,
                ["reward_model", "reward_report"],
                checkpoints="reward_checkpoints",
                config="params:reward_model",
            ),
        ],
    )
