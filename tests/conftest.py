"""What all tests share: one thread, since sums then come out alike on every machine, and one small run."""

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder of a whole `kedro run --env smoke`, and what it printed; copy it to change it."""
    from tests.pipelines.kedro_project import run

    data = tmp_path_factory.mktemp("smoke")
    result = run(data, "")
    assert result.exit_code == 0, result.output
    return data, result.output
