from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, report, stage

from .nodes import (
    judge_ablation,
    lay_out_bench,
    plan_ablation,
    plot_ablation,
    plot_proxy_gold,
    run_ablation,
    tabulate_ablation,
)


def create_pipeline(**kwargs: object) -> Pipeline:
    """Pretrained denoiser and reward model → every cell → `ablation_table`, figures, `ablation_verdict`."""
    made = [
        node(
            lay_out_bench,
            "ablation_bench",
            trained="ablation_trained_so_far",
            scored="ablation_scored_so_far",
        ),
        node(plan_ablation, "ablation_plan", bench="ablation_bench"),
        node(
            run_ablation,
            ["ablation_logs", "ablation_checkpoints", "ablation_scores"],
            bench="ablation_bench",
        ),
    ]
    read = {
        "plan": "ablation_plan",
        "scores": "ablation_scores",
        "evaluation": "params:evaluation",
        "config": "params:ablation",
    }
    shown = [
        node(tabulate_ablation, "ablation_table", **read),
        node(plot_ablation, "ablation_figure", **read),
        node(plot_proxy_gold, "proxy_gold_figure", **read),
        node(judge_ablation, "ablation_verdict", **read),
    ]
    return stage("ablation", made) + report("ablation", shown)
