from kedro.pipeline import Node, Pipeline

from .nodes import compare_checkpoints, score_checkpoints


def create_pipeline(**kwargs: object) -> Pipeline:
    """All checkpoints found → one score file each → `comparison`."""
    return Pipeline(
        [
            Node(
                score_checkpoints,
                inputs={
                    "pretraining": "pretraining_checkpoints",
                    "grpo": "grpo_checkpoints",
                    "scored": "scores_so_far",
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "config": "params:evaluation",
                    "window": "params:windows",
                    "device": "params:device",
                },
                outputs="scores",
                name="score_checkpoints",
            ),
            Node(
                compare_checkpoints,
                inputs=["scores", "params:evaluation"],
                outputs="comparison",
                name="compare_checkpoints",
                tags="report",
            ),
        ]
    )
