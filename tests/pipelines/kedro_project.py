"""Runs of this project inside tests: in process for speed, or as a command that can be killed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[2]
QUIET = os.environ | {"DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}


def arguments(data: Path, env: str, stages: str, params: dict[str, Any]) -> list[str]:
    """The arguments of `kedro run` on a command line."""
    text = ",".join(f"{name}={value}" for name, value in ({"data": data} | params).items())
    return ["--env", env, *(["--pipelines", stages] if stages else []), "--params", text]


def run(data: Path, stages: str, env: str = "smoke", conf: Path | None = None, **params: Any) -> Result:
    """`kedro run`, in this process; dots in parameter names are written as two underscores."""
    bootstrap_project(ROOT)
    pipelines.set_requested(None)
    from motiongrpo.cli import run as command

    named = {name.replace("__", "."): value for name, value in params.items()}
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        source = [] if conf is None else ["--conf-source", str(conf)]
        return CliRunner().invoke(command, [*source, *arguments(data, env, stages, named)])
    finally:
        os.chdir(before)


def succeed(data: Path, stages: str, env: str = "smoke", **params: Any) -> str:
    """`run`, which must end without an error; returns its output."""
    result = run(data, stages, env, **params)
    assert result.exit_code == 0, result.output
    return result.output


def start(data: Path, stages: str, **params: Any) -> subprocess.Popen:
    """`kedro run` as a separate process."""
    named = {name.replace("__", "."): value for name, value in params.items()}
    command = [sys.executable, "-m", "kedro", "run", *arguments(data, "smoke", stages, named)]
    return subprocess.Popen(
        command, cwd=ROOT, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
