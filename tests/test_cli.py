import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DatasetError

from motiongrpo.cli import OneSentence, run
from motiongrpo.errors import InputError
from tests.pipelines.kedro_project import QUIET, ROOT, arguments


def wrapped(inner: Exception) -> DatasetError:
    """What Kedro makes of an error while it loads a dataset, twice over."""
    outer = DatasetError("Failed while loading data")
    outer.__cause__ = DatasetError("from data set Body(path=…)")
    outer.__cause__.__cause__ = inner
    return outer


def invoked(error: Exception, *flags: str) -> Result:
    def fail() -> None:
        raise error

    return CliRunner().invoke(OneSentence("run", fail, []), flags)


@pytest.mark.parametrize("error", [InputError("give it a head"), wrapped(InputError("give it a head"))])
def test_a_refusal_however_deep_is_one_sentence(error):
    result = invoked(error)
    assert (result.exit_code, result.output) == (1, "Error: give it a head\n")


@pytest.mark.parametrize("error", [wrapped(OSError("disk full")), ZeroDivisionError("ours")])
def test_what_is_no_refusal_keeps_its_traceback(error):
    assert invoked(error).exception is error


@pytest.mark.parametrize("flag", ["--verbose", "-v"])
def test_verbose_shows_all_of_it(flag):
    error = wrapped(InputError("give it a head"))
    assert invoked(error, flag).exception is error


def test_our_run_takes_everything_that_kedro_s_takes_and_one_flag_more():
    assert [option.name for option in run.params] == [*(o.name for o in kedro_run.params), "verbose"]
    flags = [flag for option in run.params for flag in option.opts]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize(("flags", "lines"), [([], 1), (["--verbose"], None)])
def test_a_command_that_cannot_load_its_body_says_so_on_its_own_line(flags, lines, tmp_path):
    """As a process: what a user sees, and what a script gets."""
    given = arguments(tmp_path, "smoke", "ingestion", {"body": "nowhere.npz"})
    command = [sys.executable, "-m", "kedro", "run", *given, *flags]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True)
    shown = done.stdout + done.stderr
    assert done.returncode == 1
    assert "no neutral body file at 'nowhere.npz'" in shown
    assert ("Traceback" in shown) == bool(flags)
    assert lines is None or len(shown.strip().splitlines()) == lines
