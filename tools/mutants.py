"""Mutation testing: break the source in one place and see its test fail, as in `make mutants ONLY=policy`.

Every mutant runs pytest in a separate process, on a copy of `src` with one change. Processes are forked from
this one, which has imported the slow packages. Types are not checked, so that it is the test that fails. The
first process changes nothing: it runs the tests of all mutants, which have to pass.
"""

import compileall
import importlib
import os
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]
SLOW_TO_LOAD = ("torch", "roma", "scipy.stats", "pandas", "matplotlib.pyplot", "kedro.framework.cli")
SECONDS = 600  # for one mutant
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib")
NO_TEST, MISFIT = 98, 99  # in addition to the exit codes of pytest
VERDICTS = {0: "SURVIVED", 1: "killed", MISFIT: "DOES NOT APPLY"}
UNCHANGED = {"property": "the unchanged source", "file": "__init__.py", "find": "", "replace": ""}

Mutant = dict[str, str]


def run(mutant: Mutant, source: Path, folder: Path) -> NoReturn:
    """Turn this process into pytest on the mutant's tests, with a changed copy as the source."""
    code = NO_TEST
    try:
        signal.alarm(SECONDS if mutant["find"] else 0)
        shutil.copytree(source, folder / "src", copy_function=os.link)
        path = folder / "src/motiongrpo" / mutant["file"]
        text = path.read_text()
        if mutant["find"] and text.count(mutant["find"]) != 1:
            os._exit(MISFIT)
        path.unlink()  # a link that is shared with the other copies
        path.write_text(text.replace(mutant["find"], mutant["replace"]))
        sys.path[:0] = [str(folder / "src"), str(ROOT)]
        importlib.import_module("motiongrpo")  # before Kedro puts the project's source first on the path
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1), os.dup2(silence, 2)
        tests = [str(ROOT / "tests" / test) for test in mutant["test"].split()]
        code = pytest.main([*OPTIONS, f"--basetemp={folder / 'tmp'}", *tests])
    finally:
        os._exit(code)


def exit_codes(mutants: list[Mutant], folder: Path) -> Iterator[tuple[Mutant, int]]:
    """Every mutant with the exit code of its process, as they end; one process per core."""
    source, running, waiting = folder / "src", {}, list(reversed(mutants))
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(source, quiet=1)
    while waiting or running:
        if waiting and len(running) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            if child := os.fork():
                running[child] = mutant
            else:
                run(mutant, source, folder / str(len(waiting)))
        else:
            child, status = os.wait()
            yield running.pop(child), os.waitstatus_to_exitcode(status)


def main(only: str) -> int:
    """Print the outcome of every mutant whose file or property contains `only`; 0 if all are killed."""
    mutants = tomllib.loads((ROOT / "tools/mutants.toml").read_text())["mutant"]
    chosen = [mutant for mutant in mutants if only in mutant["file"] or only in mutant["property"]]
    unchanged = UNCHANGED | {"test": " ".join(dict.fromkeys(mutant["test"] for mutant in chosen))}
    for name in SLOW_TO_LOAD:
        importlib.import_module(name)
    killed, passes = 0, False
    with tempfile.TemporaryDirectory() as folder:
        for mutant, code in exit_codes([unchanged, *chosen], Path(folder)):
            verdict, about = VERDICTS.get(code, f"RAN NO TEST ({code})"), mutant["property"]
            if mutant is unchanged:
                passes = code == 0
                verdict = "passes" if passes else "FAILS"
            elif code == 1:
                killed += 1
            else:
                about += f": {mutant['find']!r} against {mutant['test']}"
            print(f"{killed:4} of {len(chosen)}  {verdict:8} {mutant['file']}: {about}", flush=True)
    return 0 if passes and killed == len(chosen) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
