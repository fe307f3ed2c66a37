from kedro.pipeline import Pipeline

from motiongrpo.pipelines.stage import node, stage
from motiongrpo.viz.experiments.diversity_figure import diversity_figure

from .nodes import judge_diversity, measure_cells, tabulate_diversity

EVIDENCE = "diversity_evidence"


def create_pipeline(**kwargs: object) -> Pipeline:
    """A checkpoint and the reward model → one file a cell → `diversity_evidence`, its figure and verdict."""
    measuring = node(
        measure_cells,
        "diversity_cells",
        post_trained="policy_if_any",
        measured="diversity_cells_so_far",
        config="params:diversity",
        grpo="params:grpo",
    )
    shown = [
        node(tabulate_diversity, EVIDENCE, measured="diversity_cells", config="params:diversity"),
        node(diversity_figure, "diversity_figure", "plot_evidence", evidence=EVIDENCE),
        node(judge_diversity, "diversity_verdict", table=EVIDENCE),
    ]
    return stage("diversity", [measuring]) + stage("diversity", shown, tags="report")
