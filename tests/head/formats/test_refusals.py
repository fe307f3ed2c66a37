"""Recordings that are not as declared: refused in a sentence with the place and the remedy."""

import os

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats import text
from motiongrpo.head.formats.reader import read_head_path
from tests.head.writers import head_config, options, walk, write, write_aria

PATH, SECONDS = walk(30, 30.0)
HEADER = "time_s,px,py,pz,qx,qy,qz,qw"
VIEW = {"right": "x", "up": "y", "forward": "-z"}
Z_UP = {"up": "z", "handedness": "right", "unit_m": 1}


@pytest.fixture
def lines(tmp_path):
    """An OpenXR log's lines, without line ends."""
    write(tmp_path / "ok", PATH, SECONDS, "openxr")
    rows = (tmp_path / "ok").read_text().splitlines()[1:]
    return [HEADER, *(f"{s:.6f},{row.split(',', 1)[1]}" for s, row in zip(SECONDS, rows, strict=True))]


@pytest.fixture
def refuse(tmp_path):
    """Read lines, bytes or an existing file, which must fail with a one-line message that matches."""

    def read(content, match, **changes):
        path = tmp_path / "head.csv"
        if isinstance(content, list):
            content = ("\n".join(content) + "\n").encode()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=match) as refusal:
            read_head_path(path, head_config(**{"format": "openxr"} | changes))
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).startswith("'head.csv'")

    return read


@pytest.fixture
def accept(tmp_path):
    """Read lines or bytes."""

    def read(content, **changes):
        path = tmp_path / "head.csv"
        path.write_bytes(content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode())
        return read_head_path(path, head_config(**{"format": "openxr"} | changes))

    return read


def changed(lines, number, column, word):
    """The lines with one field of one line, both counted from 1 and 0, replaced."""
    words = lines[number - 1].split(",")
    words[column] = word
    return [*lines[: number - 1], ",".join(words), *lines[number:]]


def test_what_is_no_file_is_refused_without_opening_it(tmp_path, refuse):
    path = tmp_path / "head.csv"
    refuse(None, r"cannot be read: No such file")
    os.mkfifo(path)
    refuse(None, r"is no regular file")
    path.unlink()
    path.mkdir()
    refuse(None, r"is a folder: name one file in it")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"is empty"),
        (b"\n# nothing\n\n", r"holds no rows, only blank lines and comments"),
        (HEADER.encode(), r"has no column for time, x"),
        (f"{HEADER}\n1,2\n".encode(), r"holds no whole row; line 2, the last row, is not whole"),
        (b"PK\x03\x04\x00\x00\x01", r"is no text: byte 4 is zero"),
    ],
)
def test_what_holds_no_rows_is_refused(content, match, refuse):
    refuse(content, match)


def test_what_is_too_large_to_read_is_refused(lines, refuse, monkeypatch):
    monkeypatch.setattr(text, "MOST_ROWS", 20)
    refuse(lines, r"has more than 20 rows: cut the recording into parts")
    monkeypatch.setattr(text, "LARGEST_BYTES", 1000)
    refuse(lines, r"has 0 MB, more than 0: cut the recording into parts")


def test_a_word_that_is_no_number_is_named_with_its_line(lines, refuse):
    refuse(changed(lines, 9, 2, "1.5x"), r"line 9: 'py' is '1\.5x', which is no number")
    refuse(changed(lines, 9, 2, "\x1c1.5"), r"line 9: 'py' is '\\x1c1\.5'")
    refuse(changed(lines, 9, 2, "True"), r"line 9: 'py' is 'True'")
    refuse(
        [*lines[:8], lines[8].rsplit(",", 2)[0], *lines[9:]],
        r"line 9: it has 6 of 8 fields; the file is damaged",
    )


def test_messages_show_no_control_characters_and_no_endless_words(lines, refuse):
    refuse(changed(lines, 9, 2, "\x1b[31m"), r"is '\\x1b\[31m'")
    refuse(changed(lines, 9, 2, "9" * 3_000_000 + "x"), r"is '9{59}…'")


def test_columns_that_are_missing_are_named_beside_those_there_are(lines, refuse):
    refuse([lines[0].replace("qw", "q4"), *lines[1:]], r"has no column for qw.*; it has 'time_s', .*, 'q4'")
    refuse([lines[0].replace("qz", "rot_x"), *lines[1:]], r"both 'qx' and 'rot_x' could be qx")
    refuse(
        lines[1:], r"has no column for .*; it has 8 columns, counted from 0, and no header, such as t,x,y,z"
    )
    refuse(lines[1:], r"no header that names its 8 columns, and format unity has 16", format="unity")
    refuse(lines[1:], r"8 columns, and format hololens has 17 or more", format="hololens", offset=0)


