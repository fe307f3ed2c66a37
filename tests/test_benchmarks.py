"""The benchmark for a GPU at toy size, since tests have no GPU."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SLOW = {"update bf16 compiled", "two processes"}  # because they take long to start


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu")


def failed(found: dict) -> list[str]:
    return [name for name, told in found.items() if "failed" in str(told)]


def test_every_section_of_the_gpu_run_is_measured_and_written(gpu, tmp_path, monkeypatch):
    size, file = gpu.toy(), tmp_path / "gpu.json"
    quick = {name: told for name, told in gpu.sections(size).items() if name not in SLOW}
    monkeypatch.setattr(gpu, "sections", lambda size: quick)
    found = gpu.measure(size, file)
    assert json.loads(file.read_text()) == found
    assert found.keys() == {*quick, "seconds"}
    assert failed(found) == []
    assert found["audit"]["fp32"]["per_dim"] <= found["audit"]["limit_per_dim"]
    assert found["update bf16"]["levels_trained"] == 2


@pytest.mark.soak
def test_the_gpu_run_compiles_and_starts_two_processes(gpu, tmp_path):
    file = tmp_path / "gpu.json"
    subprocess.run([sys.executable, BENCHMARKS / "gpu.py", file, "--toy"], check=True, capture_output=True)
    found = json.loads(file.read_text())
    assert found.keys() == {*gpu.sections(gpu.toy()), "seconds"}
    assert failed(found) == []


@pytest.mark.soak
def test_every_way_of_evaluating_a_network_on_a_cpu_is_measured(gpu, monkeypatch, capsys):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks cannot be compiled
    compiled = importlib.import_module("compiled")
    monkeypatch.setattr(compiled, "ROUNDS", 1)
    monkeypatch.setattr(compiled, "SLOW_ROUNDS", 1)
    compiled.measure(gpu.toy())
    told = capsys.readouterr().out
    assert [told.count(word) for word in ("compiled 0.", "bf16 0.", "inference_mode 0.", "audit, ")] == [
        5,
        3,
        1,
        3,
    ]


def test_a_section_without_time_left_says_so_and_the_file_is_whole(gpu, tmp_path):
    found = gpu.measure(gpu.toy(), tmp_path / "gpu.json", limit_s=0)
    assert failed(found) == list(gpu.sections(gpu.toy()))
    assert found["audit"] == {"failed": "TimeoutError: no time was left"}


def test_the_gpu_run_is_of_the_papers_size(gpu):
    size = gpu.paper()
    assert (size.rollout.conditions, size.rollout.group_size, size.rollout.sampling.steps) == (64, 16, 30)
    assert size.rollout.trained_steps == 30
