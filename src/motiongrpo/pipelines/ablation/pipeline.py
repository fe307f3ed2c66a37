from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage
from motiongrpo.viz.experiments.ablation_figures import ablation_figure, proxy_gold_figure
from motiongrpo.viz.experiments.ablation_table import ablation_table

from .nodes import judge_ablation, lay_out_bench, plan_ablation, read_results, run_ablation


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
    read = {"results": "ablation_results", "config": "params:ablation"}
    shown = [
        node(
            read_results,
            "ablation_results",
            plan="ablation_plan",
            scores="ablation_scores",
            evaluation="params:evaluation",
        ),
        node(ablation_table, "ablation_table", "tabulate_ablation", **read),
        node(ablation_figure, "ablation_figure", "plot_ablation", **read),
        node(proxy_gold_figure, "proxy_gold_figure", "plot_proxy_gold", **read),
        node(judge_ablation, "ablation_verdict", **read),
    ]
    return stage("ablation", made) + stage("ablation", shown, tags="report")
