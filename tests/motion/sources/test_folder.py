import lzma

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.raw import RawFile
from motiongrpo.motion.sources.amass import AmassConfig
from motiongrpo.motion.sources.folder import amass_clips, mocap_clips, suffix, take
from motiongrpo.motion.sources.mocap.takes import MocapConfig
from tests.motion.rigs import MODEL, cmu_take

MOCAP = MocapConfig(
    source="cmu",
    licence="free",
    sources={},
    licences={},
    amc_fps=120.0,
    fps={},
    subjects={},
    activities={},
    rest_takes={},
    layouts={},
)
AMASS = AmassConfig(subsets=["KIT"], skip=[], middle_share=1.0, betas="zero", gender="neutral", fps={})


def folder(**files: bytes):
    return {name: (lambda content=content: content) for name, content in files.items()}


def unreadable() -> bytes:
    raise AssertionError("a file was opened before its turn")


@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [
        ("a/07_01.bvh", ".bvh", "07_01"),
        ("a.b/07_01.BVH.xz", ".bvh", "07_01"),
        ("README", "", "README"),
        ("x.tar.xz", ".tar", "x"),
    ],
)
def test_a_packed_file_is_of_the_kind_it_packs(file, kind, name):
    assert (suffix(file), take(file)) == (kind, name)


def test_files_are_listed_by_kind_and_opened_one_by_one():
    files = dict.fromkeys(["07_01.bvh", "b/07_02.amc.xz", "07.asf", "notes.txt", "KIT/c.npz"], unreadable)
    assert [name for name, _ in mocap_clips(files, MODEL, MOCAP)] == ["07_01.bvh", "b/07_02.amc.xz"]
    assert [name for name, _ in amass_clips(files, MODEL, AMASS)] == ["KIT/c.npz"]


def test_a_take_of_a_bvh_file_is_named_after_it():
    ((_, read),) = mocap_clips(folder(**{"x/07_01.bvh": cmu_take(30).encode()}), MODEL, MOCAP)
    clip = read()
    assert (clip.name, clip.subject, len(clip), clip.fps) == ("07_01", "07", 30, 30.0)


def test_a_byte_order_mark_is_no_part_of_a_text_file():
    marked = folder(**{"x/07_01.bvh": b"\xef\xbb\xbf" + cmu_take(30).encode()})
    ((_, read),) = mocap_clips(marked, MODEL, MOCAP)
    assert len(read()) == 30


def test_an_amc_file_asks_for_its_skeleton_beside_it():
    """One in another folder is another subject's."""
    readers = dict(mocap_clips(folder(**{"s/07_01.amc": b"", "07.asf": b""}), MODEL, MOCAP))
    with pytest.raises(InputError, match=r"'s/07_01\.amc' needs its skeleton 's/07\.asf' beside it"):
        readers["s/07_01.amc"]()


def test_a_packed_skeleton_serves_as_well():
    readers = dict(
        mocap_clips(folder(**{"s/07_01.amc": b"", "s/07.asf.xz": b"not a skeleton"}), MODEL, MOCAP)
    )
    with pytest.raises(InputError, match=r"s/07\.asf\.xz"):
        readers["s/07_01.amc"]()


def test_a_damaged_rest_take_is_refused_alone():
    """Others of its layout then ask for a T-pose; the listing itself does not fail."""
    config = MOCAP.model_copy(update={"rest_takes": {"motionbuilder": "07_03"}})
    files = folder(**{"07_03.bvh": b"HIERARCHY", "07_04.bvh": cmu_take(30).encode()})
    readers = dict(mocap_clips(files, MODEL, config))
    with pytest.raises(InputError, match=r"'07_03\.bvh' has no MOTION block"):
        readers["07_03.bvh"]()
    assert len(readers["07_04.bvh"]()) == 30


def test_a_packed_file_is_unpacked_and_a_cut_one_is_named(tmp_path):
    packed = lzma.compress(b"motion" * 100)
    for name, content in {"a.bvh.xz": packed, "b.bvh.xz": packed[:-20], "c.bvh": b"plain"}.items():
        (tmp_path / name).write_bytes(content)
    a, b, c = (RawFile(name, tmp_path / name, 1, 0) for name in ("a.bvh.xz", "b.bvh.xz", "c.bvh"))
    assert (a.read(), c.read()) == (b"motion" * 100, b"plain")
    with pytest.raises(InputError, match=r"'b\.bvh\.xz' is not a whole xz file"):
        b.read()
