"""Rows of text from exports in any locale; a last row that is cut off."""

import numpy as np
import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.text import open_sheet, read_rows

PLACES = {"time": 0, "x": 1}
NUMBERS = [[0.0, 1.5], [1.0, -2.25], [2.0, 300.0]]


def rows_of(content: bytes, path, places=PLACES):
    (path / "head").write_bytes(content)
    return read_rows(open_sheet(path / "head", "'head'"), places, {})


@pytest.mark.parametrize(
    "content",
    [
        b"t,x\n0,1.5\n1,-2.25\n2,3e2\n",
        b"\xef\xbb\xbft,x\r\n0,1.5\r\n1,-2.25\r\n2,3e2\r\n",
        "t,x\n0,1.5\n1,-2.25\n2,3e2\n".encode("utf-16"),
        b"t;x\n0;1,5\n1;-2,25\n2;3e2\n",
        b"t\tx\n0\t1,5\n1\t-2,25\n2\t300\n",
        b"t x\n0 1.5\n1   -2.25\n2 300\n",
        b"t x\n0 1,5\n1   -2,25\n2 300\n",
        b"t, x\n0, 1.5\n1, -2.25\n2, 300\n",
        b'"t","x"\n"0","1.5"\n"1","-2.25"\n"2","300"\n',
        b"# by hand\n\nt,x\n0,1.5\n\n# here\n1,-2.25\n   \n2,300\n",
        b"t,x\n0,1.5,\n1,-2.25,\n2,300,\n",
        b"t,x,\n0,1.5\n1,-2.25\n2,300\n",
        b"0,1.5\n1,-2.25\n2,300\n",
        b"0,1.5,\n1,-2.25,\n2,300,\n",
        b"% \xe9t\xe9\n0 1.5\n1 -2.25\n2 300",
        b"0,1.5\r1,-2.25\r2,300\r",
    ],
)
def test_every_way_of_writing_a_table_is_read_alike(content, tmp_path):
    rows = rows_of(content, tmp_path)
    np.testing.assert_array_equal(np.stack([rows.columns["time"], rows.columns["x"]], axis=1), NUMBERS)
    assert rows.notes == []


def test_lines_are_counted_with_blank_ones_and_comments(tmp_path):
    assert rows_of(b"# by hand\n\nt,x\n0,1.5\n\n# here\n1,-2.25\n", tmp_path).line.tolist() == [4, 7]


def test_names_may_stand_in_a_comment(tmp_path):
    (tmp_path / "head").write_bytes(b"# made by us\n#time, x\n0,1.5\n1,2\n")
    sheet = open_sheet(tmp_path / "head", "'head'")
    assert sheet.names == ("time", "x")
    assert sheet.commented


def test_whole_numbers_keep_all_their_digits(tmp_path):
    rows = rows_of(b"638423096965740160,1\n638423096965740161,1\n", tmp_path)
    assert np.diff(rows.columns["time"]).tolist() == [1]


def test_missing_numbers_are_nan(tmp_path):
    rows = rows_of(b"0,nan\n1,\n2,NA\n3,-nan(ind)\n4,5\n", tmp_path)
    assert np.isnan(rows.columns["x"]).tolist() == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("end", "note"),
    [
        (b"3", "line 4, the last row, is not whole and was left out: it has 1 of 2 fields"),
        (b"3\n", "line 4, the last row, is not whole and was left out: it has 1 of 2 fields"),
        (b"3,-", "line 4, the last row, is not whole and was left out: column 1 is '-', which is no number"),
        (b"3,1\n\0\0\0", None),
    ],
)
def test_a_last_row_that_is_cut_is_left_out_and_said_to_be(end, note, tmp_path):
    rows = rows_of(b"0,1\n1,1\n2,1\n" + end, tmp_path)
    assert rows.notes == ([] if note is None else [note])
    assert len(rows.line) == 3 + (note is None)


def test_the_end_of_a_file_without_its_line_end_is_known(tmp_path):
    assert rows_of(b"0,1\n1,1", tmp_path).cut_end
    assert not rows_of(b"0,1\n1,1\n", tmp_path).cut_end


def test_long_files_are_read_in_blocks_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr("motiongrpo.head.formats.text.BLOCK", 7)
    rows = rows_of("".join(f"{i},{i / 8}\n" for i in range(100)).encode(), tmp_path)
    np.testing.assert_array_equal(rows.columns["x"], np.arange(100) / 8)
    assert rows.line.tolist() == list(range(1, 101))


@pytest.mark.parametrize("content", [b"0 1,5\n1 2.5\n2 1.5\n", b"0;1.5\n1;2,5\n2;1.5\n"])
def test_a_number_with_the_other_decimal_mark_is_none(content, tmp_path):
    with pytest.raises(InputError, match=r"line \d: column 1 is '\d,5', which is no number"):
        rows_of(content, tmp_path)


def test_a_decimal_mark_that_changes_late_is_found(tmp_path):
    with pytest.raises(InputError, match=r"line 61: column 1 is '1\.5', which is no number"):
        rows_of(b"0;0,5\n" * 60 + b"1;1.5\n2;2,5\n", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_is_known_by_its_mark(encoding, tmp_path):
    rows = rows_of("t,x\n0,1.5\n1,-2.25\n2,3e2\n".encode(encoding), tmp_path)
    assert np.column_stack(list(rows.columns.values())).tolist() == NUMBERS
