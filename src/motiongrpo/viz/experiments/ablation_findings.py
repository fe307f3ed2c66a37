"""Findings of the ablation: a table of rules, each of which turns a contrast of cells into a sentence.

A difference is decided where its 95 % interval and every seed are on the same side of zero; otherwise it is
called undecided, with the reason.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from motiongrpo.base.words import counted
from motiongrpo.experiments.ablation import PRETRAINED, AblationConfig
from motiongrpo.experiments.contrast import Contrast
from motiongrpo.experiments.published import published_change_percent
from motiongrpo.metrics.bootstrap import SUBJECTS_AT_LEAST
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.experiments.ablation_results import (
    DECISIVE,
    PERCENT,
    CellResult,
    Motion,
    Results,
    outcome_of,
)
from motiongrpo.viz.report.findings import FEW_SEQUENCES, Finding, Tone
from motiongrpo.viz.report.metric_change import CHECKS, Outcome

SEEDS_AT_LEAST = 3
TONES: dict[Outcome, Tone] = {"better": "good", "worse": "warning", "undecided": "note"}

Names = dict[str, str]  # of cells by role: pretrained, both, drift, cell …


def _details(results: Results, names: Names, change: Contrast) -> str:
    """The change in percent, the paper's where published, and every other metric that clearly changed."""
    cell = results.cells[names["cell"]]
    printed = published_change_percent(cell.published, DECISIVE)
    text = f". That is {_percent(change, results)} of the pretrained mean"
    text += "." if printed is None else f"; the paper reports {printed:+.1f} % on its data."
    for outcome in ("better", "worse"):
        metrics = _metrics_that_became(outcome, cell, results, but=(DECISIVE,))
        text += f" Clearly {outcome}: {', '.join(metrics) or 'nothing else that is judged'}."
    return text


def _beside_the_paper(results: Results, names: Names, change: Contrast) -> str:
    paper = published_change_percent("joint_visual_perlin", DECISIVE)
    share = f", {_percent(change, results)} of the pretrained mean"
    return f"{share}; the paper's GRPO reports {paper:+.1f} % on its data."


def _carried_over(results: Results, names: Names, change: Contrast) -> str:
    """The share of a change on training motion that carries over to held-out motion, where it is decided."""
    if not change.sign:
        return "."
    held_out = results.change(results.cells[names["cell"]], DECISIVE)
    return f". On held-out motion the change is {held_out.value / change.value:.0%} of that."


@dataclass(frozen=True)
class Rule:
    """A sentence about Σ `plus` − Σ `minus`, which are roles of cells.

    A rule with kinds applies to every cell of these kinds, in the role `cell`; one without applies once.
    """

    sentence: str
    plus: str
    minus: str
    kinds: tuple[str, ...] = ()
    verbs: tuple[str, str, str] = ("helps", "hurts", "is undecided")  # better, worse, undecided
    tone: Tone | None = None  # None: that of the outcome
    motion: Motion = "held-out"
    more: Callable[[Results, Names, Contrast], str] = lambda results, names, change: "."

    def findings(self, results: Results, names: Names) -> list[Finding]:
        """The findings of this rule; empty where one of its cells was not run."""
        cells = [cell.cell for cell in results.cells.values() if cell.kind in self.kinds]
        each = [names | {"cell": cell} for cell in cells] if self.kinds else [names]
        return [self._finding(results, named) for named in each if self._cells(named) <= set(results.cells)]

    def _cells(self, names: Names) -> set[str]:
        return {names[part] for part in f"{self.plus} {self.minus}".split()}

    def _finding(self, results: Results, names: Names) -> Finding:
        plus, minus = ([names[part] for part in parts.split()] for parts in (self.plus, self.minus))
        weights = dict.fromkeys(plus, 1.0) | dict.fromkeys(minus, -1.0)
        change = results.contrast(weights, DECISIVE, self.motion)
        outcome = outcome_of(change, DECISIVE)
        verb = dict(zip(TONES, self.verbs, strict=True))[outcome]
        numbers = f"{DECISIVE} {_numbers(change, METRICS[DECISIVE].unit)}{_why_undecided(change)}"
        text = f"{self.sentence.format(verb=verb, **names)}: {numbers}{self.more(results, names, change)}"
        return Finding(self.tone or TONES[outcome], text)


INTERACTS = ("help each other", "get in each other's way", "are not shown to act on each other")
CONTEST = ("beats", "loses to", "is not told apart from")
CERTAIN = "Becoming certain, without learning anything new, would lead to the mean of a model's samples"

