from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import (
    judge_ablation,
    lay_out_bench,
    plan_ablation,
    plot_ablation,
    plot_proxy_gold,
    run_ablation,
    tabulate_ablation,
)

GIVEN = {
    "motions": "motions",
    "windows": "windows",
    "body": "body_model",
    "denoiser": "pretrained_denoiser",
    "reward_model": "reward_model",
    "trained": "ablation_trained_so_far",
    "scored": "ablation_scored_so_far",
    "parameters": "parameters",
    "device": "params:device",
    "precision": "params:precision",
}
FOUND = ["ablation_plan", "ablation_scores", "params:evaluation"]


def create_pipeline(**kwargs: object) -> Pipeline:
    """Pretrained denoiser and reward model → every cell → `ablation_table`, figures, `ablation_verdict`."""
    return stage(
        "ablation",
        [
            Node(lay_out_bench, GIVEN, "ablation_bench", name="lay_out_bench"),
            Node(plan_ablation, "ablation_bench", "ablation_plan", name="plan_ablation"),
            Node(
                run_ablation,
                "ablation_bench",
                ["ablation_logs", "ablation_checkpoints", "ablation_scores"],
                name="run_ablation",
            ),
            Node(tabulate_ablation, FOUND, "ablation_table", name="tabulate_ablation", tags="report"),
            Node(plot_ablation, FOUND, "ablation_figure", name="plot_ablation", tags="report"),
            Node(
                plot_proxy_gold,
                [*FOUND, "params:ablation"],
                "proxy_gold_figure",
                name="plot_proxy_gold",
                tags="report",
            ),
            Node(
                judge_ablation,
                [*FOUND, "params:ablation"],
                "ablation_verdict",
                name="judge_ablation",
                tags="report",
            ),
        ],
    )
