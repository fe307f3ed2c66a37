"""Parameters of `conf/`, so that benchmarks measure the same as a run."""

from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[1] / "conf"


def section(name: str, env: str | None = None) -> dict[str, Any]:
    """The parameters of one stage in `conf/base`, with those of an environment merged into them."""
    base = _read(CONF / "base" / f"parameters_{name}.yml")[name]
    return base if env is None else _merged(base, _read(CONF / env / "parameters.yml")[name])


def _read(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {name: _merged(below.get(name), value) for name, value in above.items()}
