"""Maps from gendered betas to neutral ones, which users derive from their own body files."""

from pathlib import Path
from typing import Any

from motiongrpo.body.gender_conversion import GenderConversion, load_gender_conversion
from motiongrpo.datasets.base import Dataset, LoadOnly


class GenderConversionDataset(LoadOnly, Dataset[None, GenderConversion | None]):
    """The maps in `file`, or None where no file is named."""

    may_be_absent = True
    reason = "a gender conversion is made by python -m motiongrpo.body.gender_conversion"

    def __init__(self, file: str | None, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata)
        self.file = None if file is None else Path(file).expanduser()

    def load(self) -> GenderConversion | None:
        return None if self.file is None else load_gender_conversion(self.file)
