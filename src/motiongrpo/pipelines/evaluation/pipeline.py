from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .comparing import compare_checkpoints, compare_runs, write_runs_page
from .nodes import find_checkpoints, score_checkpoints


def create_pipeline(**kwargs: object) -> Pipeline:
    """All checkpoints found → one score file each → `comparison`, `runs_comparison`."""
    score = Node(
        score_checkpoints,
        inputs={
            "found": "checkpoints_found",
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
    )
    return stage("evaluation", [score]) + comparing()


def comparing() -> Pipeline:
    """What is made of the scores that lie on disk; reporting makes it anew."""
    nodes = [
        Node(
            find_checkpoints,
            inputs={
                "pretraining": "pretraining_checkpoints",
                "grpo": "grpo_checkpoints",
                "beside": "other_checkpoints",
                "of_runs": "models_of_runs",
                "run": "params:run",
            },
            outputs="checkpoints_found",
            name="find_checkpoints",
        ),
        Node(
            compare_checkpoints,
            inputs={
                "found": "checkpoints_found",
                "scores": "scores",
                "motions": "motions",
                "windows": "windows",
                "body": "body_model",
                "config": "params:evaluation",
                "window": "params:windows",
            },
            outputs=["comparison", "score_standings"],
            name="compare_checkpoints",
        ),
        Node(
            compare_runs,
            inputs=["checkpoints_found", "scores", "params:evaluation"],
            outputs="runs_comparison",
            name="compare_runs",
        ),
        Node(
            write_runs_page,
            inputs="runs_comparison",
            outputs=["runs_figure", "runs_page"],
            name="write_runs_page",
        ),
    ]
    return stage("evaluation", nodes, tags="report")
