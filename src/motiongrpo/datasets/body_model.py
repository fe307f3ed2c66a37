"""The body file in the catalog: the open body that the package ships, or the user's own."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from motiongrpo.body.body_model import OPEN_BODY, BodyModel, find_body_file, load_body_model
from motiongrpo.errors import InputError


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

    def _describe(self) -> dict[str, Any]:
        return {"file": self.path, "gender": self.gender}
