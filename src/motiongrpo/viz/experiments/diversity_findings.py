"""Findings of the diversity study: sentences made from its table.

A cell differs clearly from its baseline where the 95 % interval of the paired difference excludes zero. Among
many cells some do so by chance, so their number is given with the number expected by chance.
"""

import pandas as pd

from motiongrpo.viz.experiments.diversity_figure import SAMPLERS, SCOPES
from motiongrpo.viz.report.findings import Finding

BY_CHANCE = 0.025  # on one side


def findings_of_diversity(table: pd.DataFrame) -> list[Finding]:
    """Whether noise widens groups, whether that is useful, its causes, and the sampler's own effect."""
    first = table.iloc[0]
    main = table[(table["sampler"] == first["sampler"]) & (table["latent"] == first["latent"])]
    perlin = pd.DataFrame(main[main["noise"] == "perlin"])
    return [
        *widened(perlin),
        signal_without_noise(pd.DataFrame(main[main["noise"] == "none"])),
        *useful(perlin),
        *caused(perlin),
        *chains(pd.DataFrame(table[table["noise"] == "none"])),
    ]


def widened(perlin: pd.DataFrame) -> list[Finding]:
    """For every scope, the distance between samples at the largest λ against no noise."""
    rows = _of(perlin, "spread_mm", "all")
    findings = []
    for scope, name in SCOPES.items():
        chosen = rows[rows["scope"] == scope]
        if not chosen.empty:
            row = chosen.sort_values("amplitude_m").iloc[-1]
            verb = {1: "widens", -1: "narrows", 0: "does not clearly change"}[direction(row)]
            text = f"Perlin noise with {name} {verb} the groups: {_change(row, ' mm')} at λ = {_metres(row)}."
            findings.append(Finding("good" if direction(row) > 0 else "note", text))
    return findings


def signal_without_noise(quiet: pd.DataFrame) -> Finding:
    """Whether gradients of two updates agree at all without noise."""
    row = _of(quiet, "gradient_cosine", "all").iloc[0]
    value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    if row["low"] > 0:
        return Finding("note", f"Without noise gradients of two updates agree: their cosine is {value}.")
    text = (
        f"Without noise no agreement of the gradients of two updates is measurable: their cosine is {value}."
    )
    return Finding("warning", text)


def useful(perlin: pd.DataFrame) -> list[Finding]:
    """Whether any noise gives gradients that agree better than those without noise."""
    rows = _of(perlin, "gradient_cosine", "all")
    signs = [direction(row) for _, row in rows.iterrows()]
    better, worse = signs.count(1), signs.count(-1)
    chance = BY_CHANCE * len(rows)
    text = (
        f"Gradients of two updates agree clearly better with Perlin noise than without in {better} of "
        f"{len(rows)} cells and clearly worse in {worse}; chance alone would give {chance:.1f} of each."
    )
    tone = "good" if better > worse and better > 2 * chance else "warning" if worse > 2 * chance else "note"
    return [Finding(tone, text), _best(rows)]


def caused(perlin: pd.DataFrame) -> list[Finding]:
    """The share of the reward's variance within groups that is due to actions, for noise per sample."""
    rows = _of(perlin, "action_share", "mean")
    rows = rows[rows["scope"] == "sample"]
    if rows.empty:
        return []
    row = rows.sort_values("amplitude_m").iloc[-1]
    text = (
        f"With a track of its own for every sample, actions cause {row['value']:.0%} "
        f"[{row['low']:.0%}, {row['high']:.0%}] of a group's reward variance at λ = {_metres(row)}; "
        "the rest is caused by the perturbed condition, from which no gradient follows."
    )
    return [Finding("warning" if row["high"] < 0.5 else "note", text)]


def chains(quiet: pd.DataFrame) -> list[Finding]:
    """The effect of sampler and initial noise on the distance between samples, without condition noise."""
    findings = []
    for _, row in _of(quiet, "spread_mm", "all").iloc[1:].iterrows():
        base = row["value"] - row["difference"]
        sign = {1: "wider", -1: "narrower", 0: "not clearly different"}[direction(row)]
        text = (
            f"Sampler: {SAMPLERS[str(row['sampler'])]}, {row['latent']} initial noise: groups are {sign} "
            f"than on the main chain, {_change(row, ' mm')} ({row['difference'] / base:+.0%})."
        )
        findings.append(Finding("note", text))
    return findings


def direction(row: pd.Series) -> int:
    """+1 or −1 where the interval of the difference excludes zero, else 0."""
    return int(row["difference_low"] > 0) - int(row["difference_high"] < 0)


def _best(rows: pd.DataFrame) -> Finding:
    row = rows.sort_values("value").iloc[-1]
    text = (
        f"Among these cells the cosine is highest with {SCOPES[str(row['scope'])]} at λ = {_metres(row)}: "
        f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]."
    )
    return Finding("note", text)


def _change(row: pd.Series, unit: str) -> str:
    base = row["value"] - row["difference"]
    low, high = row["difference_low"], row["difference_high"]
    return f"from {base:.3g} to {row['value']:.3g}{unit} (difference [{low:+.2g}, {high:+.2g}])"


def _metres(row: pd.Series) -> str:
    return f"{row['amplitude_m']:g} m"


def _of(table: pd.DataFrame, quantity: str, of: str) -> pd.DataFrame:
    return pd.DataFrame(table[(table["quantity"] == quantity) & (table["of"] == of)])
