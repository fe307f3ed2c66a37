from kedro.pipeline import Pipeline

from motiongrpo.pipelines.evaluation.pipeline import comparing
from motiongrpo.pipelines.stage import node, stage
from motiongrpo.viz.figures.curves import diversity_curves, learning_curves, reward_curves
from motiongrpo.viz.figures.error_figures import error_by_activity, error_by_joint, error_over_time
from motiongrpo.viz.figures.reliability import reliability_by_joint, reliability_figure

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
    own = [
        node(learning_curves, "learning_curves", "plot_learning"),
        node(reward_curves, "reward_curves", "plot_rewards"),
        node(diversity_curves, "diversity_curves", "plot_diversity"),
        node(plot_comparison, "comparison_figure"),
        node(sample_held_out, ["error_profile", "scenes"], config="params:evaluation"),
        node(error_by_joint, "error_by_joint", "plot_error_by_joint", profile="error_profile"),
        node(error_by_activity, "error_by_activity", "plot_error_by_activity", profile="error_profile"),
        node(error_over_time, "error_over_time", "plot_error_over_time", profile="error_profile"),
        node(reliability_figure, "reliability_figure", "plot_reliability"),
        node(reliability_by_joint, "reliability_by_joint", "plot_reliability_by_joint"),
        node(render_clips, ["best_clip", "median_clip", "worst_clip"]),
        node(draw_motion, "motion_figure"),
        node(describe_run, "run_facts", found="checkpoints_found"),
        node(describe_data, "data_facts"),
        node(find_what_matters, "findings", standings="score_standings"),
        node(find_worst_windows, "worst_windows"),
        node(write_report, "report"),
    ]
    return comparing() + stage("reporting", own, tags="report")
