from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.evaluation.pipeline import comparing
from motiongrpo.pipelines.stage import stage
from motiongrpo.viz.figures.curves import diversity_curves, learning_curves, reward_curves
from motiongrpo.viz.figures.error_figures import error_by_activity, error_by_joint, error_over_time

from .motions import draw_motion, render_clips, sample_held_out
from .nodes import (
    describe_data,
    describe_run,
    find_what_matters,
    find_worst_windows,
    plot_comparison,
    write_report,
)


def create_pipeline(**kwargs: object) -> Pipeline:
    """Logs, scores and motion of one run → figures, `report`."""
    own = stage(
        "reporting",
        [
            Node(learning_curves, ["pretraining_log", "reward_log"], "learning_curves", name="plot_learning"),
            Node(reward_curves, ["grpo_log", "comparison"], "reward_curves", name="plot_rewards"),
            Node(diversity_curves, "diversity_log", "diversity_curves", name="plot_diversity"),
            Node(plot_comparison, "comparison", "comparison_figure", name="plot_comparison"),
            Node(
                sample_held_out,
                inputs={
                    "scores": "scores",
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "pretrained": "pretrained_denoiser",
                    "policy": "policy",
                    "config": "params:evaluation",
                    "window": "params:windows",
                    "device": "params:device",
                },
                outputs=["error_profile", "scenes"],
                name="sample_held_out",
            ),
            Node(error_by_joint, "error_profile", "error_by_joint", name="plot_error_by_joint"),
            Node(error_by_activity, "error_profile", "error_by_activity", name="plot_error_by_activity"),
            Node(error_over_time, "error_profile", "error_over_time", name="plot_error_over_time"),
            Node(render_clips, "scenes", ["best_clip", "median_clip", "worst_clip"], name="render_clips"),
            Node(draw_motion, "scenes", "motion_figure", name="draw_motion"),
            Node(
                describe_run,
                inputs=["pretrained_denoiser", "reward_model", "policy", "parameters"],
                outputs="run_facts",
                name="describe_run",
            ),
            Node(
                describe_data,
                inputs=["motions", "windows", "ingestion_report"],
                outputs="data_facts",
                name="describe_data",
            ),
            Node(
                find_what_matters,
                inputs={
                    "comparison": "comparison",
                    "standings": "score_standings",
                    "pretraining_log": "pretraining_log",
                    "reward_report": "reward_report",
                    "grpo_log": "grpo_log",
                    "ingestion_report": "ingestion_report",
                },
                outputs="findings",
                name="find_what_matters",
            ),
            Node(
                find_worst_windows,
                inputs=["scores", "motions", "pretrained_denoiser", "policy"],
                outputs="worst_windows",
                name="find_worst_windows",
            ),
            Node(
                write_report,
                inputs={
                    "run_facts": "run_facts",
                    "data_facts": "data_facts",
                    "findings": "findings",
                    "worst": "worst_windows",
                    "comparison": "comparison",
                    "reward_report": "reward_report",
                    "figure": "comparison_figure",
                    "scenes": "scenes",
                    "motion": "motion_figure",
                    "error_by_joint": "error_by_joint",
                    "error_by_activity": "error_by_activity",
                    "error_over_time": "error_over_time",
                    "learning": "learning_curves",
                    "rewards": "reward_curves",
                    "diversity": "diversity_curves",
                },
                outputs="report",
                name="write_report",
            ),
        ],
        tags="report",
    )
    return comparing() + own
