from kedro.pipeline import Node, Pipeline

from motiongrpo.pipelines.stage import stage

from .nodes import hand_over


def create_pipeline(**kwargs: object) -> Pipeline:
    """`pretrained_denoiser`, `policy` → `egoallo_pretrained_denoiser`, `egoallo_policy`."""
    return stage(
        "egoallo_export",
        [
            Node(
                hand_over,
                inputs="pretrained_denoiser",
                outputs="egoallo_pretrained_denoiser",
                name="export_pretrained_denoiser",
            ),
            Node(hand_over, inputs="policy", outputs="egoallo_policy", name="export_policy"),
        ],
    )
