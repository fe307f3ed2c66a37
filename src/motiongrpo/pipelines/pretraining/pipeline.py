from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import keep_denoiser, train_denoiser


def create_pipeline(**kwargs: object) -> Pipeline:
    """Motion → `pretraining_checkpoints`, `pretraining_log`, `pretrained_denoiser`."""
    return stage(
        "pretraining",
        [
            Node(
                train_denoiser,
                inputs={
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "state": "pretraining_state",
                    "config": "params:pretraining",
                    "window": "params:windows",
                    "device": "params:device",
                    "precision": "params:precision",
                },
                outputs=["pretraining_log", "pretraining_checkpoints"],
                name="train_denoiser",
            ),
            Node(
                keep_denoiser,
                inputs="pretraining_checkpoints",
                outputs="pretrained_denoiser",
                name="keep_denoiser",
            ),
        ],
    )
