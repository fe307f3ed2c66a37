"""The body file in the catalog: the open body that the package ships, or the user's own."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY, BodyModel, find_body_file, load_body_model
from motiongrpo.body.skeleton import Joint


class BodyModelDataset(AbstractDataset[None, BodyModel]):
    """`file` is a file or a release folder; None is the open body."""

    may_be_absent = True  # its absence has a sentence of its own

    def __init__(
        self, file: str | None, gender: str = "neutral", metadata: dict[str, Any] | None = None
    ) -> None:
        self.path = OPEN_BODY if file is None else Path(file).expanduser()
        self.gender, self.metadata = gender, metadata

    def load(self) -> BodyModel:
        return load_body_model(find_body_file(self.path, self.gender))

    def save(self, data: None) -> None:
        raise InputError("body files are never written")

    def preview(self) -> JSONPreview:
        """What the file gives."""
        body = self.load()
        at_rest = {
            joint.name.lower(): point
            for joint, point in zip(Joint, body.rest_joints.base.tolist(), strict=True)
        }
        return JSONPreview(
            json.dumps({"name": body.name, "digest": body.digest, "rest_joints_m": at_rest}, indent=2)
        )

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path, "gender": self.gender}
