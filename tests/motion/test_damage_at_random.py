"""Files with seeded random damage: one sentence each, and the intact file beside them is ingested."""

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from motiongrpo.base.errors import InputError
from tests.damage import assert_one_sentence, damaged, repacked, within
from tests.motion.sources.mocap.test_asf_amc import AMC, ASF
from tests.motion.sources.raw_folders import rich_tree, smplh_file
from tests.motion.test_damage import TAKE, ingested

COUNT = 15  # damaged files per kind


def mocap(root: Path) -> dict:
    """Damaged BVH, packed and plain; damaged AMC with an intact skeleton, and the reverse."""
    (root / "s.asf").write_text(ASF)
    for name, content in damaged(TAKE.encode(), 1, COUNT):
        (root / f"{name}.bvh").write_bytes(content)
    for name, content in damaged(lzma.compress(TAKE.encode(), preset=0), 2, COUNT):
        (root / f"{name}.bvh.xz").write_bytes(content)
    for name, content in damaged(AMC.encode(), 3, COUNT):
        (root / f"s_{name}.amc").write_bytes(content)
    for name, content in damaged(ASF.encode(), 4, COUNT):
        subject = name.replace("_", "-")
        (root / f"{subject}.asf").write_bytes(content)
        (root / f"{subject}_01.amc").write_text(AMC)
    (root / "whole.bvh").write_text(TAKE)
    return {"mocap": {"subjects": {"*": "1"}}}


def amass(root: Path) -> dict:
    """Archives damaged as files, and inside."""
    content = smplh_file(root / "KIT/1/short_poses.npz", seconds=0.2, dmpls=None).read_bytes()
    for name, other in damaged(content, 5, COUNT):
        (root / f"KIT/1/{name}_poses.npz").write_bytes(other)
    for number in range(COUNT):
        (root / f"KIT/1/within_{number}_poses.npz").write_bytes(repacked(content, number))
    smplh_file(root / "KIT/1/whole_poses.npz", dmpls=None)
    return {"amass": {"subsets": ["KIT"]}}


def rich(root: Path) -> dict:
    """Damaged bodies and cameras, each in a separate scene."""
    body = next(iter(rich_tree(root, "Whole_001_walk", "001", range(60)).values())).read_bytes()
    camera = (root / "data/multicam2world/Whole_multicam2world.json").read_bytes()
    for name, content in damaged(body, 6, COUNT):
        for path in rich_tree(root, f"B{name[:3]}_001_x", "001", range(2)).values():
            path.write_bytes(content)
    for name, content in damaged(camera, 7, COUNT):
        rich_tree(root, f"C{name[:3]}_001_x", "001", range(2))
        (root / f"data/multicam2world/C{name[:3]}_multicam2world.json").write_bytes(content)
    return {}


@pytest.mark.parametrize("write", [mocap, amass, rich])
def test_damaged_files_are_met_with_a_sentence_each_and_the_whole_one_is_ingested(write, tmp_path):
    changes = write(tmp_path)
    before = {path for path in tmp_path.rglob("*")}
    with within(120):
        found = ingested(tmp_path, write.__name__, **changes)
    for name, verdict in found.items():
        if verdict["reason"]:
            assert_one_sentence(verdict["reason"])
        if "whole" in name.lower():
            assert verdict["verdict"] == "accepted", verdict
    assert sum(verdict["verdict"] == "refused" for verdict in found.values()) > COUNT
    assert {path for path in tmp_path.rglob("*")} == before


def depended_on(root: Path, kind: str) -> tuple[Path, Callable[[], object]]:
    """A file on which all others depend, and their ingestion: genders of RICH, EgoAllo's file and list."""
    if kind == "genders":
        rich_tree(root, "BBQ_001_guitar", "001", range(2))
        return root / "resource/gender.json", lambda: ingested(root, "rich")
    pytest.importorskip("h5py")
    from tests.motion.sources import test_egoallo_hdf5 as egoallo

    egoallo.tree(root, {f"ACCAD/s/{name}_poses.npz": egoallo.group_arrays() for name in "ab"})
    path = root / (egoallo.FILE if kind == "file" else egoallo.LIST)
    return path, lambda: ingested(root, "egoallo_hdf5", egoallo_hdf5={"subsets": ["ACCAD"]})


def refusal(ingest: Callable[[], object]) -> str | None:
    try:
        ingest()
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", ["genders", "file", "list"])
def test_a_damaged_file_that_others_depend_on_is_named_or_refuses_what_it_spoils(kind, tmp_path):
    path, ingest = depended_on(tmp_path, kind)
    for _, content in damaged(path.read_bytes(), 8, COUNT):
        path.write_bytes(content)
        with within():
            sentence = refusal(ingest)
        if sentence is not None:
            assert_one_sentence(sentence.replace(str(tmp_path), ""))
