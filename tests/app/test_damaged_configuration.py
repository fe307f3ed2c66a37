"""Configuration files with seeded random damage: they are accepted, or refused in one sentence."""

import io
import shutil
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from motiongrpo.app.parameters import validated
from motiongrpo.base.errors import InputError
from motiongrpo.cli import UNREADABLE
from tests.damage import assert_one_sentence, damaged, within
from tests.pipelines.kedro_project import ROOT, run

FILES = {
    "a layout of a rig": ("mocap", "parameters.yml"),
    "an environment": ("smoke", "parameters.yml"),
    "an environment's places": ("smoke", "globals.yml"),
}
RUNS, COUNT = 1, 10  # damaged files per kind: with the command, and read as a record


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_configuration_ends_a_command_in_a_sentence(kind, tmp_path):
    env, file = FILES[kind]
    conf = tmp_path / "conf"
    shutil.copytree(ROOT / "conf/base", conf / "base")
    shutil.copytree(ROOT / "conf" / env, conf / env)
    (conf / "local").mkdir()
    path = conf / env / file
    for name, content in damaged(path.read_bytes(), 9 + list(FILES).index(kind), RUNS):
        path.write_bytes(content)
        result = run(tmp_path / "data", "reporting", env, conf, threads=1)
        assert result.exit_code != 0, name  # there is no run to report on
        assert isinstance(result.exception, SystemExit), (name, repr(result.exception))
        sentence = " ".join(result.output[result.output.rindex("Error: ") :].split())
        assert_one_sentence(sentence.replace(str(tmp_path), ""))


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="local")
    return loader["parameters"]


@pytest.mark.parametrize("env", ["mocap", "smoke", "paper"])
def test_damaged_parameters_are_a_record_or_a_sentence(env, base):
    text = (ROOT / "conf" / env / "parameters.yml").read_bytes()
    for _, content in damaged(text, len(env), COUNT):
        with within():
            try:
                read = OmegaConf.load(io.StringIO(content.decode()))
                together = OmegaConf.to_container(OmegaConf.merge(base, read), resolve=True)
            except (*UNREADABLE, OSError, ValueError):  # Kedro fails alike; the command names the file
                continue
            sentence = refusal(together)
        if sentence is not None:
            assert_one_sentence(sentence)


def refusal(parameters: Any) -> str | None:
    try:
        validated(parameters)
    except InputError as error:
        return str(error)
    return None
