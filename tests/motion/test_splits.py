"""The division of subjects, beyond the tests of windows."""

from collections import Counter

import pytest

from motiongrpo.base.errors import InputError
from motiongrpo.motion.splits import SplitConfig, demand_every_split, split_subjects

PEOPLE = [f"{number:03d}" for number in range(40)]


def config(**changes) -> SplitConfig:
    values = {"test_subjects": [], "validation_subjects": [], "test_share": 0.1, "validation_share": 0.2}
    return SplitConfig(**({"only": None} | values | {"seed": 0} | changes))


def test_everybody_is_in_exactly_one_split_however_often_and_in_whatever_order_they_are_named():
    chosen = split_subjects(PEOPLE, config())
    assert Counter(chosen.values()) == {"train": 28, "validation": 8, "test": 4}
    assert split_subjects(3 * PEOPLE[::-1], config()) == chosen


def test_another_seed_divides_people_otherwise():
    assert split_subjects(PEOPLE, config(seed=1)) != split_subjects(PEOPLE, config())


def test_a_newcomer_moves_hardly_anybody():
    """The order depends on the name alone, so only people at a border can change sides."""
    before, after = split_subjects(PEOPLE, config()), split_subjects([*PEOPLE, "new"], config())
    assert sum(after[name] != before[name] for name in PEOPLE) <= 3


def test_a_share_is_rounded_up_so_that_a_few_people_fill_every_split():
    assert Counter(split_subjects(["a", "b", "c"], config()).values()) == {
        "train": 1,
        "validation": 1,
        "test": 1,
    }


def test_shares_of_nothing_leave_all_for_training():
    chosen = split_subjects(PEOPLE, config(test_share=0.0, validation_share=0.0))
    assert chosen == dict.fromkeys(PEOPLE, "train")


@pytest.mark.parametrize(
    ("people", "changes", "sentence"),
    [
        (
            ["a"],
            {},
            r"of 1 subject with motion \(a\) none is left .* 1 to test and 0 to",
        ),
        (
            ["b", "a"],
            {},
            r"of 2 subjects with motion \(a, b\) none .* 1 to test and 1 to validation; add",
        ),
        (PEOPLE, {"test_share": 0.9}, r"of 40 subjects with motion \(000, 001, 002, …\) none .* 36 to test"),
        (
            ["a", "b", "c"],
            {"test_subjects": ["a", "b"], "validation_subjects": ["c"]},
            "2 to test and 1 to validation; add .* 3 at least, or have fewer taken in ingestion.splits",
        ),
    ],
)
def test_when_nobody_is_left_for_training_the_sentence_counts_them_and_says_what_to_do(
    people, changes, sentence
):
    with pytest.raises(InputError, match=sentence):
        split_subjects(people, config(**changes))


def test_only_one_split_takes_everybody_and_is_all_that_is_required():
    alone = config(only="test", test_subjects=["nobody"], validation_share=0.9)
    assert split_subjects(PEOPLE, alone) == dict.fromkeys(PEOPLE, "test")
    assert alone.required == ("test",)
    assert config().required == ("train", "validation", "test")


def test_a_misspelt_name_among_many_people_is_told_the_nearest():
    many = [f"person_{number:04d}" for number in range(500)]
    with pytest.raises(
        InputError, match="'persn_0123' has no motion; of 500 subjects with motion 'person_0123'"
    ):
        split_subjects(many, config(test_subjects=["persn_0123"]))


def test_a_split_that_must_have_motion_and_gets_nobody_is_named_with_what_fills_it():
    chosen = split_subjects(PEOPLE, config(test_subjects=["003"], test_share=0, validation_share=0))
    demand_every_split(chosen, ("train", "test"))
    with pytest.raises(InputError, match=r"validation split of 40 subjects .*validation_share .*only=test"):
        demand_every_split(chosen, config().required)


def test_named_people_stay_named_whatever_the_shares_are():
    chosen = split_subjects(PEOPLE, config(test_subjects=["003"], validation_subjects=["004"], test_share=0))
    assert [name for name, split in chosen.items() if split == "test"] == ["003"]
    assert chosen["004"] == "validation"
