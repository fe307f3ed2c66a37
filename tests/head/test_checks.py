from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.checks import eyes_before_neck
from motiongrpo.head.path import RawHeadPath, Touch
from tests.head.paths import CONFIG, prepare, raw_path, times, walker

RAW = raw_path(times(72, 6, 0.2))


def scaled(raw: RawHeadPath, by: float) -> RawHeadPath:
    return replace(raw, T_world_cpf=raw.T_world_cpf * [1, 1, 1, 1, by, by, by])


def turned(raw: RawHeadPath, degrees: float) -> RawHeadPath:
    """Every head turned about its own up axis."""
    q = Rotation.from_quat(raw.T_world_cpf[:, :4], scalar_first=True)
    q = (q * Rotation.from_euler("y", degrees, degrees=True)).as_quat(scalar_first=True)
    return replace(raw, T_world_cpf=np.concatenate([q, raw.T_world_cpf[:, 4:]], axis=1))


def test_a_good_recording_has_no_warning():
    recording = prepare(RAW)
    assert recording.warnings == ()
    assert not recording.touched().any()
    assert len(recording.repairs) == 1  # that it was resampled


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            scaled(RAW, 100),
            r"160 m over the floor \(median\).*0\.3 and 2\.5 m: .*centimetres; name it with --unit",
        ),
        (scaled(RAW, 1000), r"1.6e\+03 m over the floor .*seems to be millimetres; name it with --unit"),
        (
            scaled(RAW, 0.01),
            r"0\.016 m over.*head started, or the unit to be metres taken for centimetres; .*--unit",
        ),
        (scaled(RAW, 4), r"6\.4 m over the floor .*no unit of length explains it; look which axis points up"),
    ],
)
def test_heights_that_no_eyes_have_are_refused_with_a_guess(raw, said):
    with pytest.raises(InputError, match=said):
        prepare(raw)


def test_an_origin_at_the_head_is_refused_where_the_format_says_floor():
    poses = RAW.T_world_cpf - RAW.T_world_cpf[:1] * [0, 0, 0, 0, 1, 1, 1]
    with pytest.raises(
        InputError, match=r"head started; set --floor-m \(recovery\.floor_m\) .*or to estimate"
    ):
        prepare(replace(RAW, T_world_cpf=poses))


@pytest.mark.parametrize(("by", "unit"), [(100, "centimetres"), (1000, "millimetres"), (1e6, "no unit")])
def test_speeds_that_nobody_has_are_refused_where_no_floor_is_known(by, unit):
    with pytest.raises(InputError, match=rf"m/s \(median\), and people do at most 6: .* seems to be {unit}"):
        prepare(replace(scaled(RAW, by), origin="unknown"))


def test_walking_against_the_gaze_is_warned_of():
    (said,) = prepare(turned(RAW, 180)).warnings
    assert said.startswith("the person walks backwards over 6")
    assert "(mean cosine of way and gaze -0.9" in said


def test_walking_far_against_the_gaze_is_refused_with_both_remedies():
    far = raw_path(times(72, 12))
    with pytest.raises(InputError, match=r"walks backwards over 1\d\.\d m .*handedness.*repair\.backwards_m"):
        prepare(turned(far, 180))
    assert not prepare(far).warnings
    assert prepare(turned(far, 90)).warnings


@pytest.mark.parametrize("degrees", [90, -90])
def test_walking_across_the_gaze_is_warned_of(degrees):
    (said,) = prepare(turned(RAW, degrees)).warnings
    assert said.startswith("the person walks sideways over 6")


def test_a_left_handed_file_read_as_a_right_handed_one_is_noticed():
    """The world's and the head's forward axes both point the other way."""
    R = Rotation.from_quat(RAW.T_world_cpf[:, :4], scalar_first=True).as_matrix()
    R = np.diag([1, -1, 1]) @ R @ np.diag([1, 1, -1])
    q = Rotation.from_matrix(R).as_quat(scalar_first=True)
    mirrored = np.concatenate([q, RAW.T_world_cpf[:, 4:] * [1, -1, 1]], axis=1)
    (said,) = prepare(replace(RAW, T_world_cpf=mirrored)).warnings
    assert "backwards" in said
    assert "the world's handedness" in said


