from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .nodes import score_under_disturbance


def create_pipeline(**kwargs: object) -> Pipeline:
    """The last pretrained and post-trained checkpoints of a run, and of others → `robustness_table`."""
    return stage(
        "robustness",
        [
            node(
                score_under_disturbance,
                "robustness_table",
                pretraining="pretraining_checkpoints",
                grpo="grpo_checkpoints",
                of_runs="models_of_runs",
                run="params:run",
                config="params:robustness",
                evaluation="params:evaluation",
            ),
        ],
    )
