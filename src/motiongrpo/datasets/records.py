"""Datasets of records: JSON files that one node writes and others read, each of one type."""

import json
from typing import Annotated, Any

from kedro_datasets._typing import JSONPreview
from pydantic import AfterValidator, TypeAdapter

from motiongrpo.base.files import replace_text
from motiongrpo.base.records import read_record
from motiongrpo.datasets.base import FileDataset
from motiongrpo.datasets.previews import json_preview
from motiongrpo.diffusion.candidates import Candidate
from motiongrpo.experiments.bench import PlanRow
from motiongrpo.metrics.standing import Standing
from motiongrpo.rewards.examination import ExaminationReport
from motiongrpo.viz.clips.example import RANKS
from motiongrpo.viz.clips.scene import DrawnScene
from motiongrpo.viz.report.findings import Finding
from motiongrpo.viz.report.report import DataFacts, RunFacts
from motiongrpo.viz.report.tables import WindowRow


def _each_once(found: list[Candidate]) -> list[Candidate]:
    names = [candidate.name for candidate in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"'{twice}' is there twice")
    return found


def _every_rank(scenes: dict[str, Any]) -> dict[str, Any]:
    if lacking := [rank for rank in RANKS if rank not in scenes]:
        raise ValueError(f"there is no '{lacking[0]}'")
    return scenes


class RecordFile(FileDataset[Any, Any]):
    """A record as JSON, written all or nothing; InputError on reading one that is not of its `kind`."""

    kind: TypeAdapter[Any]
    indent: int | None = 2

    def load(self) -> Any:
        return self.kind.dump_python(read_record(self.filepath, self.kind))

    def save(self, data: Any) -> None:
        replace_text(self.filepath, json.dumps(data, indent=self.indent, ensure_ascii=False))

    def preview(self) -> JSONPreview:
        """The whole record."""
        return json_preview(self.load())


class CandidateList(RecordFile):
    """The denoisers that can be scored."""

    kind = TypeAdapter(Annotated[list[Candidate], AfterValidator(_each_once)])


class StandingList(RecordFile):
    """Whether each score is current."""

    kind = TypeAdapter(list[Standing])


class FindingList(RecordFile):
    """Sentences made from the numbers of a run or study."""

    kind = TypeAdapter(list[Finding])


class RunRecord(RecordFile):
    """The run and its trainings."""

    kind = TypeAdapter(RunFacts)


class DataRecord(RecordFile):
    """The motion of a run."""

    kind = TypeAdapter(DataFacts)


class WindowList(RecordFile):
    """Held-out windows with their errors."""

    kind = TypeAdapter(list[WindowRow])


class Scenes(RecordFile):
    """The held-out windows that are drawn, by rank."""

    kind = TypeAdapter(Annotated[dict[str, DrawnScene], AfterValidator(_every_rank)])
    indent = None


class AblationPlan(RecordFile):
    """The cells of an ablation under every seed."""

    kind = TypeAdapter(list[PlanRow])


class RewardReport(RecordFile):
    """The examination of a reward model."""

    kind = TypeAdapter(ExaminationReport)
