from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import keep_reward_model, train_reward_model


def create_pipeline(**kwargs: object) -> Pipeline:
    """Motion and the pretrained denoiser → `reward_model`, `reward_log`, `reward_report`."""
    shared = {
        "motions": "motions",
        "windows": "windows",
        "body": "body_model",
        "denoiser": "pretrained_denoiser",
        "config": "params:reward_model",
        "window": "params:windows",
    }
    return stage(
        "reward_model",
        [
            Node(
                train_reward_model,
                inputs=shared | {"state": "reward_state", "device": "params:device"},
                outputs=["reward_log", "reward_checkpoints"],
                name="train_reward_model",
            ),
            Node(
                keep_reward_model,
                inputs=shared | {"checkpoints": "reward_checkpoints"},
                outputs=["reward_model", "reward_report"],
                name="keep_reward_model",
            ),
        ],
    )
