"""Damaged files of every format: one sentence each, and the intact file beside them is ingested."""

import io
import json
import lzma
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from motiongrpo.motion.parallel import Ingestion
from tests.bodies import open_body
from tests.motion.rigs import cmu_take
from tests.motion.sources.mocap.test_asf_amc import AMC, ASF
from tests.motion.sources.raw_folders import base_config, listed, rich_tree, smplh_file

MOST = {"bvh": 1, "amc": 1, "npz": 1, "hdf5": 1, "other": 1}
TAKE = cmu_take(45)
HEAD, _, ROWS = TAKE.partition("MOTION\n")
FIRST_ROW = ROWS.split("\n")[2]


def ingested(root: Path, source: str, **changes) -> dict[str, dict]:
    """The verdict on every file of a folder."""
    config = base_config(source, most_megabytes=MOST, **changes)
    work = Ingestion(listed(root), open_body(), config, None)
    verdicts = {file.name: file.line for file in work.all(list(work.readers))}
    for verdict in verdicts.values():
        assert len(verdict["reason"]) < 400
        assert verdict["reason"].isprintable()
        assert not verdict["reason"].startswith("reading it failed"), verdict
    return verdicts


def assert_refused(verdict: dict, *sentence: str) -> None:
    assert verdict["verdict"] == "refused"
    for part in sentence:
        assert part in verdict["reason"]


def with_time(word: str) -> str:
    return TAKE.replace("Frame Time: 0.033333333", f"Frame Time: {word}")


def with_joints(count: int) -> str:
    return (
        "HIERARCHY\n" + "".join(f"{'JOINT' if i else 'ROOT'} j{i}\n{{\n" for i in range(count)) + "MOTION\n"
    )


def z_up() -> str:
    """The take with its offsets turned upright by a quarter turn about x."""

    def turned(line: str) -> str:
        word, *numbers = line.split()
        return f"OFFSET {numbers[0]} {-float(numbers[2])} {numbers[1]}" if word == "OFFSET" else line

    return "\n".join(map(turned, HEAD.splitlines())) + "\nMOTION\n" + ROWS


BVH = {
    "frames": (TAKE.replace("Frames: 45", "Frames: " + "4" * 5000), "'Frames' must be a count", "444…'"),
    "time_1e400": (with_time("1e400"), "'Frame Time' must be a number of seconds above 0, got '1e400'"),
    "time_0e400": (with_time("0e400"), "'Frame Time' must be a number of seconds above 0, got '0e400'"),
    "time_1e-310": (with_time("1e-310"), "'Frame Time' must be a number of seconds above 0, got '1e-310'"),
    "time_1e300": (with_time("1e300"), "it has 1e-300 frames/s, and motion has 5 to 1000; correct"),
    "milliseconds": (with_time("33.3333"), "has 0.03 frames/s", "30 if its frame time is in milliseconds"),
    "a_rate": (with_time("1e-4"), "it has 1e+04 frames/s, and motion has 5 to 1000"),
    "cr_in_row": (
        TAKE.replace(FIRST_ROW, FIRST_ROW.replace(" ", "\r", 1)),
        "one per channel, got 1; the file",
    ),
    "glued": (
        TAKE.replace(FIRST_ROW, FIRST_ROW.replace(" ", "-", 1)),
        "line 135: '5.314960630-16.532659060' is several numbers without a space between them",
    ),
    "more_rows": (TAKE + FIRST_ROW + "\n", "promises 45 frames and holds 46: correct its 'Frames'"),
    "token": (TAKE.replace("OFFSET", "\x1b[31m" + "x" * 500_000, 1), "'\\x1b[31mxxx", "is not part of a BVH"),
    "blank": ("\n" * 30_000 + " " * 30_000, "it has no MOTION block"),
    "joints": (with_joints(60_000), "it has more than 2000 joints"),
    "large": (TAKE + " " * 1_000_000, "it holds more than 1 MB"),
    "latin1": (TAKE.encode().replace(b"Hips", b"H\xfcft"), "it is not text: byte"),
    "z_up": (z_up(), "it stands upright where z is up, not y; give its rig a layout with 'up: z'"),
    "empty": ("", "it has no MOTION block"),
}


