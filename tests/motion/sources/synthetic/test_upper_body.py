"""Angles of arms on both sides, and postures in force at the same time."""

import numpy as np
import pytest

from motiongrpo.motion.sources.synthetic.plan import ArmAngles, Posture, PostureChange, posture_at
from motiongrpo.motion.sources.synthetic.upper_body import arm_rotations
from tests.motion.sources.synthetic.people import ALWAYS


@pytest.mark.parametrize(
    ("angles", "elbow", "hand"),
    [
        (ArmAngles(), (0, -1, 0), (0, -2, 0)),
        (ArmAngles(flexion=np.pi / 2), (0, 0, 1), (0, 0, 2)),
        (ArmAngles(abduction=np.pi / 2), (1, 0, 0), (2, 0, 0)),
        (ArmAngles(elbow=np.pi / 2), (0, -1, 0), (0, -1, 1)),
        (ArmAngles(elbow=np.pi / 2, twist=np.pi / 2), (0, -1, 0), (-1, -1, 0)),
    ],
)
def test_arms_hang_reach_forward_and_bend_alike_on_both_sides(angles, elbow, hand):
    """With bones of length one along x; the twist of the right arm mirrors that of the left."""
    frames = ArmAngles(*(np.full(1, angle) for angle in angles))
    for side, mirror in enumerate((1, -1)):
        collar, shoulder, bent, _ = (arm_rotations(side, frames)[0, i] for i in range(4))
        bone = np.array([mirror, 0, 0])
        upper = collar @ shoulder @ bone
        np.testing.assert_allclose(upper * [mirror, 1, 1], elbow, rtol=0, atol=1e-12)
        tip = upper + collar @ shoulder @ bent @ bone
        np.testing.assert_allclose(tip * [mirror, 1, 1], hand, rtol=0, atol=1e-12)


def test_postures_add():
    changes = tuple(PostureChange(ALWAYS, Posture(drop=0.1, pitch=x)) for x in (0.2, 0.3))
    posture = posture_at(changes, np.array([0.0, 1.0]))
    np.testing.assert_allclose(posture.drop, 0.2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(posture.pitch, 0.5, rtol=0, atol=1e-12)
    np.testing.assert_allclose(posture.roll, 0, rtol=0, atol=1e-12)
