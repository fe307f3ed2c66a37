"""Export: what a run made, in EgoAllo's layout."""

from motiongrpo.base.checkpoint import Checkpoint


def hand_over(denoiser: Checkpoint) -> Checkpoint:
    """The denoiser as it is; the dataset it is saved to writes EgoAllo's files."""
    return denoiser
