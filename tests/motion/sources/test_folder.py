import io
import lzma
from dataclasses import dataclass

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.raw import RawFile
from motiongrpo.motion.sources.amass import AmassConfig
from motiongrpo.motion.sources.folder import FolderRates, amass_clips, mocap_clips, suffix, take
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


@dataclass
class Held:
    content: bytes

    def __call__(self) -> bytes:
        return self.content

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.content)


def folder(**files: bytes):
    return {name: Held(content) for name, content in files.items()}


def read_whole(read):
    """The only clip of a take."""
    (clip,) = read().clips
    return clip


class Unreadable:
    def __call__(self) -> bytes:
        raise AssertionError("a file was opened before its turn")

    open = __call__


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
    files = dict.fromkeys(["07_01.bvh", "b/07_02.amc.xz", "07.asf", "notes.txt", "KIT/c.npz"], Unreadable())
    assert [name for name, _ in mocap_clips(files, MODEL, MOCAP)] == ["07_01.bvh", "b/07_02.amc.xz"]
    assert [name for name, _ in amass_clips(files, MODEL, AMASS)] == ["KIT/c.npz"]


def test_a_take_of_a_bvh_file_is_named_after_it():
    ((_, read),) = mocap_clips(folder(**{"x/07_01.bvh": cmu_take(30).encode()}), MODEL, MOCAP)
    clip = read_whole(read)
    assert (clip.name, clip.subject, len(clip), clip.fps) == ("07_01", "07", 30, 30.0)


def test_a_byte_order_mark_is_no_part_of_a_text_file():
    marked = folder(**{"x/07_01.bvh": b"\xef\xbb\xbf" + cmu_take(30).encode()})
    ((_, read),) = mocap_clips(marked, MODEL, MOCAP)
    assert len(read_whole(read)) == 30


def test_an_amc_file_asks_for_its_skeleton_beside_it():
    """A skeleton in another folder belongs to another subject."""
    readers = dict(mocap_clips(folder(**{"s/07_01.amc": b"", "07.asf": b""}), MODEL, MOCAP))
    with pytest.raises(InputError, match=r"'s/07_01\.amc' needs its skeleton 's/07\.asf' beside it$"):
        readers["s/07_01.amc"]()


def test_the_only_skeleton_of_a_folder_serves_whatever_its_name():
    files = {"s/07_01.amc": b"", "s/john.asf": b"not a skeleton"}
    with pytest.raises(InputError, match=r"'s/john\.asf' has no"):
        dict(mocap_clips(folder(**files), MODEL, MOCAP))["s/07_01.amc"]()
    several = folder(**files, **{"s/mary.asf": b""})
    with pytest.raises(InputError, match=r"needs its skeleton 's/07\.asf' beside it, where 2 others are"):
        dict(mocap_clips(several, MODEL, MOCAP))["s/07_01.amc"]()


def test_takes_are_told_apart_by_folder_in_every_table():
    tables = {
        "sources": {"lab/*": "lab"},
        "licences": {"lab": "CC0"},
        "fps": {"lab/*": 60.0},
        "subjects": {"lab/*": "ann"},
    }
    described = MOCAP.model_copy(update=tables)
    files = folder(**{name: cmu_take(45).encode() for name in ("lab/07_01.bvh", "else/07_01.bvh")})
    lab, other = (read_whole(read) for _, read in mocap_clips(files, MODEL, described))
    assert (lab.name, lab.source, lab.licence, lab.fps, lab.subject) == ("07_01", "lab", "CC0", 60.0, "ann")
    assert (other.source, other.licence, other.fps, other.subject) == ("cmu", "free", 30.0, "07")


def test_a_rate_is_doubted_by_most_takes_of_its_folder_alone():
    slow, fast = cmu_take(30).encode(), cmu_take(30).replace("0.033333333", "0.008333333").encode()
    files = folder(**{"a/1.bvh": slow, "a/2.bvh": fast, "a/3.bvh": fast, "a/4.bvh": fast, "b/1.bvh": slow})
    rates = FolderRates(files, MOCAP)
    doubt = "its header says 30 frames/s, and that of 3 of 3 other takes beside it 120"
    assert [rates.doubt(file) for file in files] == [doubt, "", "", "", ""]
    named = MOCAP.model_copy(update={"fps": {"a/1": 120.0}})
    assert FolderRates(files, named).doubt("a/1.bvh") == ""


def test_a_packed_skeleton_serves_as_well():
    readers = dict(
        mocap_clips(folder(**{"s/07_01.amc": b"", "s/07.asf.xz": b"not a skeleton"}), MODEL, MOCAP)
    )
    with pytest.raises(InputError, match=r"s/07\.asf\.xz"):
        readers["s/07_01.amc"]()


def test_a_damaged_rest_take_is_refused_alone():
    """Other takes of its layout are then refused for lack of a T-pose; the listing itself does not fail."""
    config = MOCAP.model_copy(update={"rest_takes": {"motionbuilder": "07_03"}})
    files = folder(**{"07_03.bvh": b"HIERARCHY", "07_04.bvh": cmu_take(30).encode()})
    readers = dict(mocap_clips(files, MODEL, config))
    with pytest.raises(InputError, match=r"'07_03\.bvh' has no MOTION block"):
        readers["07_03.bvh"]()
    assert len(read_whole(readers["07_04.bvh"])) == 30


def test_a_packed_file_is_unpacked_and_a_cut_one_is_named(tmp_path):
    packed = lzma.compress(b"motion" * 100)
    for name, content in {"a.bvh.xz": packed, "b.bvh.xz": packed[:-20], "c.bvh": b"plain"}.items():
        (tmp_path / name).write_bytes(content)
    a, b, c = (RawFile(name, tmp_path / name, 1, 0) for name in ("a.bvh.xz", "b.bvh.xz", "c.bvh"))
    assert (a.read(), c.read()) == (b"motion" * 100, b"plain")
    with pytest.raises(InputError, match=r"'b\.bvh\.xz' is not a whole xz file"):
        b.read()