def test_of_many_columns_a_message_has_the_first(lines, refuse):
    names = ",".join(f"a_rather_long_name_{number}" for number in range(100))
    refuse([names, *["0" + ",0" * 99] * 3], r"it has 'a_rather_long_name_0', .{70,130}…: name yours")


def test_columns_by_name_or_number_must_be_there_and_enough(lines, refuse):
    names = HEADER.split(",")
    refuse(lines, r"has no column 'nowhere', named in recovery\.columns; it has 'time_s'",
           columns=["nowhere", *names[1:]], quaternion="xyzw")  # fmt: skip
    refuse(lines, r"has no column '8'", columns=[8, 1, 2, 3, 4, 5, 6, 7], quaternion="xyzw")
    refuse(lines[1:], r"columns leaves out y, z, qx", columns={"time": 0, "x": 1})
    refuse(lines, r"columns leaves out m00", columns={"time": 0, "x": 1}, format="openvr", offset=0)


def test_another_format_s_header_is_refused(tmp_path, refuse):
    write_aria(tmp_path / "head.csv", PATH, SECONDS)
    refuse(None, r"is to be read as openxr, and its header is that of aria: name it with --format aria")
    refuse([HEADER, "1,2,3,4,5,6,7,8"], r"is no BVH file: it does not begin with HIERARCHY", format="bvh")


def test_a_quaternion_off_norm_is_named_with_line_and_time(lines, refuse, accept):
    refuse(
        changed(lines, 9, 7, "2"),
        r"line 9 \(0\.233 s\): the quaternion x, y, z, w \(.*\) has norm 2\.\d+, not 1 within",
    )
    w = float(lines[8].split(",")[7])
    accept(changed(lines, 9, 7, f"{w + 5e-4:.6f}"))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (np.diag([1, 1, -1]), r"line 1 \(0\.000 s\): the matrix is mirrored, its determinant is below 0"),
        (np.diag([1, 1.01, 1]), r"the matrix is no rotation, it is off orthonormal by 0\.02"),
    ],
)
def test_a_matrix_that_is_no_rotation_is_refused(change, match, tmp_path, refuse):
    write(tmp_path / "head.csv", PATH, SECONDS, "openvr")
    numbers = np.loadtxt(tmp_path / "head.csv")
    T = numbers[:, 1:].reshape(-1, 3, 4)
    T[..., :3] = T[..., :3] @ change
    np.savetxt(tmp_path / "head.csv", numbers)
    refuse(None, match, format="openvr", offset=0)


def test_matrices_without_a_last_row_or_column_of_a_pose_are_refused(tmp_path, refuse):
    np.savetxt(tmp_path / "head.csv", np.random.default_rng(0).normal(size=(9, 17)), delimiter=",")
    refuse(None, r"neither a last row nor a last column of 0, 0, 0, 1", format="visionos", offset=0)


def test_a_last_number_that_is_cut_costs_its_row_where_the_file_ends_without_a_line_end(
    lines, refuse, accept
):
    cut = changed(lines, 31, 7, "0.")
    refuse(cut, r"line 31 \(0\.967 s\): the quaternion")
    path = accept("\n".join(cut).encode())
    assert path.notes == ("line 31, the last row, ends in the middle of a number and was left out",)
    assert path.line.tolist() == list(range(2, 31))


def test_columns_that_are_equal_are_refused_but_for_zeros_of_a_quaternion(lines, refuse, accept):
    rows = [line.split(",") for line in lines]
    twice = [",".join([*row[:3], row[2], *row[4:]]) for row in rows]
    refuse([HEADER, *twice[1:]], r"'py', read as y, and 'pz', read as z, are equal in every row")
    flat = [",".join([row[0], "0", *row[2:3], "0", *row[4:]]) for row in rows]
    refuse([HEADER, *flat[1:]], r"'px', read as x, and 'pz', read as z, are equal")
    level = [",".join([*row[:4], "0", f"{np.sin(i / 9):.9f}", "0", f"{np.cos(i / 9):.9f}"])
             for i, row in enumerate(rows)]  # fmt: skip
    accept([HEADER, *level[1:]])


def test_time_must_increase(lines, refuse):
    refuse(changed(lines, 9, 0, "0.2"), r"line 9: time does not increase, 0\.200000 s follows 0\.200000 s")
    refuse(changed(lines, 9, 0, ""), r"line 9: the row has no time")
    refuse(changed(lines, 9, 0, "inf"), r"line 9: the row has no time")


def test_one_row_or_none_is_no_path(lines, refuse):
    refuse("\n".join(changed(lines[:2], 2, 7, "2")).encode(), r"has 0 rows whose numbers are finite")
    refuse(lines[:2], r"has 1 rows whose numbers are finite; a path has two or more")


