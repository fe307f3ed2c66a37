"""Realistic files, kept beside the repository, with their expected results in `EXPECTED.md`."""

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from motiongrpo.motion.ingestion import ingest
from motiongrpo.motion.parallel import Ingestion
from motiongrpo.motion.sources.mocap.layouts import BVH_LAYOUTS
from motiongrpo.motion.store import FileVerdict
from tests.bodies import open_body
from tests.motion.sources.raw_folders import base_config, listed
from tests.pipelines.kedro_project import ROOT

CASES = ROOT.parent / "shared" / "cases"
pytestmark = pytest.mark.skipif(not (CASES / "EXPECTED.md").is_file(), reason="needs ../shared/cases")
FREEMOCAP = yaml.safe_load((ROOT / "conf/mocap/parameters.yml").read_text())["ingestion"]["mocap"]["layouts"][
    "freemocap"
]


def first(folder: Path, source: str = "mocap", **changes: Any) -> FileVerdict:
    config = base_config(source, **changes)
    name, read = next(iter(Ingestion(listed(folder), open_body(), config, None).readers.values()))
    return ingest(name, read, open_body(), config)


@cache
def base() -> FileVerdict:
    return first(CASES)


def one(case: str, **mocap: Any) -> FileVerdict:
    return first(CASES / case, mocap={"subjects": {"*": "90"}} | mocap)


def assert_is_base(verdict: FileVerdict) -> None:
    (clip,), (expected,) = verdict.clips, base().clips
    assert (verdict.verdict, verdict.reason, verdict.seconds) == ("accepted", "", base().seconds)
    assert clip.clip.T_world_root.equal(expected.clip.T_world_root)
    assert clip.clip.q_parent_joint.equal(expected.clip.q_parent_joint)


@pytest.mark.parametrize("case", ["bvh_mixamo_prefix", "bvh_blank_line_before_frame_time"])
def test_what_other_programs_write_differently_is_the_same_motion(case):
    assert_is_base(one(case))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("bvh_glued_numbers", r"line 135: '0\.162656534-0\.002078732' is several numbers without a space"),
        ("bvh_more_rows_than_frames", "it promises 479 frames and holds 480: correct its 'Frames'"),
        ("bvh_z_up", "it stands upright where z is up, not y; give its rig a layout with 'up: z'"),
        ("bvh_pos_channels_equal_offset", "'position_channels: instead_of_offset'"),
    ],
)
def test_a_fault_is_named_for_what_it_is(case, reason):
    verdict = one(case)
    assert verdict.verdict == "refused"
    assert re.search(reason, verdict.reason), verdict.reason


def test_position_channels_that_replace_offsets_are_the_same_motion_once_a_layout_says_so():
    changes = {"position_channels": "instead_of_offset"}
    layouts = {"motionbuilder": BVH_LAYOUTS["motionbuilder"].model_copy(update=changes).model_dump()}
    assert_is_base(one("bvh_pos_channels_equal_offset", layouts=layouts))


def test_position_channels_of_one_joint_may_add_to_its_offset_and_those_of_others_replace_theirs():
    case, word = "bvh_position_channels_differ_per_joint", "instead_of_offset"
    layout = FREEMOCAP | {"position_channels": {"pelvis": "added_to_offset", "*": word}}
    mixed = one(case, layouts={"freemocap": layout})
    assert mixed.verdict == "accepted", mixed.reason
    (clip,) = mixed.clips
    assert 0.85 < float(clip.clip.T_world_root[:, 6].median()) < 1.0
    reason = one(case, layouts={"freemocap": FREEMOCAP | {"position_channels": word}}).reason
    assert f'\'position_channels: {{"pelvis": added_to_offset, "*": {word}}}\'' in reason


def test_a_comment_in_latin_1_is_no_part_of_a_take():
    verdict = one("amc_latin1_comment")
    assert (verdict.verdict, verdict.reason) == ("accepted", "")


def test_an_amass_file_that_is_y_up_is_found_out_though_its_person_stands_still(tmp_path):
    shutil.copytree(CASES / "amass_y_up_standing", tmp_path / "KIT")
    verdict = first(tmp_path, "amass", amass={"subsets": ["KIT"]})
    assert verdict.verdict == "refused"
    assert verdict.reason.startswith("y looks like up, not z")


def test_a_header_that_says_another_rate_than_the_takes_beside_it_is_doubted(tmp_path):
    shutil.copy(CASES / "bvh_rate_header_wrong/90_29.bvh", tmp_path)
    for number in (30, 31, 32):
        shutil.copy(CASES / "90_01.bvh", tmp_path / f"90_{number}.bvh")
    verdict = first(tmp_path)
    assert verdict.verdict == "accepted"
    assert verdict.reason == (
        "warning: its header says 30 frames/s, and that of 3 of 3 other takes beside it 120; "
        "name the true rate in ingestion.mocap.fps"
    )
    assert first(tmp_path, mocap={"fps": {"90_29": 120}}).reason == ""
