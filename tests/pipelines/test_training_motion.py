"""The run whose training motion gives the constant pose, and the bands of runs that cannot calibrate any."""

from dataclasses import replace

import pandas as pd
import pytest

from motiongrpo.motion.grounding import ground
from motiongrpo.pipelines.evaluation.nodes import find_training_motion
from tests.bodies import CONTACT, FLOOR, open_body, standing_clip, stored

TRAIN, TEST = (pd.DataFrame({"split": [split]}) for split in ("train", "test"))


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("store"), [ground(standing_clip(), open_body(), FLOOR, CONTACT)])


def test_it_is_the_runs_own_where_it_has_some_and_no_other_is_opened(motions):
    assert find_training_motion(motions, TRAIN, {"other": pytest.fail}, "mine").run == "mine"


def test_else_it_is_that_of_the_first_run_that_has_some_on_the_same_body(motions):
    elsewhere = replace(motions, header=replace(motions.header, body_digest="another"))
    of_runs = {
        "held": lambda: (motions, TEST),
        "stout": lambda: (elsewhere, TRAIN),
        "main": lambda: (motions, TRAIN),
    }
    assert find_training_motion(motions, TEST, of_runs, "mine").run == "main"
    del of_runs["main"]
    found = find_training_motion(motions, TEST, of_runs, "mine")
    assert (found.run, found.is_there) == ("mine", False)
