from kedro.pipeline import Pipeline

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.pipelines.stage import node, stage


def hand_over(denoiser: Checkpoint) -> Checkpoint:
    """The denoiser unchanged; the dataset that it is saved to writes EgoAllo's files."""
    return denoiser


def create_pipeline(**kwargs: object) -> Pipeline:
    """`pretrained_denoiser`, `policy` → `egoallo_pretrained_denoiser`, `egoallo_policy`."""
    return stage(
        "egoallo_export",
        [
            node(hand_over, "egoallo_pretrained_denoiser", "export_pretrained_denoiser"),
            node(hand_over, "egoallo_policy", "export_policy", denoiser="policy"),
        ],
    )
