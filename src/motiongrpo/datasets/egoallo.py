"""A folder in EgoAllo's layout in the catalog."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from motiongrpo.checkpoint import Checkpoint
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.egoallo import EgoAlloModel, read_egoallo, write_egoallo


class EgoAlloFolder(AbstractDataset[Checkpoint, EgoAlloModel]):
    """A denoiser written as EgoAllo would have saved it: `model_config.yaml` and one checkpoint folder."""

    def __init__(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> EgoAlloModel:
        return read_egoallo(self.path, mask_self_attention=True)

    def save(self, data: Checkpoint) -> None:
        config = DenoiserConfig(**data.header.architecture)
        write_egoallo(EgoAlloModel(config, data.tensors), self.path, data.header.step)

    def _exists(self) -> bool:
        return any(self.path.glob("checkpoints_*/model.safetensors"))

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}
