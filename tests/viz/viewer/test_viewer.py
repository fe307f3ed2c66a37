"""The viewer: its scene, frame by frame, and its controls."""

import functools
import html
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.testing import assert_allclose

from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import OPEN_BODY
from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import CONTACT_JOINTS, Joint
from motiongrpo.cli import cli
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Doubt, Recording, save_recording
from motiongrpo.geometry.so3 import matrix_from_quaternion
from motiongrpo.viz.figures.palette import GREY, ORANGE, rgb
from motiongrpo.viz.viewer.server import ServerConfig, Viewer, literal, view
from motiongrpo.viz.viewer.shown_recording import bodies_in_time, colour_of, facing, model_of
from tests.bodies import open_body, window_batch

viser = pytest.importorskip("viser", reason="the extra viewer is not installed")

SERVER = ServerConfig(host="localhost", port=0, open_seconds=0.5)
NAMES = ("truth", "pretrained 1", "post-trained 1", "post-trained 2")


@functools.cache
def mesher() -> Mesher:
    return Mesher(OPEN_BODY)


@functools.cache
def recording(frames: int = 20, names: tuple[str, ...] = NAMES) -> Recording:
    """The truth, and motions of other people hung from its head."""
    batch = window_batch(frames=frames, count=len(names))
    motions = PlacedMotion.truth(batch)
    head = motions.T_world_cpf[:1].expand(len(names), -1, -1)
    return Recording(
        "walk", names, PlacedMotion(**motions.__dict__ | {"T_world_cpf": head}), 30.0, open_body().digest
    )


def doubtful() -> Recording:
    """The left wrist of one sample is a guess from the fifth frame on; the second frame was repaired."""
    radius = torch.full((2, 12, 22), 0.1)
    radius[1, 5:, Joint.LEFT_WRIST] = 0.3
    plain = recording(12, ("truth", "recovered 1"))
    return replace(plain, doubt=Doubt(radius, 0.2), repaired=torch.arange(12) == 2)


@pytest.fixture(scope="module")
def viewer():
    server = viser.ViserServer("localhost", 0, verbose=False)
    yield Viewer(
        server, {"a": recording(), "b": recording(12, ("truth", "post-trained 1"))}, open_body(), mesher()
    )
    server.stop()


@pytest.fixture(autouse=True)
def _from_the_start(request):
    if "viewer" in request.fixturenames:
        viewer = request.getfixturevalue("viewer")
        viewer.recording.value = "a"
        viewer.frame.value = 0


def test_bodies_are_the_joints_and_the_skin_of_the_recording():
    shown = bodies_in_time(recording(), open_body(), mesher())
    for row, body in enumerate(shown):
        posed = recording().motions.posed(open_body())[1].p_world_joint[row]
        assert_allclose(body.joints, posed.numpy(), rtol=0, atol=1e-9)
        wrist = body.joints[:, Joint.LEFT_WRIST]
        nearest = np.linalg.norm(body.vertices - wrist[:, None], axis=-1).min(axis=1)
        assert nearest.max() < 0.06  # skin is around the bones
        assert body.vertices[..., 2].min() > -0.2


def test_samples_of_a_model_share_its_colour_and_models_differ():
    colours = [colour_of(name, ["mine"]) for name in ("truth", "pretrained 1", "post-trained 1", "mine 1")]
    assert len(set(colours)) == 4
    assert colour_of("post-trained 2", []) == colour_of("post-trained 1", [])
    assert [model_of(name) for name in ("post-trained 12", "truth")] == ["post-trained", "truth"]


def test_the_scrub_bar_moves_every_body_to_its_frame(viewer):
    viewer.frame.value = 7
    for (drawn, _, _), body in zip(viewer.shown.rows.values(), viewer.shown.bodies, strict=True):
        assert_allclose(drawn[0].mesh.vertices, body.vertices[7], rtol=0, atol=1e-6)
        assert_allclose(drawn[0].bones.points[0, 1], body.joints[7, Joint.LEFT_HIP], rtol=0, atol=1e-6)


def test_every_sample_stands_beside_the_next_with_the_truth_in_its_place(viewer):
    viewer.apart.value = 1.5
    places = [drawn[0].place.position for drawn, _, _ in viewer.shown.rows.values()]
    steps = np.diff(places, axis=0)
    _, right = facing(viewer.shown.head)
    assert_allclose(steps, np.tile(-1.5 * right, (2, 1)), rtol=0, atol=1e-6)
    for drawn, _, _ in viewer.shown.rows.values():
        assert drawn[1].body.name == "truth"
        assert_allclose(drawn[1].place.position, drawn[0].place.position)
    viewer.apart.value = 0.0
    for drawn, _, _ in viewer.shown.rows.values():
        assert_allclose(drawn[0].place.position, 0, atol=1e-9)


def test_the_frustum_looks_where_the_head_looks_with_its_top_up(viewer):
    viewer.apart.value = 0.0
    viewer.frame.value = 5
    pose = viewer.shown.head[5]
    head = matrix_from_quaternion(pose[:4])
    for _, frustum, _ in viewer.shown.rows.values():
        camera = matrix_from_quaternion(torch.tensor(frustum.wxyz))
        assert_allclose(camera[:, 2], head[:, 2], rtol=0, atol=1e-6)  # forward
        assert_allclose(camera[:, 1], -head[:, 1], rtol=0, atol=1e-6)  # a picture's y is down
        assert_allclose(frustum.position, pose[4:], rtol=0, atol=1e-6)


