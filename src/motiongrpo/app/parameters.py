"""All parameters of the project as one validated record: those of `conf/*/parameters*.yml` and `--params`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from motiongrpo.base.compilation import Compiler
from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.base.precision import Precision
from motiongrpo.base.run_names import RUN, RUNS
from motiongrpo.base.words import counted, shown
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.ablation import AblationConfig, Foundation, PlannedCell, planned, planned_cells
from motiongrpo.experiments.cells import DiversityConfig
from motiongrpo.experiments.robustness import RobustnessConfig
from motiongrpo.metrics.bands import BandConfig
from motiongrpo.metrics.evaluation import EvaluationConfig
from motiongrpo.motion.ingestion import IngestionConfig
from motiongrpo.motion.windows import WindowConfig
from motiongrpo.policy.grpo import GrpoConfig
from motiongrpo.recovery.config import RecoveryConfig
from motiongrpo.rewards.training import RewardModelConfig
from motiongrpo.viz.viewer.server import ViewerConfig


def _demand_home(path: str) -> str:
    """Raise ValueError where a path begins at the home of a user who does not exist on this machine."""
    try:
        Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"'{path}' begins at a home that is not known here; write the path out") from error
    return path


MOST_CHARACTERS = 340  # of an error message
MOST_THREADS = MOST_PROCESSES = 1024
Place = Annotated[str, AfterValidator(_demand_home)]


class ProjectParameters(Config):
    """The settings of a whole run, then one section for each pipeline."""

    run: str = Field(pattern=RUN)  # names the run's folders
    runs: str | None = Field(pattern=RUNS)  # other runs to score and to compare with
    data: Place = Field(min_length=1)  # contains the folders of all runs
    data_root: Place | None  # folder of raw motion
    body: Place | None  # body file or release folder; None is the open body
    gender: Literal["neutral", "female", "male"]  # of the body, where `body` is a release folder
    gender_conversion: Place | None  # file of maps from gendered betas to neutral ones
    device: str = Field(pattern=r"^(cpu|cuda(:\d+)?|mps)$")
    precision: Precision  # of the denoiser's forward pass, while it trains
    compiler: Compiler | None  # of that pass; None leaves it uncompiled
    threads: int | None = Field(ge=1, le=MOST_THREADS)  # of torch; None leaves torch's default
    processes: int | None = Field(ge=1, le=MOST_PROCESSES)  # of each training; None is two on a CPU, else one
    engine: Literal["local", "ray"]  # where cells of studies, scores, files and chunks are computed
    ray_address: str | None = Field(pattern=r"^(auto|[\w.-]+:\d+)$")  # of a cluster; None starts one here
    ingestion: IngestionConfig
    windows: WindowConfig
    pretraining: PretrainingConfig
    reward_model: RewardModelConfig
    grpo: GrpoConfig
    evaluation: EvaluationConfig
    bands: BandConfig
    ablation: AblationConfig
    diversity: DiversityConfig
    recovery: RecoveryConfig
    robustness: RobustnessConfig
    viewer: ViewerConfig

    @model_validator(mode="after")
    def build_every_cell(self) -> "ProjectParameters":
        """Build every cell of the ablation once, so that an invalid one is refused by name before a run."""
        for name in self.ablation.cells:
            planned(name, self.ablation.pace.seeds[0], self.ablation, self._foundation)
        return self

    @model_validator(mode="after")
    def let_every_process_have_its_device(self) -> "ProjectParameters":
        if (self.processes or 1) > 1 and self.device not in ("cpu", "cuda"):
            raise ValueError(f"processes above 1 need device cpu or cuda, got {self.device}")
        return self

    @model_validator(mode="after")
    def let_ray_choose_devices(self) -> "ProjectParameters":
        if self.ray_address is not None and self.engine != "ray":
            raise ValueError(f"ray_address={self.ray_address} needs engine=ray, got {self.engine}")
        if self.engine == "ray" and ":" in self.device:
            raise ValueError(
                f"engine=ray gives every job a GPU of its own: pass device=cuda, not {self.device}"
            )
        return self

    def planned(self) -> list[PlannedCell]:
        """Every chosen cell of the ablation, under every seed."""
        return planned_cells(self.ablation, self._foundation)

    @property
    def _foundation(self) -> Foundation:
        return Foundation(self.grpo, self.pretraining, self.evaluation.sampling)


def validated(parameters: dict[str, Any]) -> ProjectParameters:
    """The parameters as a record; InputError with as many faults as fit, by full parameter names."""
    try:
        return ProjectParameters.model_validate(parameters)
    except ValidationError as error:
        first, *others = (shown(_sentence(fault), MOST_CHARACTERS) for fault in error.errors())
        while others and len(first) + len(others[0]) < MOST_CHARACTERS:
            first = f"{first}; {others.pop(0)}"
        more = f"; and {counted(len(others), 'fault')} more" if others else ""
        raise InputError(first + more) from error


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":
        return f"parameter {where}: {message}" if where else message
    given = "" if fault["type"] == "missing" else f", got {shown(repr(fault['input']))}"
    return f"parameter {where}: {message[0].lower()}{message[1:]}{given}"