RULES = (
    Rule("GRPO as {cell} {verb}", "cell", "pretrained", ("grpo",), more=_details),
    Rule("Injection without the perceptual reward {verb}", "injection", "neither"),
    Rule("Injection with the perceptual reward {verb}", "both", "perceptual"),
    Rule("The perceptual reward without injection {verb}", "perceptual", "neither"),
    Rule("The perceptual reward with injection {verb}", "both", "injection"),
    Rule(
        "Injection and the perceptual reward {verb}; their interaction",
        *("both neither", "perceptual injection"),
        verbs=INTERACTS,
        tone="note",
    ),
    Rule("Noise of scope sample instead of group {verb}", "sample", "group"),
    Rule("Noise of scope nested instead of group {verb}", "nested", "group"),
    Rule("What {neither} changes beyond drift ({drift}) {verb}", "neither", "drift"),
    Rule("The pretrained model {verb} {cell}", "pretrained", "cell", ("baseline",), CONTEST),
    Rule("The evaluation's sampler alone, against {cell}, {verb}", "pretrained", "cell", ("sampler",)),
    Rule("GRPO ({both}) {verb} {cell}", "both", "cell", ("continued", "supervised", "best_of"), CONTEST),
    Rule(f"{CERTAIN} ({{cell}})", "cell", "pretrained", ("mean_of",), tone="note", more=_beside_the_paper),
    Rule(
        "Always choosing the best of a model's samples by the truth ({cell})",
        *("cell", "pretrained", ("oracle",)),
        tone="note",
        more=_beside_the_paper,
    ),
    Rule(
        "On motion it was trained on {cell} {verb}",
        *("cell", "pretrained", ("grpo", "continued", "supervised")),
        tone="note",
        motion="training",
        more=_carried_over,
    ),
)


def findings_of_ablation(results: Results, config: AblationConfig) -> list[Finding]:
    """The findings of all rules, of hacked rewards, and of the certainty of the results."""
    names = {"pretrained": PRETRAINED, "drift": config.drift}
    names |= config.grid.model_dump() | config.scopes.model_dump()
    decided = [finding for rule in RULES for finding in rule.findings(results, names)]
    return [*decided, *_rewards(results), _certainty(results)]


def _rewards(results: Results) -> list[Finding]:
    """GRPO cells whose reward rose while a metric got worse, and those whose reward did not rise."""
    hacked, idle = [], []
    for cell in results.cells.values():
        if cell.kind != "grpo":
            continue
        rise = results.paid_rise(cell, cell.checkpoints[-1])
        worse = ", ".join(_metrics_that_became("worse", cell, results))
        if rise.sign > 0 and worse:
            rose = f"the reward rose ({_numbers(rise)} deviations), worse became {worse}."
            hacked.append(Finding("warning", f"Proxy up, gold down in {cell.cell}: {rose}"))
        elif rise.sign <= 0:
            how = "fell" if rise.sign < 0 else "did not clearly rise"
            idle.append(Finding("warning", f"In {cell.cell} the reward itself {how} on held-out motion."))
    none = "In no GRPO cell did the held-out reward clearly rise while a judged metric clearly got worse."
    return [*(hacked or [Finding("note", none)]), *idle]


def _certainty(results: Results) -> Finding:
    """How intervals were made, and what too few subjects, sequences or seeds cannot show."""
    held_out = results.held_out
    subjects, sequences, seeds = held_out.subjects, int(held_out.draws.shape[1]), len(held_out.seeds)
    reservations = (
        (subjects < SUBJECTS_AT_LEAST, f"With {subjects} held-out subjects nothing is said of other people."),
        (sequences < FEW_SEQUENCES, f"Over {sequences} sequences a percentile interval is too narrow."),
        (
            seeds < SEEDS_AT_LEAST,
            f"Fewer than {SEEDS_AT_LEAST} seeds do not show how far results vary with the seed.",
        ),
    )
    few = [text for holds, text in reservations if holds]
    about = (
        f"Intervals are 95 % bootstrap intervals over {held_out.resampled} ({subjects} subjects, "
        f"{sequences} sequences), of means over {counted(seeds, 'seed')}.",
        "There is no correction for the number of comparisons.",
    )
    return Finding("warning" if few else "note", " ".join([*about, *few]))


def _metrics_that_became(
    outcome: Outcome, cell: CellResult, results: Results, but: tuple[str, ...] = ()
) -> list[str]:
    """Judged metrics with the given outcome, and their changes."""
    judged = [
        metric
        for metric in results.held_out.cells[results.reference]
        if metric in METRICS and not METRICS[metric].in_print and metric not in (*CHECKS, *but)
    ]
    changes = {metric: results.change(cell, metric) for metric in METRICS if metric in judged}
    return [f"{m} ({_numbers(c)})" for m, c in changes.items() if outcome_of(c, m) == outcome]


def _numbers(change: Contrast, unit: str = "") -> str:
    return f"{change.value:+.3g}{unit and f' {unit}'} [{change.low:+.3g}, {change.high:+.3g}]"


def _percent(change: Contrast, results: Results) -> str:
    return f"{change.value * PERCENT / results.before(DECISIVE):+.2g} %"


def _why_undecided(change: Contrast) -> str:
    """The reason why a difference is undecided; empty where it is decided."""
    if change.sign:
        return ""
    if math.isnan(change.low):
        return "; there is no interval"
    clear = change.low > 0 or change.high < 0
    return "; the seeds disagree in sign" if clear else "; the interval contains zero"
