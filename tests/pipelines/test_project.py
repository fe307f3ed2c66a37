"""Contracts of the project: catalog, parameters, registry."""

import inspect
import re
import shutil
from collections.abc import Iterable

import pytest
from kedro.framework import project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from motiongrpo.app.parameters import ProjectParameters
from motiongrpo.base.compilation import refuse_without_compiler
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.hooks import makers_of
from motiongrpo.pipeline_registry import CHAIN, all_pipelines, register_pipelines
from tests.damage import assert_one_sentence
from tests.pipelines.kedro_project import ROOT, run

LAYERS = ["raw", "intermediate", "model_input", "models", "model_output", "reporting"]
ENVIRONMENTS = ["base", "smoke", "cmu", "paper"]


def context(env: str, **params):
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env=env, runtime_params=params) as session:
        return session.load_context()


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_parameters_of_every_environment_are_valid(env):
    parameters = context(env).config_loader["parameters"]
    assert ProjectParameters.model_validate(parameters).run == {"base": "default"}.get(env, env)


def used_datasets() -> set[str]:
    """The datasets that any pipeline reads or writes."""
    return no_parameters(set().union(*(pipeline.datasets() for pipeline in register_pipelines().values())))


def no_parameters(names: Iterable[str]) -> set[str]:
    return {name for name in names if name != "parameters" and not name.startswith("params:")}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_everything_a_pipeline_touches_is_in_the_catalog_and_nothing_else_is(env):
    """Kedro would keep a misspelt output in memory only, and it would be lost."""
    assert no_parameters(context(env).catalog.keys()) == used_datasets()


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_catalog_entry_has_a_sentence_and_a_layer(env):
    catalog = context(env).catalog
    for name in no_parameters(catalog.keys()):
        metadata = catalog.get(name).metadata
        assert metadata["kedro-viz"]["layer"] in LAYERS, name
        assert is_sentence(metadata["description"]), name


def test_layers_run_one_way():
    """Kedro-viz shows no layers where they form a cycle."""
    catalog = context("base").catalog
    place = {name: LAYERS.index(catalog.get(name).metadata["kedro-viz"]["layer"]) for name in used_datasets()}
    for pipeline in register_pipelines().values():
        for node in pipeline.nodes:
            before = max((place[name] for name in node.inputs if name in place), default=0)
            assert before <= min((place[name] for name in node.outputs), default=before), node.name


def test_every_node_has_a_sentence_and_stands_in_the_group_of_its_pipeline():
    pipelines = register_pipelines()
    for name, pipeline in pipelines.items():
        for node in pipeline.nodes:
            first = re.split(r"\n\n", inspect.getdoc(node.func) or "")[0].replace("\n", " ")
            assert is_sentence(first), node.name
            assert node.name == f"{node.namespace}.{node.short_name.replace(' ', '_').lower()}"
            assert makers_of(node.outputs) == [node.namespace] or not node.outputs, name


def is_sentence(text: str) -> bool:
    """Whether it starts with a capital, ends with a full stop or question mark, and has several words."""
    return text[:1].isupper() and text.endswith((".", "?")) and len(text.split()) >= 4


def test_the_default_pipeline_is_the_chain_in_order():
    pipelines = register_pipelines()
    nodes = [node.name for node in pipelines["__default__"].nodes]
    assert set(nodes) == {node.name for name in CHAIN for node in pipelines[name].nodes}
    order = [
        "ingestion.ingest_motions",
        "pretraining.train_denoiser",
        "reward_model.train_reward_model",
        "grpo.post_train",
        "evaluation.score_checkpoints",
    ]
    assert [name for name in nodes if name in order] == order


def test_domain_packages_are_importable_without_kedro(monkeypatch):
    """Benchmarks on a GPU machine need torch, numpy, pandas and safetensors, but not Kedro."""
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['kedro'] = None; sys.modules['kedro_datasets'] = None\n"
        "import motiongrpo.policy.grpo, motiongrpo.metrics.evaluation, motiongrpo.rewards.examination\n"
        "assert 'smplx' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


