"""RICH from a miniature tree in its layout."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.body.skeleton import FEET, Joint
from motiongrpo.geometry.so3 import matrix_from_quaternion, matrix_from_rotation_vector
from motiongrpo.motion.division import divided
from motiongrpo.motion.ingestion import clip_readers, ingest
from motiongrpo.motion.sources.rich import world_from_camera
from tests.bodies import open_body
from tests.motion.sources.raw_folders import base_config, camera_to_world, listed, rich_tree, swaying


def takes(root, conversion=None, **rich):
    config = base_config("rich", rich=rich)
    return {name: read() for name, read in clip_readers(listed(root), open_body(), config, conversion)}


def verdicts(root, **rich):
    config = base_config("rich", rich=rich)
    readers = clip_readers(listed(root), open_body(), config, None)
    return [ingest(name, read, open_body(), config) for name, read in readers]


def test_a_body_stands_upright_in_the_world_and_turns_about_its_pelvis(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(3, 63))
    (take,) = takes(tmp_path).values()
    (clip,) = take.clips
    poses, p_world = swaying(60, 30.0, 66, seed=1)
    upright = matrix_from_rotation_vector(torch.from_numpy(poses[:, :3]))
    assert_close(matrix_from_quaternion(clip.T_world_root[:, :4]), upright, rtol=0, atol=1e-6)
    moved = clip.T_world_root[1:, 4:] - clip.T_world_root[:-1, 4:]
    assert_close(moved, torch.from_numpy(np.diff(p_world, axis=0)), rtol=0, atol=1e-6)
    body = matrix_from_rotation_vector(torch.from_numpy(poses[:, 3:]).unflatten(1, (21, 3)))
    assert_close(matrix_from_quaternion(clip.q_parent_joint[:, :21]), body, rtol=0, atol=1e-6)
    assert take.seconds == 2


def test_the_pelvis_is_where_the_posed_model_has_it(tmp_path):
    """transl moves the model's origin; the pelvis is at J₀ from it, in camera coordinates, before scaling."""
    scaled = camera_to_world(c=1.5)
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(60))
    (tmp_path / "data/multicam2world/BBQ_multicam2world.json").write_text(json.dumps(scaled))
    (take,) = takes(tmp_path).values()
    with (tmp_path / "data/bodies/test/BBQ_001_guitar/00000/001.pkl").open("rb") as file:
        transl = pickle.load(file)["transl"][0]
    p_camera = transl + open_body().rest_joints.base[Joint.PELVIS].numpy()
    expected = scaled["c"] * p_camera @ np.array(scaled["R"]) + scaled["t"]
    assert_close(take.clips[0].T_world_root[0, 4:6], torch.from_numpy(expected[:2]), rtol=0, atol=1e-5)


def test_the_lowest_foot_joint_is_on_the_ground_wherever_the_scene_has_its_origin(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(60))
    (take,) = takes(tmp_path).values()
    _, posed = take.clips[0].posed(open_body())
    assert_close(float(posed.p_world_joint[:, list(FEET), 2].min()), 0.0, rtol=0, atol=1e-7)
    (verdict,) = verdicts(tmp_path)
    assert verdict.verdict == "accepted", verdict.reason


def test_hands_are_flat_and_betas_zero_since_both_mean_something_else(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(60))
    (take,) = takes(tmp_path).values()
    assert (take.clips[0].q_parent_joint[:, 21:] == torch.tensor([1.0, 0, 0, 0])).all()
    assert (take.clips[0].betas == 0).all()


def test_gaps_between_frame_numbers_cut_a_take(tmp_path):
    paths = rich_tree(tmp_path, "Gym_010_cooking1", "010", range(100, 200))
    paths[150].unlink()
    (take,) = takes(tmp_path).values()
    assert [len(clip) for clip in take.clips] == [50, 49]
    assert [clip.name for clip in take.clips] == [
        f"rich/test/Gym_010_cooking1/010/{i}" for i in ("00100", "00151")
    ]
    (verdict,) = verdicts(tmp_path)
    assert verdict.verdict == "split"
    assert verdict.reason == "cut at 1 gap between the frame numbers"


def test_people_in_one_folder_are_takes_of_their_own(tmp_path):
    rich_tree(tmp_path, "Pavallion_003_018_tossball", "003", range(40))
    rich_tree(tmp_path, "Pavallion_003_018_tossball", "018", range(10, 50))
    found = takes(tmp_path)
    assert [take.clips[0].subject for take in found.values()] == ["test/003", "test/018"]
    assert len(found) == 2