@pytest.fixture(scope="module")
def mocap(tmp_path_factory) -> dict[str, dict]:
    """The verdicts on a folder with one intact take among damaged ones, each with its own subject."""
    root = tmp_path_factory.mktemp("mocap")
    (root / "01_01.bvh").write_text(TAKE)
    (root / "namespace.bvh").write_text(re.sub(r"(ROOT|JOINT) ", r"\1 mixamorig:", TAKE))
    (root / "blank_lines.bvh").write_text(
        TAKE.replace("Frames", "\n\nFrames").replace("Frame T", "\n\nFrame T")
    )
    for name, (content, *_) in BVH.items():
        (root / f"{name}.bvh").write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, (skeleton, take, *_) in ACCLAIM.items():
        (root / f"{name}.asf").write_bytes(skeleton.encode("latin-1"))
        (root / f"{name}_01.amc").write_bytes(take.encode("latin-1"))
    (root / "bomb.bvh.xz").write_bytes(lzma.compress(bytes(3_000_000), preset=0))
    (root / "torn.bvh.xz").write_bytes(lzma.compress(TAKE.encode(), preset=0)[:-50])
    os.mkfifo(root / "pipe.bvh")
    (root / os.fsdecode(b"\xff_01.bvh")).write_text("")
    return ingested(root, "mocap", mocap={"subjects": {"*": "1"}})


ACCLAIM = {
    "wide": (ASF, AMC.replace("\n2\n", f"\n{2**70}\n"), "frame 2 is missing, 1180591620717411303… stands"),
    "long": (ASF, AMC.replace("\n1\n", "\n" + "1" * 5000 + "\n"), "the first frame has the number '1111"),
    "later": (ASF, AMC.replace("\n2\n", "\n" + "1" * 5000 + "\n"), "frame 2 is missing, 1111"),
    "comment": (ASF.replace("# a comment", "# Gr\xf6\xdfe"), "# \xe4\n" + AMC, "has no bone"),
    "letter": (ASF, AMC.replace("thigh", "th\xefgh"), "it is not text: byte"),
    "sections": (ASF + "".join(f":s{i}\n" for i in range(20_000)) + "x\n" * 20_000, AMC, "has no bone"),
}


@pytest.mark.parametrize("name", BVH)
def test_a_damaged_bvh_is_one_sentence(mocap, name):
    assert_refused(mocap[f"{name}.bvh"], *BVH[name][1:])


@pytest.mark.parametrize("name", ACCLAIM)
def test_a_damaged_pair_of_asf_and_amc_is_one_sentence(mocap, name):
    assert_refused(mocap[f"{name}_01.amc"], *ACCLAIM[name][2:])


@pytest.mark.parametrize("name", ["namespace", "blank_lines"])
def test_what_other_programs_write_differently_changes_nothing(mocap, name):
    plain, written = mocap["01_01.bvh"], mocap[f"{name}.bvh"]
    assert written["verdict"] == "accepted", written
    assert written["sequences"] == [row | {"name": name} for row in plain["sequences"]]


def test_the_whole_take_among_damaged_ones_is_ingested(mocap):
    assert mocap["01_01.bvh"]["verdict"] == "accepted", mocap["01_01.bvh"]
    assert_refused(mocap["bomb.bvh.xz"], "it holds more than 1 MB")
    assert_refused(mocap["torn.bvh.xz"], "it is not a whole xz file")
    assert_refused(mocap["\\udcff_01.bvh"], "it has no MOTION block")
    assert "pipe.bvh" not in mocap