REFUSALS = [
    ({"grp__updates": 3}, "'grp' is not a parameter of ProjectParameters; did you mean 'grpo'?"),
    ({"grpo__updatse": 3}, "'updatse' is not a parameter of GrpoConfig; did you mean 'updates'?"),
    ({"grpo__rollout__noise__knid": 1}, "'knid' is not a parameter of NoiseConfig; did you mean 'kind'?"),
    ({"grpo__updates": 0}, "parameter grpo.updates: input should be greater than or equal to 1, got 0"),
    (
        {"pretraining__optimiser__ema_decay": 1.5},
        "pretraining.optimiser.ema_decay: input should be less than 1",
    ),
    ({"run": "../elsewhere"}, "parameter run: string should match pattern"),
    ({"run": "${run}"}, "--params takes values as they are, got run=${run}; write out what it stands for"),
    ({"run": "${oc.env:HOME}"}, "--params takes values as they are, got run=${oc.env:HOME}; write out"),
    ({"data_root": "~nobodyhere/x"}, "data_root: '~nobodyhere/x' begins at a home that is not known here"),
    ({"threads": 10**11}, "parameter threads: input should be less than or equal to 1024, got 100000000000"),
    ({"ray_address": "auto"}, "ray_address=auto needs engine=ray, got local"),
    ({"engine": "ray", "ray_address": "there"}, "parameter ray_address: string should match pattern"),
    ({"engine": "ray", "device": "cuda:1"}, "engine=ray gives every job a GPU of its own: pass device=cuda"),
    ({"ingestion__fps": 0.0001}, "parameter ingestion.fps: input should be greater than or equal to 5"),
    ({"ingestion__fps": "1e7"}, "parameter ingestion.fps: input should be less than or equal to 1000"),
    ({"ingestion__synthetic__clips": 10**9}, "clips: input should be less than or equal to 1000000, got"),
    ({"grpo__rollout__noise__kind": "pink"}, "input should be 'perlin', 'white' or 'none', got 'pink'"),
]


@pytest.mark.parametrize(("params", "sentence"), REFUSALS)
def test_a_wrong_parameter_anywhere_is_refused_by_name_before_anything_runs(params, sentence, tmp_path):
    """It is also refused where its stage is not part of the run."""
    result = run(tmp_path, "ingestion", **params)
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_parameters_that_do_not_fit_together_are_one_sentence(tmp_path):
    result = run(tmp_path, "ingestion", grpo="[]")
    assert result.exit_code == 1
    assert "Error: the parameters do not fit together: Cannot merge DictConfig with ListC" in result.output


@pytest.mark.parametrize(
    "content",
    [
        b"a: [",
        b"a: 1\na: 2\n",
        b"\xff: 1\n",
        b"a: &a [*a]\n",
        b"[" * 5000,
        b"- 1\n",
        b"a: \0\n",
    ],
)
def test_a_file_of_the_configuration_that_is_none_is_named(content, tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "smoke/parameters_mine.yml").write_bytes(content)
    data = tmp_path / "data"
    result = run(data, "ingestion", conf=conf)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert_one_sentence(last.replace(str(tmp_path), ""))
    assert not data.exists()


def test_a_list_of_several_values_is_sent_to_a_file(tmp_path):
    result = run(tmp_path, "ingestion", ingestion__synthetic__activities="[walk,turn]")
    assert result.exit_code == 2
    assert "commas part one from the next, got 'turn]'; a list of several values goes into" in result.output


