"""The ablation in words: sentences made from its numbers, none of them written before.

A difference is decided where its 95 % interval and every seed are on one side of zero, and called undecided
with the reason otherwise.
"""

from motiongrpo.experiments.ablation import AblationConfig
from motiongrpo.experiments.contrast import SUBJECTS_AT_LEAST, Contrast
from motiongrpo.experiments.published import published_change_percent
from motiongrpo.metrics.score import METRICS
from motiongrpo.viz.experiments.ablation import PERCENT, change_of, verdict_on
from motiongrpo.viz.experiments.ablation_results import CellResult, Results
from motiongrpo.viz.experiments.proxy_gold import proxy_of
from motiongrpo.viz.report.findings import FEW_SEQUENCES, Finding
from motiongrpo.viz.report.paired import CHECKS

DECIDES = "mpjpe_mm"
SEEDS_AT_LEAST = 3
CONTROLS = ("continued", "supervised", "best_of")
LIMITS = {
    "mean_of": "Becoming certain, without learning anything new, would lead to the mean of a model's samples",
    "oracle": "Always choosing the best of a model's samples by the truth",
}
TONES = {"better": "good", "worse": "warning", "undecided": "note"}
VERBS = {"better": "helps", "worse": "hurts", "undecided": "is undecided"}


def ablation_verdict(results: Results, config: AblationConfig) -> list[Finding]:
    """Post-training, grid, scopes, drift, controls, limits, hacked rewards, and what it all rests on."""
    return [
        *_post_training(results),
        *_grid(results, config),
        *_scopes(results, config),
        *_learning(results, config),
        *_controls(results, config),
        *_limits(results),
        *_carried_over(results),
        *_proxies(results),
        _certainty(results),
    ]


def _post_training(results: Results) -> list[Finding]:
    """Every GRPO cell against the pretrained model, and the paper's gain where it prints one."""
    before = results.held_out.contrast({results.reference: 1.0}, DECIDES).value
    found = []
    for cell in _grpo(results):
        change = change_of(cell, DECIDES, results)
        printed = published_change_percent(cell.published, DECIDES)
        text = f" That is {change.value * PERCENT / before:+.2g} % of the pretrained mean"
        text += "." if printed is None else f"; the paper reports {printed:+.1f} % on its data."
        for verdict in ("better", "worse"):
            judges = _judges(cell, verdict, results)
            text += f" Clearly {verdict}: {', '.join(judges) or 'nothing else that is judged'}."
        found.append(_effect(f"GRPO as {cell.cell}", change, more=text))
    return found


def _grid(results: Results, config: AblationConfig) -> list[Finding]:
    """What injection and the perceptual reward do, each without and with the other, and together."""
    grid = config.grid
    questions = [
        ("Injection without the perceptual reward", {grid.injection: 1.0, grid.neither: -1.0}),
        ("Injection with the perceptual reward", {grid.both: 1.0, grid.perceptual: -1.0}),
        ("The perceptual reward without injection", {grid.perceptual: 1.0, grid.neither: -1.0}),
        ("The perceptual reward with injection", {grid.both: 1.0, grid.injection: -1.0}),
    ]
    found = [_effect(what, c) for what, weights in questions if (c := _between(weights, results))]
    together = {grid.both: 1.0, grid.perceptual: -1.0, grid.injection: -1.0, grid.neither: 1.0}
    interaction = _between(together, results)
    if interaction:
        words = {
            "better": "help each other",
            "worse": "get in each other's way",
            "undecided": "are not shown to act on each other",
        }[verdict_on(interaction, DECIDES)]
        text = f"Injection and the perceptual reward {words}: interaction {_numbers(interaction)}."
        found.append(Finding("note", text))
    return found


def _scopes(results: Results, config: AblationConfig) -> list[Finding]:
    """Noise of a sample and of nested tracks, each against noise of a group."""
    scopes = config.scopes
    found = []
    for name, cell in (("sample", scopes.sample), ("nested", scopes.nested)):
        change = _between({cell: 1.0, scopes.group: -1.0}, results)
        if change:
            found.append(_effect(f"Noise of scope {name} instead of group", change))
    return found


def _learning(results: Results, config: AblationConfig) -> list[Finding]:
    """GRPO with everything against the same on rewards that say nothing."""
    change = _between({config.grid.both: 1.0, config.drift: -1.0}, results)
    what = f"What {config.grid.both} changes beyond drift ({config.drift})"
    return [_effect(what, change)] if change else []


def _controls(results: Results, config: AblationConfig) -> list[Finding]:
    """GRPO with everything against every control; the consistent sampler against the other."""
    found = []
    for cell in results.cells.values():
        if cell.kind == "sampler":
            change = results.held_out.contrast({results.reference: 1.0, cell.final: -1.0}, DECIDES)
            found.append(_effect(f"The evaluation's sampler alone, against {cell.cell},", change))
        elif cell.kind in CONTROLS:
            change = _between({config.grid.both: 1.0, cell.cell: -1.0}, results)
            if change:
                found.append(_against(config.grid.both, cell.cell, change))
    return found


def _limits(results: Results) -> list[Finding]:
    """What a model could win that puts its own samples in another order and learns nothing new."""
    before, found = results.held_out.contrast({results.reference: 1.0}, DECIDES).value, []
    paper = published_change_percent("joint_visual_perlin", DECIDES)
    for cell in results.cells.values():
        if cell.kind in LIMITS:
            change = change_of(cell, DECIDES, results)
            text = f"{LIMITS[cell.kind]} ({cell.cell}): {DECIDES} {_numbers(change)}{_why_not(change)}"
            text += f", {change.value * PERCENT / before:+.2g} % of the pretrained mean"
            found.append(Finding("note", f"{text}; the paper's GRPO reports {paper:+.1f} % on its data."))
    return found


