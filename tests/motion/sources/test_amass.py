import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.mesh import Mesher
from motiongrpo.motion.sources.amass import AmassConfig, amass_clip
from tests.motion.rigs import MODEL

FILE = "KIT/3/walk_poses.npz"
RANDOM = np.random.default_rng(0)
ARRAYS = {
    "poses": RANDOM.normal(0, 0.4, (6, 156)),
    "trans": RANDOM.normal(0, 1, (6, 3)),
    "betas": RANDOM.normal(0, 1, 16),
    "gender": np.array("neutral"),
    "mocap_framerate": np.array(120.0),
}


def config(**changes) -> AmassConfig:
    whole = {"subsets": ["KIT"], "skip": [], "middle_share": 1.0}
    return AmassConfig(**(whole | {"betas": "file", "gender": "neutral", "fps": {}} | changes))


def changed(**arrays):
    return {key: value for key, value in (ARRAYS | arrays).items() if value is not None}


def test_joints_are_those_of_smplx_given_the_numbers_of_the_file():
    """The oracle uses `poses` and `trans` directly; ours uses pelvis and quaternions."""
    _, posed = amass_clip(ARRAYS, FILE, MODEL, config()).posed(MODEL)
    poses = torch.from_numpy(ARRAYS["poses"]).float()
    joints = Mesher(OPEN_BODY).layer(
        betas=torch.from_numpy(ARRAYS["betas"]).float().expand(6, 16),
        global_orient=poses[:, :3],
        body_pose=poses[:, 3:66],
        left_hand_pose=poses[:, 66:111],
        right_hand_pose=poses[:, 111:156],
        transl=torch.from_numpy(ARRAYS["trans"]).float(),
    )
    assert_close(posed.p_world_joint.float(), joints.joints[:, :52], rtol=0, atol=1e-4)


def test_a_clip_says_where_it_comes_from():
    clip = amass_clip(ARRAYS, FILE, MODEL, config())
    assert (clip.name, clip.source, clip.subject) == ("KIT/3/walk_poses", "amass", "KIT/3")
    assert clip.licence == "AMASS, non-commercial research"
    assert clip.fps == 120.0
    assert amass_clip(ARRAYS, "alone.npz", MODEL, config()).subject == "alone.npz"


def test_the_first_pattern_that_fits_gives_the_true_rate():
    table = {"*BMLhandball*": 240.0, "KIT/*": 100.0, "*": 50.0}
    assert amass_clip(ARRAYS, FILE, MODEL, config(fps=table)).fps == 100.0
    without = changed(mocap_framerate=None)
    assert amass_clip(without, "BMLhandball/1/a.npz", MODEL, config(fps=table)).fps == 240.0


def test_a_mean_shape_is_taken_where_betas_mean_something_else():
    clip = amass_clip(changed(gender=np.array("male"), betas=None), FILE, MODEL, config(betas="zero"))
    assert torch.equal(clip.betas, torch.zeros(16))
    pelvis = MODEL.rest_joints(torch.zeros(16))[0]
    assert_close(
        clip.T_world_root[:, 4:], torch.from_numpy(ARRAYS["trans"]).float() + pelvis, rtol=0, atol=1e-6
    )


def test_ten_betas_are_the_first_of_sixteen_and_more_than_sixteen_are_cut():
    ten = amass_clip(changed(betas=np.ones(10)), FILE, MODEL, config()).betas
    assert ten.tolist() == [1.0] * 10 + [0.0] * 6
    assert amass_clip(changed(betas=np.ones(300)), FILE, MODEL, config()).betas.tolist() == [1.0] * 16


def test_a_gender_may_be_bytes():
    assert len(amass_clip(changed(gender=np.array(b"neutral")), FILE, MODEL, config())) == 6


HOLE = ARRAYS["poses"].copy()
HOLE[4, 7] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": None}, "holds a body shape but no motion: it has no 'poses'"),
        ({"trans": None}, "has no 'trans', so nothing says where the body is"),
        (
            {"poses": np.zeros((6, 72))},
            r"'poses' must be \(frames, 156\) as in SMPL\+H G or .*, got \(6, 72\)",
        ),
        ({"trans": np.zeros((5, 3))}, r"'trans' must be \(6, 3\) like 'poses', got \(5, 3\)"),
        ({"poses": HOLE}, "'poses' is not finite at frame 4"),
        ({"trans": np.full((6, 3), 1e300)}, "'trans' is not finite at frame 0"),
        ({"trans": np.full((6, 3), np.inf)}, "'trans' is not finite at frame 0"),
        ({"trans": np.full((6, 3), "a")}, "'trans' must be numbers, got <U1"),
        ({"gender": np.array("male")}, "betas of a male body, but the body file is neutral; set ingestion"),
        ({"betas": None}, "has no 'betas'; set ingestion.amass.betas to 'zero'"),
        ({"betas": np.full(16, np.nan)}, "'betas' are not finite; set ingestion.amass.betas to 'zero'"),
        ({"mocap_framerate": None}, "does not say its frame rate; name it in ingestion.amass.fps"),
        (
            {"mocap_framerate": np.array(0.0)},
            "'mocap_framerate' must be one number above 0, got 0.0; name it",
        ),
        ({"mocap_framerate": np.array(np.nan)}, "'mocap_framerate' must be one number above 0, got nan"),
        ({"mocap_framerate": np.ones(2)}, r"'mocap_framerate' must be one number above 0, got shape \(2,\)"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(change, message):
    with pytest.raises(InputError, match=f"^'{FILE}'.*{message}"):
        amass_clip(changed(**change), FILE, MODEL, config())