@pytest.mark.parametrize("axis", ["x", "-x", "y", "-z"])
def test_a_wrong_up_is_refused_with_the_one_that_is_up(axis, tmp_path, refuse):
    write(tmp_path / "head.csv", PATH, SECONDS, "euroc")
    told = options("euroc", SECONDS) | {"world": Z_UP | {"up": axis}}
    refuse(None, r"the eyes' up goes along the world's, .* on average.*recovery\.world\.up z",
           **told)  # fmt: skip


def test_a_wrong_device_is_refused_with_the_axis_that_is_up(tmp_path, refuse):
    write(tmp_path / "head.csv", *walk(240, 30.0), "openxr")
    refuse(None, r"it does by \+0\.9\d with recovery\.device\.up y$",
           device={"right": "x", "up": "z", "forward": "y"})  # fmt: skip


def test_another_glasses_generation_is_refused_with_its_name(tmp_path, refuse):
    write_aria(tmp_path / "head.csv", *walk(240, 30.0))
    refuse(None, r"with .*recovery\.offset aria_gen1$", format="aria", offset="aria_gen2")


def test_a_head_that_is_up_in_no_reading_is_refused_without_a_guess(lines, refuse):
    rng = np.random.default_rng(0)
    q = rng.normal(size=(len(lines) - 1, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    rows = [
        ",".join([*line.split(",")[:4], *(f"{v:.9f}" for v in row)])
        for line, row in zip(lines[1:], q, strict=True)
    ]
    refuse([HEADER, *rows], r"; correct recovery\.quaternion, \.world, \.device or \.offset$")


@pytest.mark.parametrize("gravity", ["-5,0,-8.4", "0,0,0"])
def test_gravity_must_name_an_axis(gravity, tmp_path, refuse):
    write_aria(tmp_path / "head.csv", PATH, SECONDS)
    content = (tmp_path / "head.csv").read_text().replace("0.000000,0.000000,-9.810000", gravity)
    refuse(content.encode(), r"line 2: gravity \(.*\) lies along no axis of the world", format="aria")


def test_what_a_format_leaves_unsaid_is_asked_for_at_once(lines, refuse):
    axes, unit, offset = (
        "its axes: say where .* --axes x,y,-z",
        "its unit of length: say --unit",
        "say --offset 0",
    )
    refuse(
        lines,
        f"format csv does not state {axes} .*; {unit} .*; where the eyes are .*: {offset}",
        format="csv",
    )
    refuse(lines, f"not state {axes} [^;]*$", format="csv", world=Z_UP, offset=0)
    refuse(lines, f"not state {axes} [^;]*$", format="csv", unit="m", offset=0)
    refuse(lines, f"not state {unit} [^;]*$", format="csv", axes="x,y,-z", offset=0)
    refuse(lines, f"not state where the eyes .* {offset} [^;]*$", format="csv", axes="x,y,-z", unit="m")
    without_clock = [line.split(",", 1)[1] for line in lines]
    refuse(without_clock, r"has no column for time", format="openxr")


def test_a_clock_without_a_unit_must_have_the_rate_of_a_headset(lines, refuse):
    named = [lines[0].replace("time_s", "time"), *lines[1:]]
    slow = [changed(named, number, 0, str(2 * number))[number - 1] for number in range(2, len(named) + 1)]
    sentence = (
        r"does not say the unit of its clock, 'time', .*: set recovery\.time_unit to s, ms, us, 100ns, ns"
    )
    refuse([named[0], *slow], sentence, format="csv", axes="x,y,-z", unit="m", offset=0)
    without_clock = [line.split(",", 1)[1] for line in lines]
    refuse(without_clock, r"has no column for time", format="openxr")


@pytest.mark.parametrize("format", ["openvr", "visionos", "hololens"])
def test_a_device_of_unknown_offset_needs_one(format, tmp_path, refuse):
    write(tmp_path / "head.csv", PATH, SECONDS, format)
    refuse(None, r"not state where the eyes are from what is tracked: say --offset 0", format=format)


def test_poses_without_a_clock_need_a_rate(tmp_path, refuse):
    write(tmp_path / "head.csv", PATH, SECONDS, "kitti")
    told = options("kitti", SECONDS) | {"fps": None}
    refuse(None, r"has no clock: give the rate of its rows in recovery\.fps", **told)


def test_axes_of_two_hands_are_refused(lines, refuse):
    refuse(lines, r"the world is left-handed and the axes of the device are right-handed",
           world={"up": "y", "handedness": "left", "unit_m": 1})  # fmt: skip


def test_a_skeleton_needs_one_head_and_a_world(tmp_path, refuse):
    write(tmp_path / "head.csv", PATH, SECONDS, "bvh")
    refuse(None, r"format bvh does not state its axes: .*; its unit of length", format="bvh")
    content = (tmp_path / "head.csv").read_text().replace("rig:Head", "Skull")
    refuse(content.encode(), r"has 0 joints named Head, not one; it has 'Skull'", format="bvh")
