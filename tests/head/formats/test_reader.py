"""One path in every format, real recordings, and cases with known results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.formats.reader import read_head_path
from motiongrpo.head.formats.table import FORMATS
from motiongrpo.head.path import RawHeadPath
from tests.head.writers import WRITERS, head_config, options, walk, write, write_aria

SHARED = Path(__file__).parents[4] / "shared"
CASES, SAMPLES = SHARED / "cases", SHARED / "data" / "head_paths"
with_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared")

PATH, SECONDS = walk(120, 60.0)


def read(path: Path, **changes) -> RawHeadPath:
    return read_head_path(path, head_config(**changes))


def assert_same(read: RawHeadPath, expected: np.ndarray, atol: float) -> None:
    sign = np.sign((read.T_world_cpf[:, :4] * expected[:, :4]).sum(1, keepdims=True))
    np.testing.assert_allclose(sign * read.T_world_cpf[:, :4], expected[:, :4], rtol=0, atol=atol)
    np.testing.assert_allclose(read.T_world_cpf[:, 4:], expected[:, 4:], rtol=0, atol=atol)


def test_every_format_of_the_table_is_written():
    assert WRITERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("format", FORMATS)
def test_one_path_in_any_format_comes_back_as_the_same_path(format, tmp_path):
    time_s = SECONDS if format in ("kitti", "bvh") else SECONDS + 1000
    write(tmp_path / "head", PATH, time_s, format)
    path = read(tmp_path / "head", **options(format, time_s))
    assert path.format == format
    assert_same(path, PATH, 1e-6)
    np.testing.assert_allclose(path.time_s, time_s, rtol=0, atol=1e-6)
    assert (np.diff(path.line) == 1).all()
    assert (path.T_world_cpf[:, 0] >= 0).all()


@pytest.mark.parametrize(
    ("header", "order", "tick_s"),
    [
        ("t,x,y,z,qw,qx,qy,qz", "wxyz", 1),
        ("timestamp,px,py,pz,qx,qy,qz,qw", "xyzw", 1e-3),
        ("time;pos_x;pos_y;pos_z;rot_x;rot_y;rot_z;rot_w", "xyzw", 1e-9),
    ],
)
def test_a_plain_table_needs_axes_unit_and_offset_alone(header, order, tick_s, tmp_path):
    write(tmp_path / "openxr", PATH, SECONDS, "openxr")
    rows = pd.read_csv(tmp_path / "openxr").to_numpy()
    p, q = 100 * rows[:, 1:4], rows[:, 4:] if order == "xyzw" else rows[:, [7, 4, 5, 6]]
    table = np.column_stack([(1000 + SECONDS) / tick_s, p, q])
    mark = ";" if ";" in header else ","
    np.savetxt(tmp_path / "plain.csv", table, fmt="%.9f", delimiter=mark, header=header, comments="")
    path = read(tmp_path / "plain.csv", format="csv", axes="x,y,-z", unit="cm", offset=0)
    assert_same(path, PATH, 1e-6)
    np.testing.assert_allclose(path.time_s, 1000 + SECONDS, rtol=0, atol=1e-6)
    assert ["its clock was taken to count" in note for note in path.notes] == [True]


@pytest.mark.parametrize("format", ["aria", "bvh", "hololens", "euroc"])
def test_an_unmistakable_header_tells_its_format(format, tmp_path):
    write(tmp_path / "head", PATH, SECONDS, format)
    assert read(tmp_path / "head", **options(format, SECONDS) | {"format": "auto"}).format == format


@pytest.mark.parametrize(
    "format", ["openxr", "webxr", "unity", "unreal", "openvr", "visionos", "tum", "kitti", "csv"]
)
def test_a_header_that_others_write_too_is_not_guessed_from(format, tmp_path):
    write(tmp_path / "head", PATH, SECONDS, format)
    with pytest.raises(
        InputError, match=r"'head' has no header that tells its format: name it with --format"
    ):
        read(tmp_path / "head", **options(format, SECONDS) | {"format": "auto"})


@pytest.mark.parametrize(("up", "frame"), [("y", "world"), ("z", "odometry")])
def test_aria_takes_its_up_from_gravity_and_its_columns_by_name(up, frame, tmp_path):
    maps = ["one"] * 50 + ["other"] * 70
    write_aria(tmp_path / "head.csv", PATH, SECONDS, up=up, maps=maps, frame=frame)
    path = read(tmp_path / "head.csv")
    assert_same(path, PATH, 1e-6)
    assert path.map_id.tolist() == [0] * 50 + [1] * 70
    assert (path.quality == 0.75).all()
    assert path.origin == "unknown"


def test_where_the_floor_is_the_format_says_unless_the_user_does(tmp_path):
    write(tmp_path / "head", PATH, SECONDS, "openxr")
    assert read(tmp_path / "head", format="openxr").origin == "floor"
    assert read(tmp_path / "head", format="openxr", origin="unknown").origin == "unknown"


def test_matrices_by_rows_are_told_from_those_by_columns(tmp_path):
    write(tmp_path / "columns", PATH, SECONDS, "visionos")
    numbers = np.loadtxt(tmp_path / "columns", delimiter=",")
    numbers[:, 1:] = numbers[:, 1:].reshape(-1, 4, 4).mT.reshape(-1, 16)
    np.savetxt(tmp_path / "rows", numbers, delimiter=",")
    by_columns, by_rows = (
        read(tmp_path / name, **options("visionos", SECONDS)) for name in ("columns", "rows")
    )
    np.testing.assert_allclose(by_rows.T_world_cpf, by_columns.T_world_cpf, rtol=0, atol=1e-12)
    assert by_columns.notes == (
        "the 4 × 4 matrices are written by columns: the position is in their last row",
    )
    assert by_rows.notes == ()


def test_a_clock_with_fractions_cannot_count_ticks(tmp_path):
    write(tmp_path / "head", PATH, SECONDS, "unreal")
    path = read(tmp_path / "head", format="unity", world={"up": "z", "handedness": "left", "unit_m": 0.01},
                device={"right": "y", "up": "z", "forward": "x"})  # fmt: skip
    np.testing.assert_allclose(path.time_s, SECONDS, rtol=0, atol=1e-9)
    assert path.notes == ("its clock has fractions, so it was taken to count seconds",)


@with_samples
def test_openxr_comes_out_as_expected():
    path = read(CASES / "head_ok_openxr_3s.csv", format="openxr")
    expected = pd.read_csv(CASES / "head_ok_expected_cpf_z_up_wxyz.csv").to_numpy()
    assert_same(path, expected[:, [4, 5, 6, 7, 1, 2, 3]], 1e-5)
    np.testing.assert_allclose(np.diff(path.time_s), np.diff(expected[:, 0]), rtol=0, atol=1e-9)
    assert np.median(path.T_world_cpf[:, 6]) == pytest.approx(1.571, abs=0.0005)
    assert path.origin == "floor"


@with_samples
@pytest.mark.parametrize(
    ("case", "format"), [("head_unity_left_handed", "unity"), ("head_comma_decimals", "openxr")]
)
def test_the_same_path_in_other_axes_or_another_locale_is_the_same(case, format):
    ok = read(CASES / "head_ok_openxr_3s.csv", format="openxr")
    assert_same(read(CASES / case / "head.csv", format=format), ok.T_world_cpf, 1e-6)


@with_samples
def test_a_row_with_a_missing_number_is_missing_as_a_whole_and_no_other():
    ok = read(CASES / "head_ok_openxr_3s.csv", format="openxr")
    path = read(CASES / "head_nan_row" / "head.csv", format="openxr")
    assert np.isnan(path.T_world_cpf).all(axis=1).nonzero()[0].tolist() == [100]
    others = np.arange(len(ok.line)) != 100
    np.testing.assert_array_equal(path.T_world_cpf[others], ok.T_world_cpf[others])
    assert path.line[100] == 102


@with_samples
def test_a_mislabelled_quaternion_is_refused_and_read_when_its_order_is_said():
    case = CASES / "head_xyzw_as_wxyz" / "head.csv"
    with pytest.raises(
        InputError, match=r"it does by \+1\.00 with recovery\.quaternion wxyz \(it was read as xyzw\)"
    ):
        read(case, format="openxr")
    ok = read(CASES / "head_ok_openxr_3s.csv", format="openxr")
    assert_same(read(case, format="openxr", quaternion="wxyz"), ok.T_world_cpf, 1e-6)


@with_samples
def test_a_log_that_ends_in_the_middle_of_a_line_loses_that_line_and_says_so():
    path = read(CASES / "quest_truncated_last_line" / "head.txt", format="unity")
    assert len(path.line) == 299
    assert path.notes == ("line 300, the last row, is not whole and was left out: it has 6 of 16 fields",)


@with_samples
def test_quest_logs_run_at_their_rate_over_their_floor():
    path = read(SAMPLES / "questpro_unity_centereye.txt", format="unity")
    step_s = np.diff(path.time_s)
    assert len(path.line) == 3061
    assert "line 3062" in path.notes[0]
    assert len(step_s) / step_s.sum() == pytest.approx(71.9, abs=0.05)
    assert (step_s.min(), step_s.max()) == pytest.approx((0.0074, 0.0191), abs=1e-4)
    assert 1.6 < path.T_world_cpf[:, 6].mean() < 1.9
    assert path.origin == "floor"
    worn = read(SAMPLES / "quest_unity_centereye_worn.csv")
    assert (worn.format, len(worn.line)) == ("unity", 943)
    assert 943 / np.ptp(worn.time_s) == pytest.approx(71.9, rel=0.01)


@with_samples
def test_aria_s_eyes_look_up_along_gravity():
    path = read(SAMPLES / "aria_gen1_closed_loop_5k.csv")
    R = Rotation.from_quat(path.T_world_cpf[:, :4], scalar_first=True).as_matrix()
    assert R[:, 2, 1].mean() == pytest.approx(0.998, abs=5e-4)
    assert np.ptp(path.time_s) == pytest.approx(4.947, abs=1e-3)
    assert (path.format, path.origin, len(path.line)) == ("aria", "unknown", 5000)
    assert path.quality.min() >= 0


@with_samples
def test_aria_digital_twin_is_y_up():
    path = read(SAMPLES / "adt_aria_trajectory.csv")
    R = Rotation.from_quat(path.T_world_cpf[:, :4], scalar_first=True).as_matrix()
    assert (R[:, 2, 1] > 0.9).all()
    assert path.T_world_cpf[:, 6].mean() == pytest.approx(1.556, abs=0.03)


@with_samples
def test_motion_capture_gives_the_path_of_its_head_joint():
    path = read(CASES / "90_01.bvh")
    assert path.notes == ("the path is that of joint 'Head' at the 120 frames/s of the header",)
    assert 1.4 < path.T_world_cpf[:, 6].mean() < 1.7
    assert path.line[[0, -1]].tolist() == [135, 614]
