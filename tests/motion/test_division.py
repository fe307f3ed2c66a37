"""The split of each subject, determined from the names of files before any is opened."""

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.division import check_division, divided
from motiongrpo.motion.ingestion import IngestionConfig
from tests.motion.sources.raw_folders import base_config

TAKES = [f"walks/{subject:02d}_{number:02d}.bvh.xz" for subject in range(4) for number in (1, 2)]
FOLDERS = [f"ACCAD/s{subject}/{number}_poses.npz" for subject in range(4) for number in (1, 2)]


def named(source: str, test: str, **changes) -> IngestionConfig:
    return base_config(source, splits={"test_subjects": [test]}, **changes)


def test_who_is_named_and_there_is_no_reason_to_stop():
    check_division(TAKES, named("mocap", "03"))
    check_division([], named("synthetic", "synthetic_0_00002"))
    check_division(FOLDERS, named("amass", "ACCAD/s3", amass={"subsets": ["ACCAD"]}))
    check_division(
        ["BML/s0/1.npz", *FOLDERS], named("amass", "BMLrub/s0", amass={"subsets": ["ACCAD", "BMLrub"]})
    )
    check_division(FOLDERS, named("egoallo_hdf5", "ACCAD/s3", egoallo_hdf5={"subsets": ["ACCAD"]}))


@pytest.mark.parametrize(
    ("files", "config", "has"),
    [
        (TAKES, named("mocap", "3"), "00, 01, 02, 03"),
        ([], named("synthetic", "3", synthetic={"clips": 10}), "synthetic_0_00000, synthetic_0_00001"),
        (FOLDERS, named("amass", "3", amass={"subsets": ["ACCAD"]}), "ACCAD/s0, ACCAD/s1"),
        (FOLDERS, named("egoallo_hdf5", "3", egoallo_hdf5={"subsets": ["ACCAD"]}), "ACCAD/s0, ACCAD/s1"),
    ],
    ids=["mocap", "synthetic", "amass", "egoallo"],
)
def test_a_misspelt_subject_is_refused_by_the_names_of_files_alone(files, config, has):
    with pytest.raises(InputError, match=f"test subject '3' has no motion; subjects with motion are {has}"):
        check_division(files, config)


def test_too_few_people_and_a_split_of_nobody_are_refused_by_names_alone():
    with pytest.raises(InputError, match=r"of 2 subjects with motion .* none is left for training"):
        check_division(TAKES[:4], base_config("mocap"))
    with pytest.raises(InputError, match="no subject is left for the validation split of 4 subjects"):
        check_division(TAKES, base_config("mocap", splits={"validation_share": 0}))
    check_division(TAKES[:1], base_config("mocap", splits={"only": "test"}))


def test_files_whose_names_say_nothing_are_left_to_their_verdicts():
    check_division(["a.bvh"], named("mocap", "3"))
    check_division(["a.bvh", *TAKES], named("mocap", "03"))


def test_only_test_makes_any_motion_motion_to_judge_by():
    alone = base_config("mocap", splits={"only": "test", "test_subjects": ["nobody"]})
    assert divided(["01", "02"], alone) == ({"01": "test", "02": "test"}, ("test",))


@pytest.mark.parametrize("source", ["amass", "egoallo_hdf5", "rich"])
def test_a_source_with_its_own_division_keeps_it_and_says_where_it_is_set(source):
    check_division([], named(source, "nobody"))
    with pytest.raises(
        InputError, match=rf"only=test is for .* source {source} is divided as ingestion\.{source}\."
    ):
        check_division([], base_config(source, splits={"only": "test"}))
