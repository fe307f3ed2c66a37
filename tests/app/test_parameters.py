"""Refusals of parameters of a whole run."""

import pytest
from omegaconf import OmegaConf

from motiongrpo.app.parameters import validated
from motiongrpo.base.errors import InputError
from tests.pipelines.kedro_project import ROOT


def test_several_processes_need_a_device_on_which_they_can_meet():
    files = sorted((ROOT / "conf/base").glob("parameters*.yml"))
    OmegaConf.register_new_resolver("first_run", lambda *names: names[-1], replace=True)
    OmegaConf.register_new_resolver("runtime_params", lambda name, otherwise: otherwise, replace=True)
    values = OmegaConf.load(ROOT / "conf/base/globals.yml")
    OmegaConf.register_new_resolver("globals", lambda name: values[name], replace=True)
    parameters = OmegaConf.to_container(OmegaConf.merge(*map(OmegaConf.load, files)), resolve=True)
    validated(parameters | {"device": "mps"})
    with pytest.raises(InputError, match="processes above 1 need device cpu or cuda, got mps"):
        validated(parameters | {"processes": 2, "device": "mps"})
