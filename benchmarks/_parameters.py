"""Parameters of `conf/`, so that a benchmark measures what a run does."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"


def section(name: str, env: str | None = None) -> dict[str, Any]:
    """The parameters of one stage in `conf/base`, with those of an environment merged into them."""
    files = [CONF / "base" / f"parameters_{name}.yml", *([CONF / env / "parameters.yml"] if env else [])]
    merged = OmegaConf.merge(*(OmegaConf.load(file) for file in files))
    return OmegaConf.to_container(merged)[name]  # type: ignore[index, return-value]
