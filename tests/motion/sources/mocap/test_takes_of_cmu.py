"""CMU's takes, read from a folder beside the repository; the numbers are those of the open body."""

import csv
import lzma
import math
import os
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from motiongrpo.body.kinematics import sole_positions
from motiongrpo.body.skeleton import BODY_JOINTS, Joint
from motiongrpo.geometry.heading import heading_angle, rotation_about_up
from motiongrpo.geometry.so3 import geodesic_angle, matrix_from_quaternion
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.quality import QualityConfig, check_quality
from motiongrpo.motion.resample import resample
from motiongrpo.motion.sources.mocap.amc import parse_amc
from motiongrpo.motion.sources.mocap.asf import parse_asf
from motiongrpo.motion.sources.mocap.bvh import parse_bvh
from motiongrpo.motion.sources.mocap.takes import MocapConfig, amc_clip, bvh_clip, rest_pose
from tests.motion.rigs import MODEL

REPOSITORY = Path(__file__).parents[4]
ROOT = Path(os.environ.get("MOTIONGRPO_CMU_ROOT", REPOSITORY.parent / "shared" / "data" / "cmu_mocap"))
pytestmark = pytest.mark.skipif(
    not (ROOT / "index.csv").is_file(),
    reason="no CMU motion capture here: name its folder in MOTIONGRPO_CMU_ROOT",
)
TAKES = list(csv.DictReader((ROOT / "index.csv").open())) if (ROOT / "index.csv").is_file() else []
CONFIG = MocapConfig(
    source="cmu",
    licence="free for all uses",
    sources={},
    licences={},
    amc_fps=120.0,
    fps={"salsa_*": 60.0},
    subjects={"martial_*": "135", "salsa_0*": "60", "salsa_1[12]": "60", "salsa_*": "61"},
    activities={},
    rest_takes={"iclone": "07_03"},
    layouts={},
)
QUALITY = QualityConfig(
    least_seconds=1.0,
    jump_deg_s=1800.0,
    jump_m_s=8.0,
    repair_seconds=0.25,
    frozen_seconds=0.5,
    lowest_pelvis_m=0.05,
    highest_pelvis_m=3.0,
    least_bob_m=0.005,
)
ON_RAILS = {"02_01", "02_02", "02_03", "07_01"}


def text(file: str) -> str:
    return lzma.open(ROOT / file, "rt").read()


@cache
def rest_poses():
    return dict([rest_pose(parse_bvh(text("iclone/07_03.bvh.xz"), "07_03"), CONFIG)])


@cache
def clip(file: str) -> Clip:
    name = Path(file).name.split(".")[0]
    if file.endswith(".amc.xz"):
        return amc_clip(
            parse_amc(text(file), parse_asf(text("asfamc/01.asf.xz"), "01.asf"), file), name, MODEL, CONFIG
        )
    return bvh_clip(parse_bvh(text(file), file), name, rest_poses(), MODEL, CONFIG)


@pytest.mark.parametrize("take", TAKES, ids=[take["file"] for take in TAKES])
def test_a_take_is_read_whole_and_is_accepted_or_refused_with_a_reason(take):
    """Only a T-pose in front is dropped, and no piece that is kept has a jump."""
    ours = clip(take["file"])
    dropped = 8 if take["layout"] == "daz" else int(take["first_frame_is_tpose"])
    assert len(ours) == int(take["frames"]) - dropped
    assert ours.fps == float(take["true_fps"])
    assert ours.subject == take["subject"].removesuffix(" (probable)")
    pieces, report = check_quality(ours, QUALITY)
    assert (report.reason == "") == (report.verdict == "accepted")
    assert report.verdict != "accepted" or int(take["glitch_frames"]) <= 3
    for piece in pieces:
        assert check_quality(piece, QUALITY)[1].verdict == "accepted"


def test_only_takes_without_vertical_motion_are_refused_and_little_of_the_others_is_lost():
    reports = {take["name"]: check_quality(clip(take["file"]), QUALITY)[1] for take in TAKES}
    refused = {name: report.reason for name, report in reports.items() if report.verdict == "refused"}
    assert set(refused) == ON_RAILS
    assert all("its vertical motion is missing" in reason for reason in refused.values())
    lost = sum(report.frames - report.kept_frames for name, report in reports.items() if name not in ON_RAILS)
    assert lost < 0.012 * sum(report.frames for report in reports.values())


@pytest.mark.parametrize(
    "file", [f"daz/martial_{number}.bvh.xz" for number in ("03", "05", "07", "08", "09")]
)
def test_nothing_is_left_of_the_t_pose_that_was_filtered_into_the_first_frames(file):
    """These five takes start at rest, to 0.2° per frame; one frame earlier they are not at rest."""
    rotations = matrix_from_quaternion(clip(file).q_parent_joint[:10])
    assert float(geodesic_angle(rotations[1:], rotations[:-1]).max()) < math.radians(0.2)


@cache
def joints_of_01_01(layout: str) -> tuple[Tensor, Tensor]:
    """Joints and their orientations at 30 frames/s, with the lowest sole of 95 % of frames above the floor.

    The iClone conversion keeps every second of CMU's frames, from the second one on.
    """
    file = {"asfamc": "asfamc/01_01.amc.xz"}.get(layout, f"{layout}/01_01.bvh.xz")
    ours = clip(file)
    ours = resample(ours if layout == "iclone" else ours.frames(1, len(ours)), 30.0)
    body, posed = ours.posed(MODEL)
    soles = sole_positions(body, posed)[..., 2].amin(dim=-1)
    p = posed.p_world_joint[:, :BODY_JOINTS] - torch.tensor([0.0, 0.0, 1.0]).to(soles) * soles.quantile(0.05)
    return p, posed.R_world_joint[:, :BODY_JOINTS]


