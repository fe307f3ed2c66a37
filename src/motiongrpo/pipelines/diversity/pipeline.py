from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage
from motiongrpo.viz.experiments.diversity_figure import diversity_figure

from .nodes import judge_diversity, measure_cells, tabulate_diversity


def create_pipeline(**kwargs: object) -> Pipeline:
    """A checkpoint and the reward model → one file a cell → `diversity_evidence`, its figure and verdict."""
    return stage(
        "diversity",
        [
            Node(
                measure_cells,
                inputs={
                    "motions": "motions",
                    "windows": "windows",
                    "body": "body_model",
                    "pretrained": "pretrained_denoiser",
                    "post_trained": "policy_if_any",
                    "reward_model": "reward_model",
                    "measured": "diversity_cells_so_far",
                    "config": "params:diversity",
                    "grpo": "params:grpo",
                    "window": "params:windows",
                    "device": "params:device",
                },
                outputs="diversity_cells",
                name="measure_cells",
            ),
            Node(
                tabulate_diversity,
                inputs=["diversity_cells", "params:diversity"],
                outputs="diversity_evidence",
                name="tabulate_diversity",
                tags="report",
            ),
            Node(
                diversity_figure,
                inputs="diversity_evidence",
                outputs="diversity_figure",
                name="plot_evidence",
                tags="report",
            ),
            Node(
                judge_diversity,
                inputs="diversity_evidence",
                outputs="diversity_verdict",
                name="judge_diversity",
                tags="report",
            ),
        ],
    )
