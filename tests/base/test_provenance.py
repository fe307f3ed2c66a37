"""Whether a result is the one that would be made now, and if not, what has changed."""

import pytest

from motiongrpo.base.provenance import Provenance

NOW = Provenance("grpo", {"seed": 0, "rollout": {"steps": 4}}, {"motions": "a", "body_file": "b"}, version=2)


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (Provenance("grpo", NOW.parameters, NOW.inputs, 2), []),
        (Provenance("grpo", {"seed": 1, "rollout": {"steps": 4}}, NOW.inputs, 2), ["grpo.seed was 1, is 0"]),
        (
            Provenance("grpo", {"seed": 0, "rollout": {"steps": 9}}, NOW.inputs, 2),
            ["grpo.rollout.steps was 9, is 4"],
        ),
        (Provenance("grpo", NOW.parameters, {"motions": "a", "body_file": "c"}, 2), ["other body file"]),
        (Provenance("grpo", NOW.parameters, {"motions": "a"}, 2), ["other body file"]),
        (Provenance("grpo", NOW.parameters, NOW.inputs, 1), ["the code was version 1, is 2"]),
        (None, ["it does not say how it was made"]),
        ({"metrics": []}, ["it does not say how it was made"]),
    ],
)
def test_each_change_is_a_phrase_and_changes_the_digest(before, changes):
    assert NOW.changes(before) == changes
    if isinstance(before, Provenance):
        assert NOW.changes(before.record()) == changes
        assert (NOW.digest == before.digest) == (not changes)


def test_the_order_of_names_means_nothing():
    other = Provenance("grpo", {"rollout": {"steps": 4}, "seed": 0}, {"body_file": "b", "motions": "a"}, 2)
    assert other.digest == NOW.digest
