"""Datasets of the body file, and of the maps between gendered shape spaces."""

from pathlib import Path
from typing import Any

from kedro_datasets._typing import JSONPreview

from motiongrpo.body.body_model import OPEN_BODY, BodyModel, find_body_file, load_body_model
from motiongrpo.body.gender_conversion import GenderConversion, load_gender_conversion
from motiongrpo.body.skeleton import Joint
from motiongrpo.datasets.base import Dataset, FileDataset, LoadOnly
from motiongrpo.datasets.previews import json_preview


class BodyModelDataset(LoadOnly, FileDataset[None, BodyModel]):
    """A body in SMPL-H format; `file` is a file, a release folder, or None for the open body."""

    may_be_absent = True
    reason = "body files are never written"

    def __init__(
        self, file: str | None, gender: str = "neutral", metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(str(OPEN_BODY) if file is None else file, metadata)
        self.gender = gender

    def load(self) -> BodyModel:
        return load_body_model(find_body_file(self.filepath, self.gender))

    def preview(self) -> JSONPreview:
        """The name and digest of the body, and its rest joints, in metres."""
        body = self.load()
        points = zip(Joint, body.rest_joints.base.tolist(), strict=True)
        at_rest = {joint.name.lower(): point for joint, point in points}
        return json_preview({"name": body.name, "digest": body.digest, "rest_joints_m": at_rest})


class GenderConversionDataset(LoadOnly, Dataset[None, GenderConversion | None]):
    """The maps in `file`, or None where no file is named."""

    may_be_absent = True
    reason = "a gender conversion is made by python -m motiongrpo.body.gender_conversion"

    def __init__(self, file: str | None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.file = None if file is None else Path(file).expanduser()

    def load(self) -> GenderConversion | None:
        return None if self.file is None else load_gender_conversion(self.file)