def looking_about(neck: np.ndarray) -> RawHeadPath:
    """Eyes 9 cm in front of and 8 cm above a swaying neck, on a head that turns and nods."""
    t = times(72, 8)
    turn = np.stack([0.8 * np.sin(2 * t), 0.4 * np.sin(3 * t + 1), 0 * t], axis=1)
    R = Rotation.from_euler("ZYX", turn) * Rotation.from_matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    p = np.stack([0.01 * np.sin(t), 0.02 * np.cos(0.7 * t), 0 * t + 1.5], axis=1) + R.apply(neck)
    return raw_path(t, np.concatenate([R.as_quat(scalar_first=True), p], axis=1))


def test_a_head_that_turns_about_a_point_before_its_eyes_is_of_another_hand():
    right = looking_about(np.array([0.0, 0.08, 0.09]))
    assert prepare(right).warnings == ()
    before_m, error_m, explained = eyes_before_neck([right.T_world_cpf], 72.0)
    assert before_m == pytest.approx(0.09, abs=0.01)
    assert error_m < 0.01
    assert explained > 0.9
    (warning,) = prepare(turned(right, 180)).warnings
    assert "turns about a point 9 cm before the eyes, and heads turn about one behind them" in warning
    circling = looking_about(np.array([0.0, 0.0, -1.0]))  # a statue, at which they look
    assert not any("turns about" in warning for warning in prepare(circling).warnings)


@pytest.mark.parametrize("frames", [1, 12, 13, 40])
def test_a_still_head_or_a_short_one_tells_of_no_neck(frames):
    still = np.tile(RAW.T_world_cpf[:1], (frames, 1))
    assert eyes_before_neck([still], 30.0)[2] == 0


def test_odd_rates_and_uneven_clocks_are_warned_of():
    assert any("the file has 10 rows a second" in s for s in prepare(raw_path(times(10, 6))).warnings)
    assert any("5e+03 rows a second" in s for s in prepare(raw_path(times(5000, 2))).warnings)
    steps = np.random.default_rng(0).choice([0.004, 0.03], 400)
    uneven = prepare(raw_path(np.cumsum(steps)))
    assert any("the clock is uneven: nine steps of ten take 4 to 30 ms" in s for s in uneven.warnings)


def test_a_head_faster_than_people_is_warned_of():
    t = times(72, 6)
    poses = walker(t)
    poses[:, 4:6] = np.stack([0.6 * t**2, 0 * t], axis=1)  # up to 7.2 m/s, without a jump
    assert any(
        "moves at up to 7.1" in s and "at 6 at most" in s for s in prepare(raw_path(t, poses)).warnings
    )


def test_jitter_is_measured_in_millimetres_and_flagged():
    sd = 0.012
    noise = np.random.default_rng(0).normal(0, sd, (len(RAW.time_s), 3))
    poses = RAW.T_world_cpf.copy()
    poses[:, 4:] += noise
    recording = prepare(replace(RAW, T_world_cpf=poses), jump_m=1.0)
    assert prepare(RAW).facts["jitter_mm"] < 0.5
    assert CONFIG.jitter_mm < recording.facts["jitter_mm"] < 1000 * sd
    assert any("of the frames jitter by more than 3 mm" in sentence for sentence in recording.warnings)
    assert float(((recording.touched() & Touch.JITTER) != 0).double().mean()) > 0.9


def test_many_bridged_frames_are_warned_of():
    poses = RAW.T_world_cpf.copy()
    poses[::40] = np.nan
    assert any(
        "of the frames lack rows near them" in s for s in prepare(replace(RAW, T_world_cpf=poses)).warnings
    )


def test_facts_describe_the_recording():
    facts = prepare(RAW).facts
    assert facts["rows"] == facts["rows_used"] == 433
    assert facts["seconds"] == pytest.approx(6, abs=0.02)
    assert facts["rate_hz"] == pytest.approx(72, rel=0.03)
    assert facts["head_height_m"] == pytest.approx(1.6, abs=0.01)
    assert facts["travel_m"] == pytest.approx(1.2 * 6, rel=0.01)
    assert facts["speed_95_m_s"] == pytest.approx(np.hypot(1.2, 0.25), rel=0.02)
    assert (facts["stretches"], facts["touched_share"]) == (1, 0.0)
