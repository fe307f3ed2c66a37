from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import keep_denoiser, train_denoiser


def create_pipeline(**kwargs: object) -> Pipeline:
    """Motion → `pretraining_checkpoints`, `pretraining_log`, `pretrained_denoiser`."""
    return stage(
        "pretraining",
        [
            node(
                train_denoiser,
                ["pretraining_log", "pretraining_checkpoints"],
                state="pretraining_state",
                config="params:pretraining",
                evaluation="params:evaluation",
            ),
            node(keep_denoiser, "pretrained_denoiser", checkpoints="pretraining_checkpoints"),
        ],
    )
