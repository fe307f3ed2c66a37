"""Maps from gendered betas to neutral ones, which users derive from their own body files."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from motiongrpo.base.errors import InputError
from motiongrpo.body.gender_conversion import GenderConversion, load_gender_conversion


class GenderConversionDataset(AbstractDataset[None, GenderConversion | None]):
    """The conversion read from the file, or None where no file is named; nodes that need it refuse None."""

    may_be_absent = True

    def __init__(self, file: str | None, metadata: dict[str, Any] | None = None) -> None:
        self.path = None if file is None else Path(file).expanduser()
        self.metadata = metadata

    def load(self) -> GenderConversion | None:
        return None if self.path is None else load_gender_conversion(self.path)

    def save(self, data: None) -> None:
        raise InputError("a gender conversion is made by python -m motiongrpo.body.gender_conversion")

    def _describe(self) -> dict[str, Any]:
        return {"file": self.path}
