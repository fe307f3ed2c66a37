from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage

from .calibrating import calibrate_bands, check_bands
from .comparing import compare_checkpoints, compare_runs, write_runs_page
from .nodes import find_checkpoints, find_training_motion, score_checkpoints


def create_pipeline(**kwargs: object) -> Pipeline:
    """All checkpoints found → one score file each → `comparison` and that by source, `runs_comparison`.

    The bands of the run's final model are calibrated on validation motion and checked on test motion.
    """
    score = node(
        score_checkpoints,
        "scores",
        found="checkpoints_found",
        scored="scores_so_far",
        training="training_motion",
        config="params:evaluation",
    )
    drawn = {"found": "checkpoints_found", "config": "params:evaluation", "bands": "params:bands"}
    calibrate = node(calibrate_bands, "band_calibration", so_far="band_calibration_if_any", **drawn)
    check = node(check_bands, "band_reliability", **drawn)
    return stage("evaluation", [score, calibrate, check]) + comparing()


def comparing() -> Pipeline:
    """The nodes that compare the scores on disk, which reporting runs again."""
    of_evaluation = {"found": "checkpoints_found", "config": "params:evaluation"}
    return stage(
        "evaluation",
        [
            node(find_training_motion, "training_motion", of_runs="motion_of_runs", run="params:run"),
            node(
                find_checkpoints,
                "checkpoints_found",
                pretraining="pretraining_checkpoints",
                grpo="grpo_checkpoints",
                beside="other_checkpoints",
                of_runs="models_of_runs",
                run="params:run",
                training="training_motion",
                config="params:evaluation",
            ),
            node(
                compare_checkpoints,
                ["comparison", "comparison_by_source", "score_standings"],
                **of_evaluation,
            ),
            node(compare_runs, "runs_comparison", **of_evaluation),
            node(write_runs_page, ["runs_figure", "runs_page"]),
        ],
        tags="report",
    )
