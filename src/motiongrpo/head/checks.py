"""Checks of a head's path: impossible units and origins, and signs of wrong axes or poor tracking."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float64
from scipy.ndimage import median_filter
from scipy.spatial.transform import Rotation

from motiongrpo.base.errors import InputError
from motiongrpo.head.flaws import HeadRepairConfig, Index, frozen, place, poor
from motiongrpo.head.floor import FLOOR_KEY
from motiongrpo.head.path import RawHeadPath
from motiongrpo.head.resampling import with_one_sign

UNITS = {"centimetres": 0.01, "millimetres": 0.001, "metres taken for centimetres": 100.0}
SLOWEST_HZ, FASTEST_HZ = 20.0, 2000.0  # rates of headsets
GAZE_S, WALKING_M_S, WALKED_M = 0.5, 0.4, 1.0  # a stride or so; slower is no walk; less tells nothing
AGAINST, ACROSS = -0.3, 0.7  # mean cosine and sine of the way with the gaze
BACKWARDS = -0.7  # mean cosine of those who hardly do anything else
NECK_S = 0.2  # a turn of the head, in which its neck goes evenly on
NEAR_M, FAR_M = 0.04, 0.25  # of the eyes from the axis of the neck, and before things that people circle
EXPLAINED, SURE = 0.5, 4.0  # share of the eyes' acceleration, and standard errors
MEDIAN_LENGTH = 1.538  # of a standard normal vector in space
GLANCES = 10_000  # rows at which speeds are looked at for the unit of length

Poses = Float64[np.ndarray, "frame 7"]


def refuse_wrong_height(name: str, height_m: float, config: HeadRepairConfig) -> None:
    """Raise InputError, with a likely cause, where the eyes are too high or low over a known floor."""
    if config.lowest_m <= height_m <= config.highest_m:
        return
    unit = _unit(height_m, config)
    if abs(height_m) < config.lowest_m:
        why = "the world's origin seems to be where the head started"
        why += f", or the unit to be {unit}" if unit else ""
        remedy = f"set {FLOOR_KEY} to the floor's height in the file's world, or to estimate"
        remedy += ", or name the unit with --unit (recovery.unit)" if unit else ""
    elif unit:
        why, remedy = f"the unit of length seems to be {unit}", "name it with --unit (recovery.unit)"
    else:
        why = "no unit of length explains it"
        remedy = f"look which axis points up, and set {FLOOR_KEY} to the floor's height in the file's world"
    raise InputError(
        f"the eyes in '{name}' are {height_m:.3g} m over the floor (median), and people's are between "
        f"{config.lowest_m:g} and {config.highest_m:g} m: {why}; {remedy}"
    )


def refuse_wrong_speed(raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> None:
    """Raise InputError where a head over an unknown floor is mostly faster than people are."""
    t, p = raw.time_s[rows], raw.T_world_cpf[rows, 4:]
    first = np.arange(0, len(rows) - 1, max(1, len(rows) // GLANCES))
    last = np.clip(np.searchsorted(t, t[first] + 0.1), first + 1, len(rows) - 1)
    with np.errstate(over="ignore"):  # beyond all bounds is infinitely fast
        speed = float(np.median(np.linalg.norm(p[last] - p[first], axis=1) / (t[last] - t[first])))
    if speed <= config.fastest_m_s:
        return
    unit = next((unit for unit, m in UNITS.items() if speed * m <= config.fastest_m_s / 2), "no unit we know")
    raise InputError(
        f"the head in '{raw.name}' moves at {speed:.3g} m/s (median), and people do at most "
        f"{config.fastest_m_s:g}: the unit of length seems to be {unit}; name it with --unit "
        "(recovery.unit), or that of time in recovery.time_unit"
    )


def refuse_backwards(
    name: str, stretches: Sequence[np.ndarray], fps: float, config: HeadRepairConfig
) -> None:
    """Raise InputError where somebody walks further against their gaze than people do."""
    way, along, _ = np.sum([walked(T, fps) for T in stretches], axis=0)
    if way > config.backwards_m and along < BACKWARDS * way:
        raise InputError(
            f"the person in '{name}' walks backwards over {way:.1f} m (mean cosine of way and gaze "
            f"{along / way:.2f}): the world's handedness or the head's forward axis is another; name them, "
            "or, where it is true, set recovery.repair.backwards_m to more than that"
        )


def warnings_on_rows(raw: RawHeadPath, rows: Index, config: HeadRepairConfig) -> Iterator[str]:
    """What the rows say of the clock and of the tracker."""
    steps = np.diff(raw.time_s[rows])
    rate = 1 / float(np.median(steps))
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        yield (
            f"the file has {rate:.3g} rows a second, and headsets {SLOWEST_HZ:g} to {FASTEST_HZ:g}: "
            "look at the unit of its times"
        )
    low, high = np.quantile(steps, [0.05, 0.95])
    if high > 2 * low:
        yield f"the clock is uneven: nine steps of ten take {1000 * low:.3g} to {1000 * high:.3g} ms"
    still = frozen(raw, rows, config)
    if still.any():
        yield (
            f"the pose is frozen for {config.frozen_s:g} s or more, in {still.mean():.1%} of the rows, the "
            f"first at {place(raw, int(rows[np.argmax(still)]))}: tracking was probably lost"
        )
    doubted = poor(raw, rows, config)
    if doubted.any():
        yield (
            f"the file says of {doubted.mean():.1%} of its rows that tracking was poor (under "
            f"{config.least_quality:g}), the first at {place(raw, int(rows[np.argmax(doubted)]))}"
        )


def warnings_on_motion(
    stretches: Sequence[np.ndarray], fps: float, config: HeadRepairConfig
) -> Iterator[str]:
    """What the motion itself says: faster than people, and against or across its gaze."""
    speed = max(float(speeds(T, fps).max()) for T in stretches)
    if speed > config.fastest_m_s:
        yield f"the head moves at up to {speed:.3g} m/s, and people's at {config.fastest_m_s:g} at most"
    before_m, error_m, explained = eyes_before_neck(stretches, fps)
    if -FAR_M < before_m < -max(NEAR_M, SURE * error_m) and explained > EXPLAINED:
        yield (
            f"the head turns about a point {-100 * before_m:.0f} cm before the eyes, and heads turn about "
            "one behind them: the world's handedness or the head's forward axis is probably another"
        )
    way, along, across = np.sum([walked(T, fps) for T in stretches], axis=0)
    if way < WALKED_M:
        return
    if along < AGAINST * way:
        yield (
            f"the person walks backwards over {way:.1f} m (mean cosine of way and gaze {along / way:.2f}): "
            "the world's handedness or the head's forward axis is probably another"
        )
    elif abs(across) > ACROSS * way and along < -AGAINST * way:
        yield (
            f"the person walks sideways over {way:.1f} m (mean sine of way and gaze {across / way:.2f}): the "
            "head's forward axis is probably another"
        )


def walked(T_world_cpf: Poses, fps: float) -> Float64[np.ndarray, "3"]:
    """Metres walked over the ground: in all, along the gaze, and to its left; slow stretches do not count."""
    lag = max(1, round(GAZE_S * fps))
    way = (T_world_cpf[lag:, 4:6] - T_world_cpf[:-lag, 4:6]) / lag
    w, x, y, z = T_world_cpf[lag // 2 : len(T_world_cpf) - lag + lag // 2, :4].T
    gaze = 2 * np.stack([x * z + w * y, y * z - w * x], axis=1)
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True).clip(min=1e-9)
    length = np.linalg.norm(way, axis=1)
    walks = length * fps > WALKING_M_S
    left = gaze[:, 0] * way[:, 1] - gaze[:, 1] * way[:, 0]
    return np.array([length[walks].sum(), (way * gaze).sum(axis=1)[walks].sum(), left[walks].sum()])


def eyes_before_neck(stretches: Sequence[np.ndarray], fps: float) -> tuple[float, float, float]:
    """Metres from the point that a head turns about forward to its eyes, their standard error, and R².

    With p = c + R a and a neck c at constant velocity, second differences of p are those of R times a, and
    the forward part of a is the first number. Where people mostly walk or hardly turn, R² is near 0.
    """
    lag = max(1, round(NECK_S * fps))
    R = [Rotation.from_quat(T[:, :4], scalar_first=True).as_matrix() for T in stretches]
    A = np.concatenate([_second_differences(each, lag).reshape(-1, 3) for each in R])
    y = np.concatenate([_second_differences(T[:, 4:], lag).ravel() for T in stretches])
    inverse = np.linalg.pinv(A.T @ A)
    a = inverse @ (A.T @ y)
    square, left = float(y @ y), float(np.square(y - A @ a).sum())
    variance = 3 * lag * left / max(1, len(y))  # of a coordinate; neighbouring frames are not independent
    return float(a[2]), float(np.sqrt(variance * inverse[2, 2])), 1 - left / square if square > 0 else 0.0


def _second_differences(x: np.ndarray, lag: int) -> np.ndarray:
    return x[2 * lag :] - 2 * x[lag : len(x) - lag] + x[: max(0, len(x) - 2 * lag)]


def speeds(T_world_cpf: Poses, fps: float) -> Float64[np.ndarray, " step"]:
    """Speed of the eyes from each frame to the next, m/s."""
    return np.linalg.norm(np.diff(T_world_cpf[:, 4:], axis=0), axis=1) * fps


def jitter(T_world_cpf: Poses) -> Float64[np.ndarray, "frame 2"]:
    """Scatter of each frame's position in mm and orientation in degrees, on each axis.

    It is that of the white noise whose third differences, whose variance is 20 times the noise's, would have
    the same median length; in a smooth motion third differences nearly vanish.
    """
    q = with_one_sign(T_world_cpf)[:, :4]
    thirds = [np.linalg.norm(np.diff(part, 3, axis=0), axis=1) for part in (T_world_cpf[:, 4:], q)]
    scatter = np.stack([1000 * thirds[0], np.degrees(2 * thirds[1])], axis=1) / (np.sqrt(20) * MEDIAN_LENGTH)
    return np.pad(scatter, ((1, 2), (0, 0)), mode="edge")


def jittery(T_world_cpf: Poses, fps: float, config: HeadRepairConfig) -> Bool[np.ndarray, " frame"]:
    """Frames around which, for a second, half of all frames scatter more than a head does."""
    around = median_filter(jitter(T_world_cpf), size=(round(fps), 1), mode="nearest")
    return (around > (config.jitter_mm, config.jitter_deg)).any(axis=1)


def _unit(height_m: float, config: HeadRepairConfig) -> str | None:
    """The unit of length in which a height would be that of a head."""
    return next((u for u, m in UNITS.items() if config.lowest_m <= height_m * m <= config.highest_m), None)
