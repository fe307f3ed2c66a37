import pytest
from pydantic import Field, ValidationError

from motiongrpo.base.config import Config, nearest


class Inner(Config):
    clip_range: float = Field(gt=0)


class Outer(Config):
    inner: Inner
    updates: int


GOOD = {"inner": {"clip_range": 0.1}, "updates": 3}


def test_nested_sections_become_records():
    assert Outer.model_validate(GOOD).inner == Inner(clip_range=0.1)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("updatse", "did you mean 'updates'?"),
        ("inenr", "did you mean 'inner'?"),
        ("zzz", "valid names are inner, updates"),
        (7, "valid names are inner, updates"),
    ],
)
def test_a_name_that_is_no_parameter_gets_the_nearest_one_or_all(name, hint):
    assert nearest(str(name), ["updates", "inner"]) == hint
    with pytest.raises(ValidationError, match=f"'{name}' is not a parameter of Outer; {hint[:-1]}"):
        Outer.model_validate(GOOD | {name: 1})


def test_a_misspelt_name_deep_inside_is_told_with_its_section():
    with pytest.raises(
        ValidationError, match="'clip_rnage' is not a parameter of Inner; did you mean 'clip_range'"
    ):
        Outer.model_validate(GOOD | {"inner": {"clip_rnage": 0.1}})


@pytest.mark.parametrize("value", ["three", 0, -1, float("nan"), float("inf"), None, [1]])
def test_a_number_must_be_finite_and_in_its_bounds(value):
    with pytest.raises(ValidationError, match="clip_range"):
        Inner.model_validate({"clip_range": value})


def test_there_are_no_defaults_and_no_changes():
    with pytest.raises(ValidationError, match="updates\n  Field required"):
        Outer.model_validate({"inner": {"clip_range": 0.1}})
    with pytest.raises(ValidationError, match="frozen"):
        Outer.model_validate(GOOD).updates = 4
