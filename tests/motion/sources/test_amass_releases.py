"""AMASS in both releases and with both sets of names, from miniature trees in its layout."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.gender_conversion import GenderConversion
from motiongrpo.motion.division import divided
from motiongrpo.motion.ingestion import clip_readers, ingest
from motiongrpo.motion.sources.amass_subsets import PROTOCOLS, subset_folders, subset_splits
from tests.bodies import open_body
from tests.motion.sources.raw_folders import base_config, listed, smplh_file, smplx_file

UNCUT = {"skip": [], "middle_share": 1.0, "fps": {}}


def verdicts(folder, conversion=None, **amass):
    """The verdict by file."""
    config = base_config("amass", amass=UNCUT | amass)
    readers = clip_readers(listed(folder), open_body(), config, conversion)
    return {name: ingest(name, read, open_body(), config) for name, read in readers}


def only_clip(verdict):
    assert verdict.verdict == "accepted", verdict.reason
    return verdict.clips[0].clip


def test_both_releases_hold_the_same_motion(tmp_path):
    smplh_file(tmp_path / "ACCAD/s1/a_poses.npz")
    smplx_file(tmp_path / "ACCAD/s1/b_stageii.npz")
    one, other = (only_clip(v) for v in verdicts(tmp_path, subsets=["ACCAD"]).values())
    assert_close(one.q_parent_joint, other.q_parent_joint, rtol=0, atol=0)  # hands too
    assert_close(one.T_world_root, other.T_world_root, rtol=0, atol=0)
    assert one.q_parent_joint[:, 21:, 1:].abs().amax() > 0.01
    assert one.subject == other.subject == "ACCAD/s1"


def test_shape_files_and_broken_ones_are_listed_and_the_rest_goes_through(tmp_path):
    smplh_file(tmp_path / "ACCAD/s1/good_poses.npz")
    np.savez(tmp_path / "ACCAD/s1/shape.npz", betas=np.zeros(16))
    (tmp_path / "ACCAD/s1/torn_poses.npz").write_bytes(b"PK\x03\x04")
    smplh_file(tmp_path / "ACCAD/s1/hostile_poses.npz", gender=np.array([print], dtype=object))
    smplh_file(tmp_path / "ACCAD/s1/odd_poses.npz", poses=np.zeros((120, 72)))
    smplh_file(tmp_path / "ACCAD/s1/words_poses.npz", trans=np.full((120, 3), "here"))
    torn = (tmp_path / "ACCAD/s1/good_poses.npz").read_bytes()
    middle = len(torn) // 2
    (tmp_path / "ACCAD/s1/rotten_poses.npz").write_bytes(torn[:middle] + bytes(64) + torn[middle + 64 :])
    found = verdicts(tmp_path, subsets=["ACCAD"])
    reasons = {name.rpartition("/")[2]: v.reason for name, v in found.items()}
    assert reasons["good_poses.npz"] == ""
    assert "holds a body shape but no motion" in reasons["shape.npz"]
    assert "is not an npz archive, or its end is missing" in reasons["torn_poses.npz"]
    assert "pickled objects, which are never loaded" in reasons["hostile_poses.npz"]
    assert "is damaged" in reasons["rotten_poses.npz"]
    assert "'trans' must be numbers" in reasons["words_poses.npz"]
    assert "(frames, 156) as in SMPL+H G or (frames, 165)" in reasons["odd_poses.npz"]


@pytest.mark.parametrize(("key", "make"), [("mocap_framerate", smplh_file), ("mocap_frame_rate", smplx_file)])
def test_the_frame_rate_is_read_under_both_spellings_and_a_table_overrides_it(tmp_path, key, make):
    make(tmp_path / "SSM_synced/20160930_50032/a_poses.npz", seconds=2, fps=60)
    (found,) = verdicts(tmp_path, subsets=["SSM"]).values()
    assert found.seconds == 2
    make(tmp_path / "SSM_synced/20160930_50032/a_poses.npz", seconds=2, fps=60, **{key: np.array(59.94)})
    assert next(iter(verdicts(tmp_path, subsets=["SSM"]).values())).seconds == 120 / 59.94
    base = base_config("amass").amass.fps
    (found,) = verdicts(tmp_path, subsets=["SSM"], fps=base).values()
    assert found.seconds == 120 / 59
    make(tmp_path / "SSM_synced/20160930_50032/a_poses.npz", **{key: None})
    assert "does not say its frame rate" in next(iter(verdicts(tmp_path, subsets=["SSM"]).values())).reason
    make(tmp_path / "SSM_synced/20160930_50032/a_poses.npz", **{key: np.array(0.0)})
    assert (
        "must be one number above 0, got 0.0"
        in next(iter(verdicts(tmp_path, subsets=["SSM"]).values())).reason
    )


def test_a_subset_is_found_under_either_name_and_called_by_the_new_one(tmp_path):
    smplh_file(tmp_path / "old/MPI_mosh/s/a_poses.npz")
    smplh_file(tmp_path / "new/MoSh/s/a_poses.npz")
    for root in ("old", "new"):
        for name in ("MPI_mosh", "MoSh"):
            (found,) = verdicts(tmp_path / root, subsets=[name]).values()
            assert only_clip(found).subject == "MoSh/s"


def test_a_missing_subset_is_an_error_that_names_it_both_ways(tmp_path):
    smplh_file(tmp_path / "CMU/01/01_01_poses.npz")
    (tmp_path / "MPI_mosh").mkdir()  # empty
    with pytest.raises(InputError, match=r"ACCAD.*MoSh \(also MPI_mosh\).*holds CMU; download them"):
        verdicts(tmp_path, subsets="egoallo")


def test_of_endless_names_of_folders_a_message_has_the_beginning():
    with pytest.raises(InputError, match=r"holds \\x1bx{55}…; download them"):
        subset_folders(["\x1b" + "x" * 10_000], ["ACCAD"], "data_root")


def test_a_subset_that_is_there_twice_is_an_error():
    with pytest.raises(InputError, match=r"DFaust and DFaust_67 in data_root are the same"):
        subset_folders(["DFaust", "DFaust_67"], ["DFaust"], "data_root")


def test_what_is_not_asked_for_is_listed_as_left_out(tmp_path):
    smplh_file(tmp_path / "CMU/01/01_01_poses.npz")
    smplx_file(tmp_path / "CMU/01/01_01_stageii.npz")
    smplh_file(tmp_path / "GRAB/s1/cup_poses.npz")
    found = verdicts(tmp_path, subsets=["CMU"])
    assert found["CMU/01/01_01_poses.npz"].verdict == "accepted"
    assert "subsets does not name 'GRAB'" in found["GRAB/s1/cup_poses.npz"].reason
    assert "the same take is there as" in found["CMU/01/01_01_stageii.npz"].reason


def test_the_clips_that_egoallo_skips_are_skipped_under_both_names(tmp_path):
    smplh_file(tmp_path / "BioMotionLab_NTroje/rub001/0001_treadmill_slow_poses.npz")
    smplh_file(tmp_path / "BioMotionLab_NTroje/rub001/0002_normal_walk1_poses.npz")
    smplh_file(tmp_path / "BioMotionLab_NTroje/rub001/0003_jumping_poses.npz")
    smplh_file(tmp_path / "MPI_HDM05/dg/HDM_dg_07-01_01_120_poses.npz")
    smplh_file(tmp_path / "MPI_HDM05/dg/HDM_dg_06-01_01_120_poses.npz")
    skip = base_config("amass").amass.skip
    found = verdicts(tmp_path, subsets=["BMLrub", "HDM05"], skip=skip)
    kept = [name.rpartition("/")[2] for name, v in found.items() if v.verdict == "accepted"]
    assert kept == ["0003_jumping_poses.npz", "HDM_dg_06-01_01_120_poses.npz"]
    assert all("ingestion.amass.skip names" in v.reason for v in found.values() if v.verdict != "accepted")


def test_the_ends_of_a_take_are_cut_off_and_count_as_motion_in_the_file(tmp_path):
    smplh_file(tmp_path / "ACCAD/s1/a_poses.npz", seconds=10, fps=30)
    (found,) = verdicts(tmp_path, subsets=["ACCAD"], middle_share=0.8).values()
    (whole,) = verdicts(tmp_path, subsets=["ACCAD"]).values()
    assert found.seconds == whole.seconds == 10
    inner = only_clip(whole).q_parent_joint[30:270]
    assert_close(only_clip(found).q_parent_joint, inner, rtol=0, atol=0)


def test_betas_are_the_files_only_for_a_body_of_their_own_kind(tmp_path):
    smplh_file(tmp_path / "ACCAD/s1/h_poses.npz", gender=np.array(b"male"))
    smplx_file(tmp_path / "ACCAD/s1/x_stageii.npz", gender=np.array("male"))
    zero = verdicts(tmp_path, subsets=["ACCAD"], betas="zero")
    assert all((only_clip(v).betas == 0).all() for v in zero.values())
    h, x = verdicts(tmp_path, subsets=["ACCAD"], betas="file", gender="male").values()
    assert_close(only_clip(h).betas, torch.linspace(-1, 1, 16), rtol=0, atol=1e-6)
    assert "betas of a smplx_male body, but the body file is male" in x.reason


def test_gendered_betas_go_through_the_conversion_file(tmp_path):
    smplh_file(tmp_path / "ACCAD/s1/h_poses.npz")
    smplx_file(tmp_path / "ACCAD/s1/x_stageii.npz")
    twice = (2 * torch.eye(16, dtype=torch.float64), torch.ones(16, dtype=torch.float64))
    conversion = GenderConversion({"male": twice}, "digest")
    h, x = verdicts(tmp_path, conversion, subsets=["ACCAD"], betas="converted").values()
    assert_close(only_clip(h).betas, 2 * torch.linspace(-1, 1, 16) + 1, rtol=0, atol=1e-6)
    assert "betas of a smplx_female body, and the conversion file is for male" in x.reason
    h, _ = verdicts(tmp_path, None, subsets=["ACCAD"], betas="converted").values()
    assert "needs --params gender_conversion=FILE" in h.reason


def test_subsets_decide_the_split_of_their_subjects():
    config = base_config("amass")
    splits, required = divided(["CMU/01", "HDM05/dg", "SSM/x", "HumanEva/S1"], config)
    assert splits == {
        "CMU/01": "train",
        "HDM05/dg": "validation",
        "SSM/x": "test",
        "HumanEva/S1": "validation",
    }
    assert required == ("test", "train", "validation")
    splits, _ = divided(["HumanEva/S1"], base_config("amass", amass={"subsets": "humor"}))
    assert splits == {"HumanEva/S1": "test"}


def test_subsets_that_are_only_named_are_divided_by_subject():
    config = base_config("amass", amass={"subsets": ["ACCAD"]})
    splits, _ = divided([f"ACCAD/{i}" for i in range(10)], config)
    assert set(splits.values()) == {"train", "validation", "test"}


def test_the_published_splits_share_no_subset():
    for split in PROTOCOLS.values():
        names = [*split.train, *split.validation, *split.test]
        assert len(names) == len(set(names))
    assert len(PROTOCOLS["egoallo"].train) == 13
    own = {"train": ["CMU"], "validation": ["MPI_mosh"], "test": ["MoSh"]}
    with pytest.raises(InputError, match="'MoSh' is named for validation and test"):
        subset_splits(base_config("amass", amass={"subsets": own}).amass.subsets)