def test_joints_that_touch_are_marked(viewer):
    viewer.frame.value = 3
    drawn = viewer.shown.rows["post-trained 1"][0][0]
    below = [joint - 1 for joint in CONTACT_JOINTS]
    assert drawn.body.contacts[3].any()
    assert ((drawn.touching.batched_scales > 0.5) == drawn.body.contacts[3, below]).all()


def test_the_boxes_say_what_is_seen(viewer):
    viewer.seen["pretrained 1"].value = False
    viewer.truth.value = False
    viewer.bodies.value = "skeletons"
    (hidden, *_), (shown, *_) = (viewer.shown.rows[name] for name in ("pretrained 1", "post-trained 1"))
    assert not hidden[0].place.visible
    assert (shown[0].place.visible, shown[1].place.visible) == (True, False)
    assert (shown[0].mesh.visible, shown[0].bones.visible) == (False, True)
    for box in (viewer.seen["pretrained 1"], viewer.truth):
        box.value = True
    viewer.bodies.value = "meshes"
    assert hidden[0].place.visible
    assert shown[0].mesh.visible


def test_another_recording_takes_the_place_of_the_first(viewer):
    before = viewer.shown
    viewer.recording.value = "b"
    assert list(viewer.shown.rows) == list(viewer.seen) == ["post-trained 1"]
    assert viewer.frame.max == 11
    with pytest.warns(UserWarning, match="already removed node"):
        before.rows["pretrained 1"][0][0].place.remove()


def test_a_joint_that_is_a_guess_is_orange_in_its_ball_and_the_head_where_it_was_repaired():
    server = viser.ViserServer("localhost", 0, verbose=False)
    shown = Viewer(server, {"a": doubtful()}, open_body(), mesher())
    (recovered, truth), frustum, _ = shown.shown.rows["recovered 1"]
    wrist = Joint.LEFT_WRIST
    for frame, guess in ((2, False), (7, True)):
        shown.frame.value = frame
        scales = recovered.guesses.balls.batched_scales
        assert (scales > 0.01).nonzero()[0].tolist() == ([wrist] if guess else [])
        assert scales[wrist] == pytest.approx(0.3 if guess else 0, abs=1e-5)
        assert_allclose(recovered.guesses.balls.batched_positions, recovered.body.joints[frame], atol=1e-6)
        colours = recovered.bones.colors[:, 0]
        assert (colours[wrist - 1].tolist() == list(rgb(ORANGE))) == guess
        assert tuple(colours[Joint.RIGHT_WRIST - 1]) == recovered.body.colour
        assert tuple(frustum.color) == rgb(GREY if guess else ORANGE)
    assert truth.guesses is None
    shown.guesses.value = False
    assert not recovered.guesses.balls.visible
    server.stop()


def test_a_recording_that_knows_no_doubt_has_no_box_for_it(viewer):
    assert not viewer.guesses.visible


class Clock:
    """A clock that advances in calls of sleep."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_plays_at_the_pace_of_the_recording_and_begins_again_at_the_end(viewer, monkeypatch):
    monkeypatch.setattr("motiongrpo.viz.viewer.server.time", Clock())
    viewer.recording.value = "b"
    viewer.play.value = True
    seen = []
    viewer.frame.on_update(lambda _: seen.append(viewer.frame.value))
    viewer.run(until=0.59)
    assert seen == [*range(1, 12), *range(7)]  # 18 frames at 30 a second
    viewer.play.value = False
    viewer.run(until=0.7)
    assert viewer.frame.value == seen[-1]


def test_a_recording_of_another_body_is_refused():
    other = Recording(**recording().__dict__ | {"body_digest": "another"})
    with pytest.raises(InputError, match=r"recording 'a' was made for another body file .* --body FILE"):
        view({"a": other}, open_body(), mesher(), SERVER, print)


def test_it_tells_its_address_and_stops_when_its_time_is_over():
    told = []
    view({"a": recording()}, open_body(), mesher(), SERVER, told.append)
    assert told[0].startswith("http://localhost:")


def test_without_the_extra_the_remedy_is_told(tmp_path, monkeypatch):
    save_recording(recording(), tmp_path / "a.npz")
    monkeypatch.setattr("motiongrpo.viz.viewer.server.find_spec", lambda name: None)
    result = CliRunner().invoke(cli, ["view", str(tmp_path / "a.npz")])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "viser, which is not installed: pip install --constraint constraints.txt" in result.output


def test_a_title_from_a_file_is_shown_and_never_run(viewer):
    assert literal("walk 1") == "walk 1"
    hostile = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](http://c.d/e) `{f}`"
    shown = literal(hostile)
    assert html.unescape(shown) == hostile
    assert not set(shown) & set("<>[](){}!`*_.:/")
    viewer.recordings["hostile"] = replace(recording(), title=hostile)
    viewer.recording.options = ("a", "b", "hostile")
    viewer.recording.value = "hostile"
    assert viewer.title.content.startswith(shown)
