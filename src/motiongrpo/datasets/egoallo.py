"""A folder in EgoAllo's layout in the catalog."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from motiongrpo.base.checkpoint import Checkpoint, tensor_shapes
from motiongrpo.base.network import architecture_of
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, find_weights, read_egoallo, write_egoallo


class EgoAlloFolder(AbstractDataset[Checkpoint, EgoAlloModel]):
    """A denoiser written as EgoAllo would have saved it: `model_config.yaml` and one checkpoint folder."""

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> EgoAlloModel:
        return read_egoallo(self.path, mask_self_attention=True)

    def save(self, data: Checkpoint) -> None:
        config = architecture_of(data, Denoiser)
        write_egoallo(EgoAlloModel(config, data.tensors), self.path, data.header.step)

    def preview(self) -> JSONPreview:
        """The architecture, and what the tensors are."""
        about = {"config": self.load().config.model_dump(), "tensors": tensor_shapes(find_weights(self.path))}
        return JSONPreview(json.dumps(about, indent=2))

    def _exists(self) -> bool:
        return any(self.path.glob("checkpoints_*/model.safetensors"))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}
