"""The cells of an ablation: their changes to the parameters of the run, and the resulting parameters.

A cell is a GRPO with some parameters changed, or a control with the same compute. Changes are nested mappings
merged into `grpo`, `pretraining` or `evaluation.sampling`, and validated like those.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from motiongrpo.base.config import Config, nearest
from motiongrpo.base.optimisation import OptimiserConfig
from motiongrpo.base.seeds import seed_for
from motiongrpo.diffusion.sampler import SamplingConfig
from motiongrpo.diffusion.training import PretrainingConfig
from motiongrpo.experiments.compute import TRAINED, grpo_evaluations, steps_within
from motiongrpo.experiments.published import PublishedRow
from motiongrpo.experiments.scoring import Taken
from motiongrpo.experiments.supervised import SupervisedConfig
from motiongrpo.metrics.baselines import Placement
from motiongrpo.policy.grpo import GrpoConfig

PRETRAINED = "pretrained"  # the cell that all others are compared with; it always exists
PACE = ("updates", "checkpoint_every", "seed")  # of a GRPO; the ablation sets them for all cells
UNSEEN = {"diagnostics": {"every": None}}  # diagnostics take time and change no result

Changes = dict[str, Any]
AnyConfig = TypeVar("AnyConfig", bound=Config)


class GrpoCell(Config):
    """GRPO with some of its parameters changed."""

    kind: Literal["grpo"]
    changes: Changes  # to `grpo`
    published: PublishedRow | None  # the corresponding row of the paper


class LongerCell(Config):
    """GRPO with more updates than the other cells, to see whether a longer run gains more."""

    kind: Literal["longer"]
    times: int = Field(ge=2)  # factor on the updates of all others
    changes: Changes  # onto `grpo`


class ContinuedCell(Config):
    """Pretraining continued from the pretrained weights, with as much compute as GRPO."""

    kind: Literal["continued"]
    changes: Changes  # to `pretraining`


class SupervisedCell(Config):
    """Supervised fine-tuning on GRPO's joint terms, with as much compute as GRPO."""

    kind: Literal["supervised"]
    batch_size: int = Field(ge=1)
    optimiser: OptimiserConfig


class CandidatesCell(Config):
    """The pretrained model, with each motion selected from several samples."""

    kind: Taken
    candidates: int = Field(ge=2)


class SamplerCell(Config):
    """The pretrained model under another sampler."""

    kind: Literal["sampler"]
    changes: Changes  # to `evaluation.sampling`


class BaselineCell(Config):
    """The mean pose of the training motion in every frame, which a prior has to beat."""

    kind: Literal["baseline"]
    placement: Placement


Cell = Annotated[
    GrpoCell | LongerCell | ContinuedCell | SupervisedCell | CandidatesCell | SamplerCell | BaselineCell,
    Field(discriminator="kind"),
]


class Pace(Config):
    """The length of all trainings, their seeds, and the number of windows they are scored on."""

    seeds: list[int] = Field(min_length=1)
    updates: int = Field(ge=1)  # of GRPO; controls have the same compute
    checkpoint_every: int = Field(ge=1)  # updates; a control has as many checkpoints
    windows: int = Field(ge=1)  # of the test split, for every checkpoint; as many of training

    @model_validator(mode="after")
    def count_no_seed_twice(self) -> "Pace":
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds must differ and be at least 0, got {self.seeds}")
        return self


class Grid(Config):
    """The cells of the 2×2 grid: with and without perceptual reward, and noise injection."""

    neither: str
    perceptual: str
    injection: str
    both: str


class Scopes(Config):
    """The cells that differ only in the scope of a noise track."""

    group: str
    sample: str
    nested: str


class AblationConfig(Config):
    """The cells, which of them run, and the lengths of their trainings."""

    quick: bool  # `short` instead of `full`
    full: Pace
    short: Pace
    only: list[str] | None  # the cells to run and compare; None is all
    grid: Grid
    scopes: Scopes
    drift: str  # the cell that is trained like `grid.neither` but without information in its rewards
    cells: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Cell]

    @property
    def pace(self) -> Pace:
        return self.short if self.quick else self.full

    @property
    def chosen(self) -> dict[str, Cell]:
        """The cells that run, in the order of the parameters."""
        return {name: cell for name, cell in self.cells.items() if self.only is None or name in self.only}

    @field_validator("only", mode="before")
    @classmethod
    def take_names_from_a_command(cls, value: object) -> object:
        """`only=a;b`: Kedro's --params splits at commas."""
        return value.split(";") if isinstance(value, str) else value

    @model_validator(mode="after")
    def name_only_cells(self) -> "AblationConfig":
        if PRETRAINED in self.cells:
            raise ValueError(f"a cell must not be called '{PRETRAINED}': it is always there")
        grpo = [name for name, cell in self.cells.items() if isinstance(cell, GrpoCell)]
        roles = [*self.grid.model_dump().values(), *self.scopes.model_dump().values(), self.drift]
        for names, valid, kind in ((self.only or [], list(self.cells), "cell"), (roles, grpo, "grpo cell")):
            for name in names:
                if name not in valid:
                    raise ValueError(f"'{name}' is not a {kind} of the ablation; {nearest(name, valid)}")
        return self


@dataclass(frozen=True)
class Foundation:
    """The parameters of the run, which cells change."""

    grpo: GrpoConfig
    pretraining: PretrainingConfig
    sampling: SamplingConfig  # of the evaluation