def npz(header: bytes, method: int = zipfile.ZIP_STORED, content: bytes = b"") -> bytes:
    """An archive whose `poses` has this header."""
    file = io.BytesIO()
    text = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("poses.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content)
    return file.getvalue()


def described(shape: str, descr: str = "'<f8'") -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()


def in_lzma() -> bytes:
    whole = bytearray(npz(described("(4,)"), zipfile.ZIP_LZMA, bytes(range(32))))
    place = whole.index(b"poses.npy") + 9
    whole[place + 4 : place + 9] = b"\xff" * 5
    return bytes(whole)


NPZ = {
    "literal": (npz(b"{'descr': open('x')}"), "it is damaged"),
    "torn": (npz(b"{'descr': ("), "it is damaged"),
    "unhashable": (npz(b"{[]: 1}"), "it is damaged"),
    "vast": (npz(described(f"({10**30},)")), "it is damaged"),
    "negative": (npz(described("(-4,)")), "it is damaged"),
    "deep": (npz(b"(" * 2000), "it is damaged"),
    "lzma": (in_lzma(), "it is damaged"),
    "bomb": (
        npz(described("(1000000,)"), zipfile.ZIP_DEFLATED, bytes(8_000_000)),
        "unpacks to more than 1 MB",
    ),
    "not an archive": (b"PK", "it is not an npz archive"),
}


def test_damaged_npz_files_are_one_sentence_each_beside_a_whole_one(tmp_path):
    smplh_file(tmp_path / "KIT/1/whole_poses.npz", dmpls=None)
    smplh_file(tmp_path / "KIT/1/seconds_poses.npz", dmpls=None, mocap_framerate=np.array(1 / 60))
    smplh_file(tmp_path / "KIT/1/slow_poses.npz", dmpls=None, mocap_framerate=np.array(1e-3))
    smplh_file(tmp_path / "KIT/1/gender_poses.npz", dmpls=None, gender=np.array(b"\xff\xfe"))
    for name, (content, _) in NPZ.items():
        (tmp_path / f"KIT/1/{name}.npz").write_bytes(content)
    found = ingested(tmp_path, "amass", amass={"subsets": ["KIT"], "betas": "file", "gender": "male"})
    found = {name.removeprefix("KIT/1/"): verdict for name, verdict in found.items()}
    for name, (_, sentence) in NPZ.items():
        assert_refused(found[f"{name}.npz"], sentence)
    assert_refused(
        found["seconds_poses.npz"],
        "0.01667 frames/s",
        "or 60 if rate and frame time are",
        "ingestion.amass.fps",
    )
    assert_refused(found["slow_poses.npz"], "0.001 frames/s")
    assert_refused(found["gender_poses.npz"], "has betas of a \\xff\\xfe body")
    assert found["whole_poses.npz"]["verdict"] == "accepted", found["whole_poses.npz"]


def doubled(depth: int) -> bytes:
    """A pickle that puts a tuple with 2**depth leaves on the stack, in seven bytes per level."""
    program = b"K\x01q\x00"
    for level in range(depth):
        program += b"0h" + bytes([level]) + b"h" + bytes([level]) + b"\x86q" + bytes([level + 1])
    return program


def test_damaged_groups_of_egoallos_file_are_one_sentence_each(tmp_path):
    h5py = pytest.importorskip("h5py")
    from tests.motion.sources import test_egoallo_hdf5 as egoallo

    whole = egoallo.group_arrays()
    names = {name: f"ACCAD/s/{name}_poses.npz" for name in ("whole", "vast", "unallocated", "empty", "none")}
    egoallo.tree(tmp_path, dict.fromkeys(names.values(), whole))
    with h5py.File(tmp_path / egoallo.FILE, "a") as file:
        for name, shape in {"vast": (10**12, 7), "unallocated": (30_000, 7), "none": (0, 7)}.items():
            del file[f"{names[name]}/T_world_root"]
            file.create_dataset(
                f"{names[name]}/T_world_root", shape, "f4", chunks=(32, 7), maxshape=(None, 7)
            )
        del file[f"{names['empty']}/T_world_root"]
        file[f"{names['empty']}/T_world_root"] = h5py.Empty("f4")
    found = ingested(tmp_path, "egoallo_hdf5", egoallo_hdf5={"subsets": ["ACCAD"]})
    assert_refused(found[names["vast"]], "T_world_root' announces 1000000000000 frames, more than 1 MB")
    assert_refused(found[names["unallocated"]], "T_world_root' announces 30000 frames and holds none")
    assert_refused(found[names["empty"]], "T_world_root' must be (frames, 7) of floats, got None")
    assert_refused(found[names["none"]], "must be")
    assert found[names["whole"]]["verdict"] == "accepted"


PICKLES = {
    "keys": b"\x80\x02}" + doubled(60) + b"K\x01s.",
    "key set among others": b"\x80\x02}(" + doubled(60) + b"K\x01u.",
    "codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00a" + doubled(60) + b"\x86R.",
    "dtype": b"\x80\x02cnumpy\ndtype\n" + doubled(60) + b"\x85R.",
    "nothing to take": b"\x80\x02}s.",
    "no mark": b"\x80\x02}u.",
    "digits": b"\x80\x02L" + b"9" * 5000 + b"L\n.",
}


def test_damaged_bodies_of_rich_cost_no_time_and_leave_the_others(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(60))
    for name, content in PICKLES.items():
        path = tmp_path / f"data/bodies/test/BBQ_{name}/00001/001.pkl"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    rich_tree(tmp_path, "Deep_001_x", "001", range(2))
    (tmp_path / "data/multicam2world/Deep_multicam2world.json").write_text("[" * 100_000)
    rich_tree(tmp_path, "Wide_001_x", "001", range(2))
    wide = json.dumps({"R": [[10**400]], "t": [0, 0, 0], "c": 1})
    (tmp_path / "data/multicam2world/Wide_multicam2world.json").write_text(wide)
    odd = tmp_path / "data/bodies/test/BBQ_001_guitar/²"
    odd.mkdir()
    (odd / "001.pkl").write_bytes(b"")
    found = {name.split("/")[3]: verdict for name, verdict in ingested(tmp_path, "rich").items()}
    for name in PICKLES:
        assert_refused(found[f"BBQ_{name}"], "frames 1 left out: ")
    assert_refused(found["Deep_001_x"], "is not JSON: maximum recursion depth")
    assert_refused(found["Wide_001_x"], "must hold numbers R, t and c")
    assert found["BBQ_001_guitar"]["verdict"] == "accepted", found["BBQ_001_guitar"]