def test_one_take_is_the_same_motion_from_its_two_native_layouts():
    """Frame by frame and joint by joint, with rotations, and aligned only by the dropped T-pose."""
    (p_asf, R_asf), (p_bvh, R_bvh) = joints_of_01_01("asfamc"), joints_of_01_01("motionbuilder")
    assert_close(p_bvh, p_asf, rtol=0, atol=2e-5)
    assert float((p_bvh - p_asf).norm(dim=-1).mean()) < 5e-6
    assert float(geodesic_angle(R_bvh, R_asf).max()) < math.radians(0.01)


@pytest.mark.parametrize("layout", ["asfamc", "motionbuilder"])
def test_one_take_is_the_same_motion_from_a_rig_of_other_proportions(layout):
    """Within 10 mm over the 22 joints after alignment; the conversion turned the take by 0.8°."""
    (p_theirs, R_theirs), (p, R) = joints_of_01_01("iclone"), joints_of_01_01(layout)
    turn = heading_angle(R[:, Joint.SPINE3]) - heading_angle(R_theirs[:, Joint.SPINE3])
    R_turn = rotation_about_up(turn.median())
    p_theirs, R_theirs = p_theirs @ R_turn.T, R_turn @ R_theirs
    assert abs(float(turn.median())) < math.radians(1)
    shift = (p - p_theirs)[:, 0].mean(dim=0) * torch.tensor([1.0, 1.0, 0.0]).to(p)
    assert float((p - p_theirs - shift).norm(dim=-1).mean()) < 10e-3
    trunk = [Joint.SPINE1, Joint.SPINE2, Joint.SPINE3, Joint.NECK, Joint.HEAD]
    assert float(geodesic_angle(R[:, trunk], R_theirs[:, trunk]).mean()) < math.radians(0.1)


@pytest.mark.parametrize(
    ("file", "frames", "head_m", "shift_m", "ankle_m"),
    [
        ("iclone/07_12.bvh.xz", 66, 1.53, -0.028, 0.077),
        ("iclone/02_04.bvh.xz", 121, 1.48, 0.033, 0.075),
        ("iclone/02_06.bvh.xz", 559, 1.26, 0.028, 0.072),
        ("asfamc/01_01.amc.xz", 688, 1.52, 0.012, 0.076),
        ("daz/salsa_05.bvh.xz", 836, 1.52, -0.025, 0.072),
    ],
)
def test_heads_and_feet_are_as_high_as_measured_by_other_means(file, frames, head_m, shift_m, ankle_m):
    """Mean head, floor and lowest ankle of an independent retargeting onto a body built like the open one."""
    ours = resample(clip(file), 30.0)
    body, posed = ours.posed(MODEL)
    floor = float(sole_positions(body, posed)[..., 2].amin(dim=-1).quantile(0.05))
    height = posed.p_world_joint[..., 2] - floor
    assert len(ours) == frames
    assert floor == pytest.approx(shift_m, abs=0.012)
    assert float(height[:, Joint.HEAD].mean()) == pytest.approx(head_m, abs=0.015)
    assert float(height[:, [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]].min()) == pytest.approx(ankle_m, abs=0.012)


WALKS = [take["file"] for take in TAKES if take["subject"] == "07" and take["name"] not in ON_RAILS]


@pytest.mark.parametrize("file", WALKS)
def test_walkers_look_where_they_go_and_their_knees_bend_backwards_only(file):
    ours = clip(file)
    _, posed = ours.posed(MODEL)
    way = (posed.p_world_joint[-1, 0] - posed.p_world_joint[0, 0])[:2]
    forward = posed.R_world_joint[:, Joint.HEAD, :2, 2]
    along = torch.nn.functional.cosine_similarity(forward, way[None], dim=-1)
    assert float(along.median()) > math.cos(math.radians(15))
    for side in ("LEFT", "RIGHT"):
        hip, knee, ankle = (
            posed.p_world_joint[:, Joint[f"{side}_{part}"]] for part in ("HIP", "KNEE", "ANKLE")
        )
        R_hip = posed.R_world_joint[:, Joint[f"{side}_HIP"]]
        backwards = (R_hip.mT @ torch.linalg.cross(knee - hip, ankle - knee)[..., None])[:, 0, 0]
        assert float(backwards.quantile(0.02)) > -0.02


@pytest.mark.parametrize(
    "file", ["asfamc/01_01.amc.xz", "iclone/01_01.bvh.xz", "iclone/02_10.bvh.xz", "daz/salsa_05.bvh.xz"]
)
def test_soles_of_standing_feet_lie_flat(file):
    """Median tilt of resting feet, sideways and along: a rest pose with spread legs must not tip them."""
    ours = clip(file)
    _, posed = ours.posed(MODEL)
    for side in ("LEFT", "RIGHT"):
        ankle, toes = Joint[f"{side}_ANKLE"], Joint[f"{side}_FOOT"]
        p = posed.p_world_joint[:, [ankle, toes]]
        still = ((p[2:] - p[:-2]).norm(dim=-1) * ours.fps / 2 < 0.15).all(dim=-1)
        R = posed.R_world_joint[1:-1, ankle][still]
        ahead = torch.nn.functional.normalize(R[:, :2, 2], dim=-1)
        aside = torch.stack([-ahead[:, 1], ahead[:, 0]], dim=-1)
        up = R[:, :, 1]
        roll = torch.atan2((up[:, :2] * aside).sum(dim=-1), up[:, 2])
        pitch = torch.atan2((up[:, :2] * ahead).sum(dim=-1), up[:, 2])
        assert len(R) > 50
        assert abs(math.degrees(roll.median())) < 5
        assert abs(math.degrees(pitch.median())) < 8