def _carried_over(results: Results) -> list[Finding]:
    """What a training does to the motion that it saw, and how much of that held-out motion gets."""
    found = []
    for cell in results.cells.values():
        if not cell.steps:
            continue
        seen, held_out = (change_of(cell, DECIDES, results, motion) for motion in ("training", "held-out"))
        verdict = verdict_on(seen, DECIDES)
        text = f"On motion it was trained on {cell.cell} {VERBS[verdict]}: {DECIDES} {_numbers(seen)}"
        text += f"{_why_not(seen)}."
        if seen.sign:
            text += f" On held-out motion the change is {held_out.value / seen.value:.0%} of that."
        found.append(Finding("note", text))
    return found


def _proxies(results: Results) -> list[Finding]:
    """Where the reward went up while a judge went down, and where it did not go up at all."""
    found, parted = [], False
    for cell in _grpo(results):
        paid = proxy_of(cell, cell.checkpoints[-1], results)
        worse = _judges(cell, "worse", results, but=())
        if paid.sign > 0 and worse:
            parted = True
            rise = f"{paid.value:+.3g} [{paid.low:+.3g}, {paid.high:+.3g}] deviations"
            text = f"Proxy up, gold down in {cell.cell}: the reward rose ({rise}), worse became "
            found.append(Finding("warning", f"{text}{', '.join(worse)}."))
        elif paid.sign <= 0:
            how = "fell" if paid.sign < 0 else "did not clearly rise"
            found.append(Finding("warning", f"In {cell.cell} the reward itself {how} on held-out motion."))
    if not parted:
        text = "In no GRPO cell did the held-out reward clearly rise while a judged metric clearly got worse."
        found.append(Finding("note", text))
    return found


def _certainty(results: Results) -> Finding:
    """What all sentences rest on, and what they leave out."""
    held_out = results.held_out
    sequences, seeds = int(held_out.draws.shape[1]), len(held_out.seeds)
    text = (
        f"Intervals are 95 % bootstrap intervals over {held_out.resampled} ({held_out.subjects} subjects, "
        f"{sequences} sequences), of means over {seeds} {'seed' if seeds == 1 else 'seeds'}. There is no "
        "correction for the number of comparisons."
    )
    if held_out.subjects < SUBJECTS_AT_LEAST:
        text += f" With {held_out.subjects} held-out subjects nothing is said of other people."
    if sequences < FEW_SEQUENCES:
        text += f" Over {sequences} sequences a percentile interval is too narrow."
    if len(held_out.seeds) < SEEDS_AT_LEAST:
        text += f" Fewer than {SEEDS_AT_LEAST} seeds do not show how far results vary with the seed."
    weak = sequences < FEW_SEQUENCES or held_out.subjects < SUBJECTS_AT_LEAST or seeds < SEEDS_AT_LEAST
    return Finding("warning" if weak else "note", text)


def _grpo(results: Results) -> list[CellResult]:
    return [cell for cell in results.cells.values() if cell.kind == "grpo"]


def _between(weights: dict[str, float], results: Results) -> Contrast | None:
    """A contrast of the last checkpoints of cells; None where one of them was not run."""
    if not set(weights) <= set(results.cells):
        return None
    return results.held_out.contrast({results.cells[c].final: w for c, w in weights.items()}, DECIDES)


def _effect(what: str, change: Contrast, more: str = "") -> Finding:
    verdict = verdict_on(change, DECIDES)
    text = f"{what} {VERBS[verdict]}: {DECIDES} {_numbers(change)}{_why_not(change)}.{more}"
    return Finding(TONES[verdict], text)  # type: ignore[arg-type]


def _against(grpo: str, control: str, change: Contrast) -> Finding:
    verdict = verdict_on(change, DECIDES)
    verb = {"better": "beats", "worse": "loses to", "undecided": "is not told apart from"}[verdict]
    text = f"GRPO ({grpo}) {verb} {control}: {DECIDES} {_numbers(change)}{_why_not(change)}."
    return Finding(TONES[verdict], text)  # type: ignore[arg-type]


def _numbers(change: Contrast) -> str:
    unit = METRICS[DECIDES].unit
    return f"{change.value:+.3g} {unit} [{change.low:+.3g}, {change.high:+.3g}]"


def _why_not(change: Contrast) -> str:
    """Why a difference is not decided; empty where it is."""
    if change.sign:
        return ""
    if not (change.low > 0 or change.high < 0):
        return "; the interval contains zero" if change.low == change.low else "; there is no interval"
    return "; the seeds disagree in sign"


def _judges(cell: CellResult, verdict: str, results: Results, but: tuple[str, ...] = (DECIDES,)) -> list[str]:
    """Judged metrics of which a verdict is true, with their changes."""
    found = []
    for metric, about in METRICS.items():
        left_out = about.in_print or metric in CHECKS or metric in but
        if left_out or metric not in results.held_out.cells[results.reference]:
            continue
        change = change_of(cell, metric, results)
        if verdict_on(change, metric) == verdict:
            found.append(f"{metric} ({change.value:+.3g} [{change.low:+.3g}, {change.high:+.3g}])")
    return found
