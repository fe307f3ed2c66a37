"""The deliverables of a recovery: the report, its figures, the clip, and the names of the files."""

import re
from dataclasses import replace

import pytest
import torch

from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.skin import load_skinned_body
from motiongrpo.head.path import Floor, Touch
from motiongrpo.recovery.parts import Drawing
from motiongrpo.recovery.recovered import Recovered, recovered
from motiongrpo.viz.recovery.delivery import Delivery, clip_of, delivery_of
from motiongrpo.viz.recovery.figures import doubt_by_joint, doubt_over_time, height_over_time, path_from_above
from tests.bodies import open_body
from tests.recovery.test_parts import model, pieces, recording, stretch
from tests.recovery.test_recovered import GUIDANCE, base_config

HOSTILE = "<img src=x onerror=alert(1)>.csv"


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Recovered:
    some = pieces(tmp_path_factory.mktemp("parts"), stretch(40), stretch(35, start_s=5))
    body = recovered(some, open_body(), None, GUIDANCE)
    radius = torch.full((75, 22), 0.1)
    radius[:, 10] = 0.4
    return replace(body, radius_90_m=radius)


def handed_over(found: Recovered, **changes) -> Delivery:
    drawing = Drawing(model(), samples=3, seed=0, longest_s=1.5)
    config = base_config(**changes)
    return delivery_of("walk", found, drawing, load_skinned_body(OPEN_BODY), config, 0.2, "neutral")


def test_the_page_says_what_was_found_and_asks_for_nothing(found):
    page = handed_over(found, to=["bvh", "npz"]).page
    assert "walk_1.bvh" in page
    assert "walk_2.bvh" in page
    assert "walk.npz" in page
    assert "The surest joint is the" in page
    assert "the least sure the left foot" in page
    assert "connect-src" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize(
    ("floor_m", "how", "words"),
    [
        (0.0, "format", "The floor is at the zero of the file’s world. The file’s format states"),
        (-1.561, "estimated", "The floor is 1.56 m below the zero of the file’s world. It was estimated"),
        (0.2, "given", "The floor is 0.20 m over the zero of the file’s world. It was given."),
    ],
)
def test_the_page_says_where_the_floor_is_in_whole_sentences(floor_m, how, words, found):
    floor = Floor(floor_m, how, 0.18 if how == "estimated" else 0.0)
    page = handed_over(replace(found, recording=replace(found.recording, floor=floor))).page
    text = " ".join(page.split())
    assert words in text
    assert (" It is 18 cm off at most in nine cases of ten. Each centimetre" in text) == (how == "estimated")
    assert not re.search(r"<p>[^<]*[a-z]\.[A-Z]", page)


def test_soles_under_the_floor_are_a_warning(found):
    low = replace(found.motion, T_world_cpf=found.motion.T_world_cpf - torch.tensor([0, 0, 0, 0, 0, 0, 2.0]))
    assert "below the floor: the floor is lower than believed" in handed_over(replace(found, motion=low)).page
    high = replace(found.motion, T_world_cpf=found.motion.T_world_cpf + torch.tensor([0, 0, 0, 0, 0, 0, 2.0]))
    assert "below the floor" not in handed_over(replace(found, motion=high)).page


def test_a_hostile_name_stays_text(found):
    page = handed_over(replace(found, recording=replace(found.recording, name=HOSTILE))).page
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_without_bands_the_page_says_how_to_make_them(found):
    page = handed_over(replace(found, radius_90_m=None)).page
    assert "No bands were calibrated for this model" in page


def test_the_viewers_recording_holds_doubt_and_repairs(found):
    touched = found.recording.stretches[0].touched.clone()
    touched[3] = int(Touch.GAP)
    first = replace(found.recording.stretches[0], touched=touched)
    mended = replace(found.recording, stretches=(first, found.recording.stretches[1]))
    given = handed_over(replace(found, recording=mended)).recording
    assert given.repaired is not None
    assert given.repaired.nonzero().flatten().tolist() == [3]
    assert given.doubt is not None
    assert given.doubt.radius_90_m.shape == (1, 75, 22)


def test_a_clip_lies_within_the_first_stretch(found):
    config = base_config(clip={"start_s": 0.5, "seconds": 10}).clip
    assert len(clip_of(found, open_body(), config)) == 25
    config = base_config(clip={"start_s": 9, "seconds": 0.5}).clip
    assert len(clip_of(found, open_body(), config)) == 15


def test_figures_show_every_stretch_and_every_touch(found):
    touched = torch.zeros(40, dtype=torch.int64)
    touched[5:9] = int(Touch.GAP)
    first = replace(found.recording.stretches[0], touched=touched)
    walk = recording(first, found.recording.stretches[1])
    for figure in (path_from_above(walk), height_over_time(walk)):
        names = [trace.name for trace in figure.data]
        assert "interpolated over a gap" in names
        assert figure.layout.xaxis.title.text.endswith((", m", ", s"))
    for figure in (doubt_over_time(found, 0.2), doubt_by_joint(found, 0.2)):
        assert figure.data


def test_joints_that_are_a_guess_are_marked_by_form_and_colour(found):
    marks = doubt_by_joint(found, 0.2).data[0]
    shapes = dict(zip(marks.y, marks.marker.symbol, strict=True))
    assert {name for name, shape in shapes.items() if shape == "diamond"} == {"left foot"}
