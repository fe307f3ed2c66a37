"""The mean of the weights of denoisers with the same initial weights, as a checkpoint from elsewhere.

    python tools/mean_of_weights.py data/06_models/RUN/others/mean.safetensors A.safetensors B.safetensors …

Fine-tunings from the same weights under several seeds differ by the noise of their gradients. The mean of
their weights has less of it, at the cost of one network (Wortsman et al. 2022, "Model soups",
arXiv:2203.05482). Evaluation scores the file like all others in `others/`.
"""

import sys
from pathlib import Path

import torch

from motiongrpo.base.checkpoint import Checkpoint, digest_of, load_checkpoint, save_checkpoint
from motiongrpo.base.errors import InputError


def mean_of(checkpoints: list[Checkpoint]) -> Checkpoint:
    """A checkpoint with the header of the first; InputError where the networks differ."""
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if other.header.architecture != first.header.architecture:
            raise InputError(f"{other.name} and {first.name} are of two architectures and have no mean")
        if other.header.body_digest != first.header.body_digest:
            raise InputError(f"{other.name} and {first.name} were trained on two body files and have no mean")
    tensors = {
        name: torch.stack([c.tensors[name].double() for c in checkpoints]).mean(dim=0).to(tensor)
        for name, tensor in first.tensors.items()
    }
    made_of = {"mean_of_weights": digest_of(*(c.header.weights for c in checkpoints))}
    header = first.header.model_copy(update={"inputs": first.header.inputs | made_of, "metrics": {}})
    return Checkpoint(header, tensors)


def main(target: Path, files: list[Path]) -> None:
    try:
        save_checkpoint(mean_of([load_checkpoint(file, "denoiser") for file in files]), target)
    except InputError as error:
        raise SystemExit(f"Error: {error}") from error


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]])
