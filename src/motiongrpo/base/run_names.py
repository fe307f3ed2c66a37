"""Runs by name: the first, which a command writes to, and others beside it, as in `runs="a;b;c"`."""

SEPARATOR = ";"  # kedro's --params splits at commas
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
RUN, RUNS = rf"^{NAME}$", rf"^{NAME}({SEPARATOR}{NAME})*$"


def named_runs(runs: str | None) -> list[str]:
    """Every run of `runs`, each once, in the given order."""
    return list(dict.fromkeys(runs.split(SEPARATOR))) if runs else []


def first_run(runs: str | None, otherwise: str) -> str:
    """The run that a command works on where `runs` is given and `run` is not."""
    return next(iter(named_runs(runs)), otherwise)
