"""User errors with files: each ends in one sentence with the fault, the place and the remedy."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from motiongrpo.body.body_model import OPEN_BODY
from tests.motion.rigs import cmu_take
from tests.pipelines.kedro_project import files, run

TAKE = cmu_take()


def ingested(folder: Path, raw: dict[str, str | bytes], **params: object) -> tuple[Result, Path]:
    """The ingestion of raw files by name: its result and the data folder."""
    root, data = folder / "raw", folder / "data"
    root.mkdir(exist_ok=True)
    data.mkdir(exist_ok=True)
    for name, content in raw.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    given: dict[str, object] = {"ingestion__source": "mocap", "data_root": root}
    return run(data, "ingestion", **(given | params)), data


def assert_refused(result: Result, *sentence: str) -> None:
    """Assert that the run stopped with one sentence that has these parts."""
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert result.output.count("Error") == 1
    assert "Traceback" not in result.output
    for part in sentence:
        assert part in last


def with_number(frame: int, word: str) -> str:
    """The take with the first number of one frame replaced."""
    lines = TAKE.split("\n")
    place = lines.index("MOTION") + 3 + frame
    lines[place] = re.sub(r"^\S+", word, lines[place])
    return "\n".join(lines)


def scaled(factor: float) -> str:
    """The take with every length in another unit."""
    head, _, motion = TAKE.partition("MOTION")
    number = re.compile(r"-?\d+\.\d+")

    def other(text: str, count: int = 0) -> str:
        return number.sub(lambda found: f"{factor * float(found[0]):.9f}", text, count)

    lines = motion.split("\n")
    return other(head) + "MOTION" + "\n".join([*lines[:3], *(other(line, 3) for line in lines[3:])])


def saved(path: Path, **arrays: object) -> bytes:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path.read_bytes()


def test_an_empty_folder_is_named_with_what_it_should_hold(tmp_path):
    result, data = ingested(tmp_path, {})
    assert_refused(result, f"data_root '{tmp_path / 'raw'}' holds no .bvh or .amc file", "data_root=DIR")
    assert files(data) == {}


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    result, data = ingested(tmp_path, {}, data_root=tmp_path / "nowhere")
    assert_refused(result, f"data_root '{tmp_path / 'nowhere'}' is not a folder", "data_root=DIR")
    assert files(data) == {}


def test_no_folder_at_all_is_asked_for(tmp_path):
    result, data = ingested(tmp_path, {}, data_root="null")
    assert_refused(result, "data_root names no folder", "data_root=DIR")
    assert files(data) == {}


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        (TAKE[: len(TAKE) // 2], "numbers, one per channel, got"),
        (TAKE[: TAKE.rindex("\n", 0, -1) + 1], "promises 60 frames and holds 59: the file is cut"),
        (
            with_number(41, "nan"),
            "'07_01.bvh', because: frame 41: Hips Xposition is nan; cut the take around it",
        ),
        (with_number(41, "1,5"), "Hips Xposition must be a number, got '1,5'"),
        (scaled(100), "'07_01.bvh', because: a leg is 84.4 m long; correct 'unit_m' of its layout"),
        (scaled(0.01), "'07_01.bvh', because: a leg is 0.00844 m long; correct 'unit_m' of its layout"),
        (TAKE.replace("LeftLeg", "LeftShank"), "joint 'LeftLeg' of layout 'motionbuilder' is missing"),
        (re.sub(r"(JOINT|ROOT) ", r"\1 Bip", TAKE), "unknown joints 'BipHips', 'BipLeftUpLeg'"),
        (b"\x89HDF\r\n", "'07_01.bvh', because: it is not text: byte 0 is not UTF-8"),
    ],
)
def test_a_take_that_cannot_be_used_ends_the_run_with_its_fault(take, sentence, tmp_path):
    result, data = ingested(tmp_path, {"07_01.bvh": take}, ingestion__splits__only="test")
    assert_refused(result, "every file was refused, 1 in all, the first, '07_01.bvh', because: ", sentence)
    assert not (data / "02_intermediate/smoke/motions/CURRENT").exists()
    assert not (data / "05_model_input").exists()


KIT = {
    "ingestion__source": "amass",
    "ingestion__amass__subsets": "[KIT]",
    "ingestion__splits__only": "test",
}


def test_an_amass_folder_of_nothing_but_shapes_says_so(tmp_path):
    shape = saved(tmp_path / "shape.npz", betas=np.zeros(16), gender="male")
    result, _ = ingested(tmp_path, {"KIT/shape.npz": shape}, **KIT)
    assert_refused(result, "'KIT/shape.npz', because: it holds a body shape but no motion: it has no 'poses'")


def test_an_amass_file_in_centimetres_is_told_its_unit(tmp_path):
    trans = np.tile([0.0, 0.0, 90.0], (60, 1))
    take = saved(tmp_path / "a.npz", poses=np.zeros((60, 156)), trans=trans, mocap_framerate=30.0)
    result, _ = ingested(tmp_path, {"KIT/a_poses.npz": take}, **KIT)
    assert_refused(result, "the pelvis is at 90 m over the floor of the file: heights look like centimetres")


def test_when_all_files_are_refused_the_motion_of_before_stays(tmp_path):
    good = {f"0{subject}_01.bvh": TAKE for subject in range(4)}
    result, data = ingested(tmp_path, good)
    assert result.exit_code == 0, result.output
    before = files(data)
    before.pop("02_intermediate/smoke/motions/raw_files.json")  # describes the files as they are now
    result, _ = ingested(tmp_path, {name: TAKE[:9000] for name in good})
    assert_refused(
        result, "every file was refused, 4 in all, the first, '00_01.bvh', because: ", "files.jsonl"
    )
    assert before.items() <= files(data).items()


def test_one_bad_file_is_listed_with_its_reason_and_the_rest_goes_through(tmp_path):
    """The bad file is the take whose first frame gives others their T-pose."""
    takes = {f"0{subject}_01.bvh": TAKE for subject in range(4)}
    result, data = ingested(tmp_path, takes | {"07_03.bvh": with_number(7, "inf")})
    assert result.exit_code == 0, result.output
    assert "ingestion: 1 file refused" in result.output
    report = list(csv.DictReader((data / "08_reporting/smoke/ingestion_report.csv").open()))
    assert {row["file"]: row["verdict"] for row in report} == dict.fromkeys(takes, "accepted") | {
        "07_03.bvh": "refused"
    }
    assert report[-1]["reason"] == "frame 7: Hips Xposition is inf; cut the take around it"
    windows = list(csv.DictReader((data / "05_model_input/smoke/windows.csv").open()))
    assert {row["subject"] for row in windows} == {"00", "01", "02", "03"}


def test_verdicts_are_on_disk_even_where_too_little_motion_is_left_for_windows(tmp_path):
    result, data = ingested(tmp_path, {"01_01.bvh": TAKE, "02_01.bvh": TAKE, "03_01.bvh": TAKE[:9000]})
    assert_refused(result, "of 2 subjects with motion (01, 02) none is left for training", "add motion")
    report = (data / "08_reporting/smoke/ingestion_report.csv").read_text()
    assert "03_01.bvh,refused," in report


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (
            {"test_subjects": "[seven]"},
            "test subject 'seven' has no motion; subjects with motion are 00, 01,",
        ),
        ({"test_share": 0.9}, "of 5 subjects with motion (00, 01, 02, …) none is left for training"),
        ({"validation_share": 0}, "no subject is left for the validation split of 5 subjects"),
    ],
    ids=["misspelt", "shares", "nobody"],
)
def test_splits_that_cannot_be_are_refused_before_any_file_is_read(params, sentence, tmp_path, monkeypatch):
    def never(*_: object) -> bytes:
        raise AssertionError("a file was read")

    monkeypatch.setattr("motiongrpo.motion.raw.RawFile.read", never)
    monkeypatch.setattr("motiongrpo.motion.raw._digest", never)
    takes = {name: TAKE for name in ("00_01.bvh", "01_01.bvh", "02_01.bvh", "03_01.bvh", "07_03.bvh")}
    result, data = ingested(
        tmp_path, takes, **{f"ingestion__splits__{name}": params[name] for name in params}
    )
    assert_refused(result, sentence)
    assert files(data) == {}


def pickled(path: Path) -> None:
    with np.load(OPEN_BODY) as body:
        np.savez(path, **(dict(body) | {"weights": np.array([{"run": "me"}], dtype=object)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (pickled, "holds 'weights' as pickled objects, which are never loaded; save it again"),
        (lambda path: None, "no neutral body file at"),
        (
            lambda path: path.mkdir(),
            "expected a .npz file, or a folder with neutral/model.npz or SMPLH_NEUTRAL",
        ),
        (
            lambda path: path.write_bytes(b"\x80\x04K\x01."),
            "is a pickle, which is never loaded; convert it to npz first",
        ),
        (lambda path: path.write_bytes(OPEN_BODY.read_bytes()[:-9]), "is not an npz archive"),
        (
            lambda path: path.write_bytes(OPEN_BODY.read_bytes().replace(b"\0\0\0", b"\1\2\3", 999)),
            "is damaged",
        ),
    ],
    ids=["pickled", "missing", "empty folder", "pickle", "cut", "damaged"],
)
def test_a_body_file_that_cannot_be_used_is_named(write, sentence, tmp_path):
    body, data = tmp_path / "body.npz", tmp_path / "data"
    write(body)
    data.mkdir()
    result = run(data, "ingestion", body=body)
    assert_refused(result, str(body), sentence)
    assert files(data) == {}


def generation(data: Path) -> str:
    return (data / "02_intermediate/smoke/motions/CURRENT").read_text()


def test_a_file_repaired_in_place_at_the_same_size_gets_a_new_verdict(tmp_path):
    good = {f"0{subject}_01.bvh": TAKE for subject in range(4)}
    bad = with_number(7, "nan")
    result, data = ingested(tmp_path, good | {"09_01.bvh": bad})
    assert result.exit_code == 0, result.output
    assert "ingestion: 1 file refused" in result.output
    before = generation(data)
    repaired = bad.replace("nan", "0.1")
    assert len(repaired) == len(bad)
    result, _ = ingested(tmp_path, {"09_01.bvh": repaired})
    assert result.exit_code == 0, result.output
    assert "refused" not in result.output
    assert generation(data) != before


def test_a_copy_of_the_data_is_the_same_motion_and_nothing_is_ingested_again(tmp_path):
    result, data = ingested(tmp_path, {f"0{subject}_01.bvh": TAKE for subject in range(4)})
    assert result.exit_code == 0, result.output
    before = files(data / "02_intermediate/smoke/motions")
    shutil.copytree(tmp_path / "raw", tmp_path / "copy", copy_function=shutil.copy)
    result, _ = ingested(tmp_path, {}, data_root=tmp_path / "copy")
    assert result.exit_code == 0, result.output
    after = files(data / "02_intermediate/smoke/motions")
    assert {name for name in after if after[name] != before[name]} <= {"raw_files.json"}
    assert after.keys() == before.keys()