@pytest.mark.parametrize(
    ("stage", "makers"),
    [
        ("pretraining", "ingestion"),
        ("grpo", "ingestion,pretraining,reward_model"),
        ("evaluation", "ingestion"),
    ],
)
def test_a_missing_artefact_is_named_with_the_pipeline_that_makes_it(stage, makers, tmp_path):
    result = run(tmp_path, stage)
    assert result.exit_code == 1
    assert "'motions'" in result.output
    assert f"kedro run --pipelines {makers}" in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_ray_nothing_is_begun_and_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("motiongrpo.app.requirements.find_spec", lambda name: None)
    result = run(tmp_path, "ingestion", engine="ray")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "ray, which is not installed: pip install --constraint constraints.txt" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_is_not_there_is_told_before_anything_is_made(tmp_path, monkeypatch):
    def missing(*args, **kwargs):
        raise RuntimeError("no working C++ compiler found\nand a page about it")

    monkeypatch.setattr("torch.compile", missing)
    refuse_without_compiler.cache_clear()
    result = run(tmp_path, "ingestion,pretraining", compiler="inductor")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "compiler=inductor cannot be had on device cpu (no working C++ compiler found)" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_paper_without_its_files_ends_at_once_with_a_sentence_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    result = run(tmp_path, "", env="paper")
    assert result.exit_code == 1
    data, body, conversion, device = result.output.strip().splitlines()
    assert "data_root names no folder" in data
    assert "https://amass.is.tue.mpg.de" in data
    assert "body names no file" in body
    assert "https://mano.is.tue.mpg.de" in body
    assert "gender_conversion names no file" in conversion
    assert "python -m motiongrpo.body.gender_conversion" in conversion
    assert "device 'cuda' is not there" in device
    assert "https://pytorch.org" in device
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_told_of_what_it_reads_and_of_nothing_else(tmp_path, monkeypatch):
    """Scoring needs no raw motion, and the given device and body file exist."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    result = run(tmp_path, "evaluation", env="paper", device="cpu", body=str(OPEN_BODY))
    assert result.output.strip().splitlines() == [
        "Error: 'motions' and 'windows' do not exist yet; make what is missing first: "
        "kedro run --pipelines ingestion"
    ]


MISSING = [
    ({"ingestion__source": "amass", "data_root": "nowhere"}, "data_root 'nowhere' is not a folder"),
    (
        {
            "ingestion__source": "rich",
            "ingestion__rich__betas": "converted",
            "gender_conversion": str(OPEN_BODY),
        }
        | {"data_root": "."},
        "body names no file, and ingestion.rich.betas=converted needs that of SMPL-H",
    ),
    ({"ingestion__source": "mocap"}, "http://mocap.cs.cmu.edu into one folder"),
    ({"body": "nowhere"}, "no neutral body file at 'nowhere'"),
    (
        {"pretraining__init": "egoallo", "pretraining__egoallo": "nowhere"},
        "no EgoAllo checkpoint in 'nowhere'",
    ),
    ({"device": "cuda:3"}, "device 'cuda:3' is not there"),
]


@pytest.mark.parametrize(("params", "sentence"), MISSING)
def test_what_is_not_there_is_said_in_one_sentence_before_anything_runs(
    params, sentence, tmp_path, monkeypatch
):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    result = run(tmp_path, "ingestion,pretraining", **params)
    assert result.exit_code == 1
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_whatever_must_exist_before_a_run_is_made_by_one_pipeline():
    catalog = context("base").catalog
    read = no_parameters(set().union(*(pipeline.inputs() for pipeline in all_pipelines().values())))
    needed = [name for name in read if not getattr(catalog.get(name), "may_be_absent", False)]
    assert {"motions", "pretrained_denoiser", "scores"} <= set(needed)
    assert {name: len(makers_of([name])) for name in needed} == dict.fromkeys(needed, 1)


def test_makers_are_found_also_of_pipelines_that_the_command_does_not_load():
    context("base")
    project.pipelines.set_requested(["grpo"])
    assert list(project.pipelines) == ["__default__", "grpo"]
    assert makers_of(["reward_model", "motions"]) == ["ingestion", "reward_model"]
