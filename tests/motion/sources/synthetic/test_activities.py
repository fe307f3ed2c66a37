"""The characteristics of each synthetic activity, names and numbers of clips, and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel, LinearShape
from motiongrpo.body.skeleton import Joint
from motiongrpo.motion.clip import Clip
from motiongrpo.motion.sources.synthetic import synthesise
from motiongrpo.motion.sources.synthetic.plan import Plan, Segment
from motiongrpo.motion.sources.synthetic.subject import LEGS
from motiongrpo.motion.sources.synthetic.synthesis import activity_names
from tests.motion.sources.synthetic.people import ACTIVITIES, MODEL, Filmed, config, film, joint

CLIPS = 8


def films(activity: str, **changes) -> list[Filmed]:
    settings = config(
        activities=(activity,), clips_per_subject=1, seconds_min=8.0, seconds_max=8.0, **changes
    )
    return [film(settings, index) for index in range(CLIPS)]


def equal(first: Clip, second: Clip) -> bool:
    return all(
        value.numpy().tobytes() == getattr(second, name).numpy().tobytes()
        if isinstance(value, torch.Tensor)
        else value == getattr(second, name)
        for name, value in vars(first).items()
    )


def path(filmed: Filmed) -> np.ndarray:
    return joint(filmed.posed, Joint.PELVIS)[:, :2]


def in_the_air(filmed: Filmed) -> np.ndarray:
    return ~(filmed.feet[0].planted | filmed.feet[1].planted)


def pelvis_height(filmed: Filmed) -> np.ndarray:
    """Height of the pelvis as a share of that in standing."""
    return joint(filmed.posed, Joint.PELVIS)[:, 2] / float(filmed.body.standing_height[Joint.PELVIS])


def test_a_clip_is_the_same_bytes_whatever_was_made_before_it_and_however_many_there_are():
    alone = synthesise(MODEL, config(), 5)
    for index in (2, 7, 5, 0):
        synthesise(MODEL, config(), index)
    assert equal(alone, synthesise(MODEL, config(), 5))
    assert equal(alone, synthesise(MODEL, config(clips=10_000), 5))


def test_other_numbers_and_other_seeds_are_other_motions():
    clips = [synthesise(MODEL, config(seed=seed), index) for seed in (0, 1) for index in (0, 1, 2)]
    for i, first in enumerate(clips):
        for second in clips[:i]:
            assert first.name != second.name
            assert first.T_world_root[0, :4].sub(second.T_world_root[0, :4]).abs().max() > 0.01


def test_clips_of_a_subject_share_its_body_and_other_subjects_have_others():
    clips = [synthesise(MODEL, config(clips_per_subject=3), index) for index in range(9)]
    bodies = {clip.subject: clip.betas for clip in clips}
    assert len(bodies) == 3
    for i, clip in enumerate(clips):
        assert clip.subject == clips[3 * (i // 3)].subject
        assert torch.equal(clip.betas, bodies[clip.subject])
    betas = list(bodies.values())
    assert (betas[0] - betas[1]).abs().min() > 0
    assert torch.stack(betas).abs().max() <= 2


def test_clips_last_as_long_as_asked():
    lengths = [len(synthesise(MODEL, config(seconds_min=2.0, seconds_max=3.0), i)) / 30 for i in range(20)]
    assert min(lengths) >= 2 - 1 / 30
    assert max(lengths) <= 3 + 1 / 30
    assert np.ptp(lengths) > 0.5


def test_only_what_was_asked_for_is_done_and_in_time_all_of_it():
    asked = {synthesise(MODEL, config(activities=("sit", "walk")), i).activity for i in range(30)}
    assert {name for names in asked for name in names.split("+")} == {"sit", "walk"}
    every = {synthesise(MODEL, config(), i).activity for i in range(60)}
    assert {name for names in every for name in names.split("+")} == set(ACTIVITIES)


def test_a_clip_names_what_happens_in_it_in_order_and_once():
    segments = (Segment("walk", 0, 2), Segment("sit", 2, 5), Segment("walk", 5, 8), Segment("jump", 8, 9))
    assert activity_names(Plan(segments=segments), 1.0, 8.2) == "walk+sit"
    assert activity_names(Plan(segments=segments), 1.9, 8.4) == "sit+walk+jump"


def test_runners_are_fast_and_leave_the_floor():
    for filmed in films("run"):
        steady = filmed.steady("run")
        speed = np.linalg.norm(np.gradient(path(filmed), axis=0), axis=1)[steady] * 30
        assert 2.2 < speed.mean() < 3.6
        assert 0.1 < in_the_air(filmed)[steady].mean() < 0.6


def test_walkers_always_have_a_foot_on_the_floor():
    for filmed in films("walk"):
        assert not in_the_air(filmed).any()


def test_turners_turn_on_the_spot_by_stepping():
    turned = []
    for filmed in films("turn"):
        assert np.linalg.norm(path(filmed) - path(filmed)[0], axis=1).max() < 0.3
        turned.append(np.ptp(filmed.planar.yaw))
        for foot in filmed.feet:
            assert np.abs(np.diff(foot.yaw)[foot.planted[1:] & foot.planted[:-1]]).max() < 1e-12
    assert max(turned) > 2
    assert np.median(turned) > 1


def test_side_steppers_go_sideways_without_crossing_their_feet():
    for filmed in films("sidestep"):
        velocity = np.gradient(path(filmed), axis=0)[filmed.steady("sidestep")]
        heading = np.array([np.cos(filmed.planar.yaw[0]), np.sin(filmed.planar.yaw[0])])
        left = np.array([-heading[1], heading[0]])
        assert np.abs(velocity @ left).mean() > 3 * np.abs(velocity @ heading).mean()
        gap = joint(filmed.posed, Joint.LEFT_ANKLE) - joint(filmed.posed, Joint.RIGHT_ANKLE)
        assert (gap[:, :2] @ left).min() > 0.05


def test_who_stands_looks_around_and_stays_put():
    yaws = []
    for filmed in films("stand"):
        forward = filmed.posed.R_world_joint[:, Joint.HEAD, :, 2].numpy()
        yaws.append(np.ptp(np.unwrap(np.arctan2(forward[:, 1], forward[:, 0]))))
        feet = filmed.posed.p_world_joint[:, [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]]
        assert (feet - feet[:1]).abs().max() < 1e-12
    assert np.median(yaws) > 0.8


def test_who_squats_goes_down_on_flat_feet_and_comes_up():
    for filmed in films("squat"):
        height = pelvis_height(filmed)
        assert height.min() < 0.85
        assert height.max() > 0.97
        assert filmed.soles[..., 2].max() < 0.05  # no heel rises


def test_who_sits_has_level_thighs_and_an_upright_trunk():
    sat = 0
    for filmed in films("sit"):
        lowest = int(pelvis_height(filmed).argmin())
        if pelvis_height(filmed)[lowest] > 0.7:
            continue  # the clip shows only the way down or up
        sat += 1
        seated = np.abs(pelvis_height(filmed) - pelvis_height(filmed)[lowest]) < 0.005
        for leg in LEGS:
            thigh = joint(filmed.posed, leg.knee) - joint(filmed.posed, leg.hip)
            rise = np.arctan2(thigh[:, 2], np.linalg.norm(thigh[:, :2], axis=1))
            assert np.abs(rise[seated]).max() < np.radians(25)
        trunk = joint(filmed.posed, Joint.NECK) - joint(filmed.posed, Joint.PELVIS)
        lean = np.arctan2(np.linalg.norm(trunk[:, :2], axis=1), trunk[:, 2])
        assert np.median(lean[seated]) < np.radians(25)
        assert lean.max() > np.radians(20)  # on the way down or up
    assert sat >= CLIPS - 2


def test_who_reaches_stretches_a_hand_far_from_where_it_hung():
    heights = []
    for filmed in films("reach"):
        moved = 0.0
        for wrist in (Joint.LEFT_WRIST, Joint.RIGHT_WRIST):
            hand = joint(filmed.posed, wrist)
            moved = max(moved, np.linalg.norm(hand[:, None] - hand[None, ::10], axis=-1).max())
            heights += [hand[:, 2].min(), hand[:, 2].max()]
        assert moved > 0.3
    assert min(heights) < 0.7
    assert max(heights) > 1.65


def test_jumpers_have_both_feet_off_the_floor_and_fall_freely():
    highest = []
    for filmed in films("jump"):
        flying = in_the_air(filmed)
        assert flying.any()
        highest.append(filmed.soles[flying][..., 2].amin(dim=1).max())
        for foot in filmed.feet:
            assert (foot.planted == filmed.feet[0].planted).all()
        fall = -np.diff(joint(filmed.posed, Joint.PELVIS)[:, 2], n=2) * 30**2
        middle = flying[1:-1] & flying[:-2] & flying[2:]
        assert 5 < np.median(fall[middle]) < 12  # m/s², slightly off where the legs hold the pelvis back
    assert 0.1 < max(highest) < 0.4


def test_arms_differ_between_clips_whose_heads_do_the_same():
    elbows, elbow_joints = [], (Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW)
    for filmed in films("stand"):
        elbows.append([2 * filmed.clip.q_parent_joint[:, j - 1, 0].acos().median() for j in elbow_joints])
    assert np.std(np.array(elbows)) > 0.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seconds_min": 5.0, "seconds_max": 4.0}, r"seconds_max must be at least seconds_min \(5\), got 4"),
        ({"activities": ()}, "at least 1 item"),
        ({"activities": ("swim",)}, "Input should be 'walk'"),
        ({"fps": 0.0}, "greater than or equal to 10"),
        ({"clip": 3}, "'clip' is not a parameter of SyntheticConfig"),
    ],
)
def test_parameters_that_make_no_motion_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        config(**changes)


def test_a_body_in_centimetres_is_refused():
    with pytest.raises(InputError, match=r"has legs of 8\d\.\d+ m, .*: use a body file of adults in metres"):
        synthesise(_scaled(MODEL, 100.0), config(), 0)


def _scaled(model: BodyModel, factor: float) -> BodyModel:
    def scale(points: LinearShape) -> LinearShape:
        return LinearShape(points.base * factor, points.directions * factor)

    shapes = {name: scale(getattr(model, name)) for name in ("rest_joints", "eyes", "soles")}
    return replace(model, **shapes)
