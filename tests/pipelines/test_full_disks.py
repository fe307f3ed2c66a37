"""A disk that becomes full during the chain: one sentence with the path, and nothing but time is lost."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.kedro_project import files, start, succeed

SHARES = (0.02, 0.12, 0.2, 0.5, 0.9)  # of the chain's space: full in ingestion, trainings, clips and pages
ROOMY = 1 << 28  # bytes

pytestmark = pytest.mark.soak


def mounted(folder: Path, size: int, *options: str) -> bool:
    """Whether the system allowed mounting a disk of this size at the folder."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={size}"]), "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path_factory) -> Iterator[Path]:
    """A separate small disk, always at the same path, since reports contain it."""
    folder = tmp_path_factory.getbasetemp() / "disk"
    folder.mkdir(exist_ok=True)
    if not mounted(folder, ROOMY):
        pytest.skip("a disk of our own cannot be mounted here: that takes Linux and its superuser")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def unbroken() -> dict[str, bytes]:
    """The chain's results on a disk with enough room, made by the first test that needs them."""
    return {}


@pytest.mark.parametrize("share", SHARES)
def test_a_full_disk_is_one_sentence_and_with_room_the_run_ends_as_if_there_always_had_been(
    share, disk, unbroken
):
    if not unbroken:
        succeed(disk, "")
        unbroken |= files(disk)
    needed = sum(-(-len(content) // 4096) * 4096 for content in unbroken.values())
    subprocess.run(["umount", str(disk)], check=True)
    assert mounted(disk, int(share * needed))
    process = start(disk, "")
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    last = " ".join(output[output.rindex("Error: ") :].split())
    assert last.startswith(f"Error: '{disk}/")
    assert "no space left on device" in last.lower()  # safetensors has its own wording
    assert last.endswith("mend that, or name another place for runs with --params data=DIR")
    assert not [path for path in disk.rglob("*") if "partial" in path.name]
    assert mounted(disk, ROOMY, "remount")
    succeed(disk, "")
    assert {name for name, content in files(disk).items() if unbroken.get(name) != content} == set()
    assert files(disk).keys() == unbroken.keys()
