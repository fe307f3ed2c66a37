"""A folder in EgoAllo's layout in the catalog."""

from kedro_datasets._typing import JSONPreview

from motiongrpo.base.checkpoint import Checkpoint, tensor_shapes
from motiongrpo.base.network import architecture_of
from motiongrpo.datasets.base import FolderDataset
from motiongrpo.datasets.previews import json_preview
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo import EgoAlloModel, find_weights, read_egoallo, write_egoallo


class EgoAlloFolder(FolderDataset[Checkpoint, EgoAlloModel]):
    """A denoiser written as EgoAllo would have saved it: `model_config.yaml` and one checkpoint folder."""

    marker = "checkpoints_*/model.safetensors"

    def load(self) -> EgoAlloModel:
        return read_egoallo(self.path, mask_self_attention=True)

    def save(self, data: Checkpoint) -> None:
        config = architecture_of(data, Denoiser)
        write_egoallo(EgoAlloModel(config, data.tensors), self.path, data.header.step)

    def preview(self) -> JSONPreview:
        """The architecture, and the type and shape of every tensor."""
        config, tensors = self.load().config.model_dump(), tensor_shapes(find_weights(self.path))
        return json_preview({"config": config, "tensors": tensors})
