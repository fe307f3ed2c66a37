"""The whole chain killed repeatedly at seeded moments: it ends with the same results."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.kedro_project import files, start, succeed

KILLS = 20
MOST_NEW_FILES = 8  # that a command may make before it is killed; the chain makes about eighty
LATEST_S = 0.5  # after the last of them

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """A folder, fixed since reports contain it, and the results in it of a chain that is not killed."""
    data = tmp_path_factory.mktemp("chain") / "data"
    data.mkdir()
    succeed(data, "")
    return data, files(data)


def count(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def killed(data: Path, random: np.random.Generator) -> bool:
    """Start the chain and kill it at a moment that does not depend on load; False where it ended before."""
    wanted, delay = count(data) + random.integers(MOST_NEW_FILES), random.uniform(0, LATEST_S)
    process = start(data, "")
    while count(data) < wanted and process.poll() is None:
        time.sleep(0.005)
    try:
        output, _ = process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, output
    return False


@pytest.mark.parametrize("seed", [0, 1])
def test_a_chain_killed_at_twenty_moments_ends_with_the_files_of_an_unbroken_one(seed, unbroken):
    (data, expected), random, kills = unbroken, np.random.default_rng(seed), 0
    while kills < KILLS:
        shutil.rmtree(data)
        data.mkdir()
        while kills < KILLS and killed(data, random):
            kills += 1
        succeed(data, "")
        made = files(data)
        assert made.keys() == expected.keys()
        assert [name for name in made if made[name] != expected[name]] == []
