import errno
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from motiongrpo.app.commands import COMMANDS
from motiongrpo.base.errors import InputError
from motiongrpo.cli import OneSentence, cli, run
from motiongrpo.pipeline_registry import all_pipelines
from tests.pipelines.kedro_project import QUIET, ROOT, arguments


def wrapped(inner: Exception) -> DatasetError:
    """An error as Kedro wraps it, twice, while it loads a dataset."""
    outer = DatasetError("Failed while loading data")
    outer.__cause__ = DatasetError("from data set Body(path=…)")
    outer.__cause__.__cause__ = inner
    return outer


def invoked(error: Exception, *flags: str) -> Result:
    def fail() -> None:
        raise error

    return CliRunner().invoke(OneSentence("run", callback=fail), flags)


@pytest.mark.parametrize("error", [InputError("give it a head"), wrapped(InputError("give it a head"))])
def test_a_refusal_however_deep_is_one_sentence(error):
    result = invoked(error)
    assert (result.exit_code, result.output) == (1, "Error: give it a head\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device; mend that, or name"),
        (
            wrapped(PermissionError(errno.EACCES, "Permission denied", "a/b")),
            "'a/b': permission denied; mend",
        ),
    ],
)
def test_what_the_disk_refuses_is_one_sentence_with_the_path(error, said):
    result = invoked(error)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert said in result.output


def unreadable(cause: Exception) -> DatasetError:
    """Kedro's error for a file that cannot be parsed."""
    error = DatasetError(
        "Failed while loading data from dataset CSVDataset(filepath=PurePosixPath('/d/a.csv'))."
    )
    error.__cause__ = cause
    return error


def test_a_file_that_cannot_be_parsed_is_named():
    error = unreadable(json.JSONDecodeError("Expecting value", "{", 1))
    assert "'/d/a.csv' cannot be read: Expecting value" in invoked(error).output


@pytest.mark.parametrize(
    "error",
    [
        wrapped(OSError("disk full")),
        ZeroDivisionError("ours"),
        ValueError("ours"),
        unreadable(KeyError("ours")),
        wrapped(ValueError("no file")),
    ],
)
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


def commanded(folder, *flags: str, **params: object) -> Result:
    """`motiongrpo` with these flags, in the project's folder."""
    bootstrap_project(ROOT)
    given = ",".join(f"{name}={value}" for name, value in ({"data": folder / "data"} | params).items())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return CliRunner().invoke(cli, ["--env", "smoke", "--params", given, *flags])


WRONG = [
    (["--pipelines", "ingestoin"], "there is no pipeline 'ingestoin'; did you mean 'ingestion'?"),
    (["--pipelines", "grpo,nothing_like_it"], "there is no pipeline 'nothing_like_it'; valid names are"),
    (["--pipeline", "gpro"], "there is no pipeline 'gpro'; did you mean 'grpo'?"),
    (["--pipeline", "grpo", "--pipelines", "grpo"], "cannot be used together"),
    (["--env", "smok"], "there is no environment 'smok'; did you mean 'smoke'?"),
    (["--from-nodes", "nothing"], "does not contain nodes named ['nothing']"),
    (["--to-outputs", "nothing"], "does not contain datasets named ['nothing']"),
    (["--tags", "nothing"], "contains no nodes after applying all provided filters"),
    (["--namespaces", "nothing"], "['nothing']"),
    (["--runner", "Nothing"], "has no attribute 'Nothing'"),
    (["--params", "run"], "--params takes name=value, and commas part one from the next, got 'run'"),
    (["--params", "run={a: [}"], "a value is not YAML: while parsing a flow node"),
    (["--conf-source", "/nowhere"], "'/nowhere' does not exist"),
    (["--nothing"], "No such option '--nothing'"),
]


@pytest.mark.parametrize(("flags", "sentence"), WRONG)
def test_a_wrong_command_ends_in_one_sentence_and_nothing_is_written(flags, sentence, tmp_path):
    result = commanded(tmp_path, *flags)
    assert result.exit_code in (1, 2)
    assert sentence in result.output.splitlines()[-1]
    assert isinstance(result.exception, SystemExit)
    assert not (tmp_path / "data").exists()


def test_data_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "data").touch()
    result = commanded(tmp_path, "--pipelines", "ingestion")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: '{tmp_path / 'data'}")
    assert "not a directory" in result.output


def test_outside_the_project_the_way_into_it_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["--pipelines", "grpo"])
    assert result.exit_code == 1
    assert f"'{tmp_path}/conf/base' is missing; go to the project's folder first" in result.output


@pytest.mark.parametrize("flags", [["--help"], ["-h"], ["run", "--help"], []])
def test_the_help_says_what_a_user_can_do(flags):
    """Blanks are ignored, since lines break anywhere, also after a hyphen."""
    shown = "".join(CliRunner().invoke(cli, flags).output.split())
    for command, sentence in COMMANDS:
        assert "".join(f"{command}{sentence[0].upper()}{sentence[1:]}.".split()) in shown


def test_the_help_names_every_pipeline():
    bootstrap_project(ROOT)
    said = " ".join(f"{command} {sentence}" for command, sentence in COMMANDS)
    assert [name for name in all_pipelines() if name not in said] == ["__default__"]


@pytest.mark.parametrize(("flags", "lines"), [([], 1), (["--verbose"], None)])
def test_a_command_that_cannot_load_its_body_says_so_on_its_own_line(flags, lines, tmp_path):
    """It runs as a process, to test output and exit code."""
    given = arguments(tmp_path, "smoke", "ingestion", {"body": "nowhere.npz"})
    command = [sys.executable, "-m", "kedro", "run", *given, *flags]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True)
    shown = done.stdout + done.stderr
    assert done.returncode == 1
    assert "no neutral body file at 'nowhere.npz'" in shown
    assert ("Traceback" in shown) == bool(flags)
    assert lines is None or len(shown.strip().splitlines()) == lines


HEAVY = {"torch", "pandas", "scipy", "viser", "matplotlib", "plotly", "kedro_datasets"}


@pytest.mark.parametrize("command", [["motiongrpo", "--help"], ["kedro", "run", "--help"]])
def test_help_loads_nothing_that_takes_a_second(command):
    """It runs as a process, since this one has already loaded such modules."""
    timed = [sys.executable, "-X", "importtime", "-m", *command]
    done = subprocess.run(timed, cwd=ROOT, env=QUIET, capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["walk.csv", "--to", "bvh]"], "Invalid value for --to: '[bvh]]' cannot be read (expected"),
        (["walk.csv", "--format", "{a: ["], "Invalid value for --format: '{a: [' cannot be read (while"),
        (["walk.csv", "--offset", "[" * 2000], "' cannot be read ("),
        (["${oc.env:HOME}.csv"], "a path must not hold '${', got '"),
    ],
)
def test_an_option_of_recover_that_is_no_yaml_is_named(flags, sentence):
    result = CliRunner().invoke(cli, ["recover", *flags])
    assert result.exit_code == 2
    assert sentence in result.output.splitlines()[-1]
    assert len(result.output.splitlines()[-1]) < 400