@dataclass(frozen=True)
class PlannedCell:
    """One cell under one seed, with everything that determines its result except the data."""

    cell: str
    seed: int
    kind: str
    training: GrpoConfig | PretrainingConfig | SupervisedConfig | None  # None: the pretrained model as it is
    sampling: SamplingConfig
    candidates: int  # from which one is selected
    evaluations: int  # network evaluations in training, in samples
    published: PublishedRow | None = None
    taken: Taken = "best_of"
    placement: Placement | None = None  # of the constant pose of a baseline

    @property
    def steps(self) -> int:
        """The length of the training: updates of GRPO, gradient steps of a control."""
        if self.training is None:
            return 0
        return self.training.updates if isinstance(self.training, GrpoConfig) else self.training.steps

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that have to be equal for two results to be comparable."""
        training = {} if self.training is None else self.training.model_dump(mode="json")
        placement = {"placement": self.placement} if self.placement else {}
        return {"kind": self.kind, "training": training} | placement


def planned_cells(config: AblationConfig, foundation: Foundation) -> list[PlannedCell]:
    """All cells under the first seed, then under the next; raises ValueError naming a faulty cell.

    In this order, a run that is stopped early can compare all cells under fewer seeds.
    """
    plan = []
    for seed in config.pace.seeds:
        plan.append(PlannedCell(PRETRAINED, seed, PRETRAINED, None, foundation.sampling, 1, 0))
        plan += [planned(name, seed, config, foundation) for name in config.chosen]
    return plan


def planned(name: str, seed: int, config: AblationConfig, foundation: Foundation) -> PlannedCell:
    """One cell under one seed."""
    cell, sampling = config.cells[name], foundation.sampling
    match cell:
        case GrpoCell() | LongerCell():
            grpo = grpo_of(name, seed, config, foundation)
            row = cell.published if isinstance(cell, GrpoCell) else None
            return PlannedCell(name, seed, "grpo", grpo, sampling, 1, grpo_evaluations(grpo), row)
        case CandidatesCell():
            return PlannedCell(name, seed, cell.kind, None, sampling, cell.candidates, 0, taken=cell.kind)
        case SamplerCell():
            return PlannedCell(name, seed, cell.kind, None, merged(name, sampling, cell.changes), 1, 0)
        case BaselineCell():
            return PlannedCell(name, seed, cell.kind, None, sampling, 1, 0, placement=cell.placement)
        case ContinuedCell() | SupervisedCell():
            control = control_of(name, seed, config, foundation)
            evaluations = TRAINED * control.steps * control.batch_size
            return PlannedCell(name, seed, cell.kind, control, sampling, 1, evaluations)


def grpo_of(name: str, seed: int, config: AblationConfig, foundation: Foundation) -> GrpoConfig:
    """The parameters of a GRPO cell."""
    cell = config.cells[name]
    assert isinstance(cell, GrpoCell | LongerCell)  # checked with the parameters
    for field in PACE:
        if field in cell.changes:
            raise ValueError(f"ablation.cells.{name} changes grpo.{field}, which is one for all cells")
    times = cell.times if isinstance(cell, LongerCell) else 1
    pace = {
        "updates": config.pace.updates * times,
        "checkpoint_every": config.pace.checkpoint_every * times,
        "seed": seed,
    }
    return merged(name, foundation.grpo, laid_onto(UNSEEN, cell.changes) | pace)


def control_of(
    name: str, seed: int, config: AblationConfig, foundation: Foundation
) -> PretrainingConfig | SupervisedConfig:
    """The parameters of a control, trained with the compute of the grid's full GRPO.

    Continued pretraining has a separate seed, otherwise it would repeat the first batches of pretraining.
    """
    grpo, cell = grpo_of(config.grid.both, seed, config, foundation), config.cells[name]
    evaluations, checkpoints = grpo_evaluations(grpo), -(-config.pace.updates // config.pace.checkpoint_every)
    if isinstance(cell, SupervisedCell):
        steps = steps_within(evaluations, cell.batch_size)
        return SupervisedConfig(
            steps=steps,
            batch_size=cell.batch_size,
            checkpoint_every=-(-steps // checkpoints),
            seed=seed,
            rollout=grpo.rollout,
            rewards=grpo.rewards,
            optimiser=cell.optimiser,
        )
    assert isinstance(cell, ContinuedCell)
    changed = merged(name, foundation.pretraining, cell.changes)
    steps = steps_within(evaluations, changed.batch_size)
    return changed.model_copy(
        update={
            "steps": steps,
            "checkpoint_every": -(-steps // checkpoints),
            "validate_every": steps,
            "seed": seed_for(seed, "continued"),
        }
    )


def merged(name: str, base: AnyConfig, changes: Changes) -> AnyConfig:
    """`base` with changes merged into it, validated as a whole; raises ValueError naming the cell."""
    try:
        return type(base).model_validate(laid_onto(base.model_dump(), changes))
    except ValidationError as error:
        fault = error.errors()[0]
        where = "".join(f".{part}" for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        raise ValueError(f"ablation.cells.{name}.changes{where}: {message}") from error


def laid_onto(base: Changes, changes: Changes) -> Changes:
    """Changes merged into a mapping: nested mappings are merged, any other value replaces."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = laid_onto(base[key], value) if both else value
    return result
