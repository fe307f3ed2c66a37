"""Parameters of a recording's format, and contradictions among them."""

import pytest
from pydantic import ValidationError

from tests.head.writers import head_config

EIGHT = ["t", "x", "y", "z", "a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"columns": EIGHT[:7], "quaternion": "xyzw"},
            "names eight, time, x, y, z and the quaternion's four, got 7",
        ),
        ({"columns": {"qz1": "a"}}, "'qz1' is no role of a column; there are time, x, y, z, qx, qy, qz, qw"),
        ({"columns": {"x": "a", "y": "a"}}, "column 'a' is named twice"),
        ({"columns": EIGHT}, "quaternion must say how its last four are ordered"),
        ({"device": {"right": "x", "up": "-x", "forward": "z"}}, "an axis is named twice in right x, up -x"),
        ({"offset": [0, 0, 0]}, r"offset is 0, aria_gen1, .*, or seven numbers, .* got \[0, 0, 0\]"),
        ({"offset": "aria"}, "or seven numbers.* got aria"),
        ({"offset": [0, 0, 0, 2, 0, 0, 0]}, "the quaternion w, x, y, z of an offset must have norm 1, got 2"),
        ({"world": {"up": "z", "handedness": "right", "unit_m": 0}}, "unit_m"),
        ({"axes": "x,y"}, "axes are three, right, up and forward of a head, such as x,y,-z, got x,y"),
        ({"axes": ["x", "y", "-y"]}, "an axis is named twice in right x, up y, forward -y"),
        ({"axes": "x,y,w"}, "'x', 'y', 'z', '-x', '-y' or '-z'"),
        ({"axes": "x,y,z", "device": {"right": "x", "up": "y", "forward": "z"}}, "axes and device both say"),
        (
            {"unit": "m", "world": {"up": "z", "handedness": "right", "unit_m": 1}},
            "unit and world.unit_m both say the unit of length",
        ),
        ({"fps": 0}, "fps"),
        ({"formt": "tum"}, "did you mean 'format'"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, match):
    with pytest.raises(ValidationError, match=match):
        head_config(**changes)


@pytest.mark.parametrize("offset", [None, 0, "aria_gen2", [0, 0, 0.1, 1, 0, 0, 0]])
def test_an_offset_is_none_known_or_seven_numbers(offset):
    given = head_config(offset=offset).offset
    assert given == (tuple(offset) if isinstance(offset, list) else offset)
