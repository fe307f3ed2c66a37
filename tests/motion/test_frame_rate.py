import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.frame_rate import check_frame_rate


@pytest.mark.parametrize("fps", [5.0, 29.97, 1 / 0.0333333, 1000.0, 1 / 0.00099999])
def test_rates_that_motion_comes_at_pass(fps):
    check_frame_rate(fps, "a.bvh", "correct it")


@pytest.mark.parametrize(
    ("fps", "guess"),
    [
        (
            1 / 33.3333,
            "to 1000, 30 if its frame time is in milliseconds or 33.33 if rate and frame time are ex",
        ),
        (1 / 8333.33, "to 1000, 120 if it is in microseconds; correct it"),
        (1 / 120, "or 120 if rate and frame time are exchanged; correct it"),
        (1e-300, "; correct it"),
        (1e9, "; correct it"),
        (0.0, "; correct it"),
    ],
)
def test_other_rates_are_refused_with_the_likely_unit(fps, guess):
    with pytest.raises(InputError, match=r"^a\.bvh has .* frames/s, and motion has 5") as refusal:
        check_frame_rate(fps, "a.bvh", "correct it")
    assert guess in str(refusal.value)