def test_a_frame_that_cannot_be_read_is_listed_and_the_rest_goes_through(tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "it_ran"),)

    paths = rich_tree(tmp_path, "BBQ_001_guitar", "001", range(120))
    paths[40].write_bytes(pickle.dumps({"transl": Runs()}))
    paths[41].write_bytes(paths[41].read_bytes()[:100])
    paths[80].write_bytes(pickle.dumps({"poses": np.zeros((1, 63))}))
    (verdict,) = verdicts(tmp_path)
    assert not (tmp_path / "it_ran").exists()
    assert [len(c.clip) for c in verdict.clips] == [40, 38, 39]
    assert verdict.reason.startswith(
        "frames 40-41, 80 left out: 'data/bodies/test/BBQ_001_guitar/00040/001.pkl'"
    )
    assert "and only numpy arrays are read" in verdict.reason


def test_a_take_of_nothing_but_broken_frames_is_refused(tmp_path):
    for path in rich_tree(tmp_path, "BBQ_001_guitar", "001", range(40)).values():
        path.write_bytes(b"")
    (verdict,) = verdicts(tmp_path)
    assert verdict.verdict == "refused"
    assert verdict.reason.startswith("frames 0-39 left out")


def test_folders_are_splits_and_what_is_not_asked_for_is_not_read(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(40), "train")
    rich_tree(tmp_path, "Gym_010_cooking1", "010", range(40), "test")
    assert len(takes(tmp_path)) == 1
    config = base_config("rich")
    assert divided(["test/010"], config) == ({"test/010": "test"}, ("test",))
    both = base_config("rich", rich={"splits": {"train": "validation", "test": "test"}})
    assert divided(["train/001", "test/010"], both)[0] == {"train/001": "validation", "test/010": "test"}
    with pytest.raises(InputError, match="'data/bodies/val' is missing or empty"):
        takes(tmp_path, splits={"val": "validation"})


def test_the_sequence_that_is_skipped_is_listed(tmp_path):
    rich_tree(tmp_path, "LectureHall_009_021_reparingprojector1", "009", range(40))
    (verdict,) = verdicts(tmp_path)
    assert verdict.reason.startswith("left out: ingestion.rich.skip names")


@pytest.mark.parametrize(
    ("sequence", "meta", "wanted"),
    [
        ("LectureHall_018_wipingchairs1", "", "chair"),
        ("LectureHall_003_yoga1", "", "yoga"),
        ("LectureHall_003_wipingchairs1", "scan_yoga_scene_camcoord.ply", "yoga"),
    ],
)
def test_the_lecture_hall_has_two_transforms_and_the_toolkits_scan_decides(tmp_path, sequence, meta, wanted):
    rich_tree(tmp_path, sequence, "003", range(40))
    (tmp_path / "data/multicam2world/LectureHall_multicam2world.json").rename(
        tmp_path / f"data/multicam2world/LectureHall_{wanted}_multicam2world.json"
    )
    (tmp_path / "resource/meta").mkdir()
    (tmp_path / f"resource/meta/{sequence}.txt").write_text(meta)
    (take,) = takes(tmp_path).values()
    assert take.clips


def test_a_missing_or_wrong_transform_is_named(tmp_path):
    rich_tree(tmp_path, "BBQ_001_guitar", "001", range(40))
    file = tmp_path / "data/multicam2world/BBQ_multicam2world.json"
    file.unlink()
    (verdict,) = verdicts(tmp_path)
    assert "'data/multicam2world/BBQ_multicam2world.json' is missing in data_root" in verdict.reason
    for content, message in {
        "[": "is not JSON",
        "[]": "must hold a JSON object, got list",
        '{"R": 1}': "must hold numbers R, t and c: 't'",
    }.items():
        file.write_text(content)
        assert message in verdicts(tmp_path)[0].reason
    good = camera_to_world()
    with pytest.raises(InputError, match="R is not a rotation"):
        world_from_camera(good | {"R": (-np.array(good["R"])).tolist()}, "a")
    with pytest.raises(InputError, match="must have 9, 3, 1 numbers, got 9, 2, 1"):
        world_from_camera(good | {"t": [1, 2]}, "a")


def test_a_conversion_file_gives_betas_by_the_subjects_gender(tmp_path):
    rich_tree(tmp_path, "Gym_010_cooking1", "010", range(40))
    shift = (torch.eye(16, dtype=torch.float64), torch.full((16,), 0.5, dtype=torch.float64))
    conversion = GenderConversion({"smplx_female": shift}, "digest")
    (take,) = takes(tmp_path, conversion, betas="converted").values()
    expected = torch.nn.functional.pad(torch.linspace(-1, 1, 10), (0, 6)).double() + 0.5
    assert_close(take.clips[0].betas, expected, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="needs --params gender_conversion=FILE"):
        takes(tmp_path, None, betas="converted")
    (tmp_path / "resource/gender.json").write_text("{}")
    with pytest.raises(InputError, match="does not say the gender of subject 10"):
        takes(tmp_path, conversion, betas="converted")
