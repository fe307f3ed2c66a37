"""The viewer in a browser: a page that draws bodies, plays, and follows its controls."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from motiongrpo.viz.figures.palette import BLUE, VERMILLION
from motiongrpo.viz.viewer.server import Viewer
from tests.bodies import open_body
from tests.browser import WEBGL, Browser, browser, needs_chromium
from tests.viz.viewer.test_viewer import mesher, recording

viser = pytest.importorskip("viser", reason="the extra viewer is not installed")
pytestmark = needs_chromium
WIDTH, HEIGHT = 1000, 640
SCENE = (
    slice(200, 580),
    slice(0, 670),
)  # without controls and the notice on drawing by the CPU, four lines or five


@pytest.fixture(scope="module")
def viewer():
    server = viser.ViserServer("localhost", 0, verbose=False)
    viewer = Viewer(server, {"walk": recording()}, open_body(), mesher())
    viewer.play.value = False
    yield viewer
    server.stop()


@pytest.fixture(scope="module")
def page(viewer, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile"), *WEBGL) as started:
        started.open(f"http://localhost:{viewer.server.get_port()}", WIDTH, HEIGHT)
        started.wait_for("document.body.innerText.includes('post-trained 2')")
        yield started


def coloured(page: Browser, colour: str, tmp_path) -> int:
    """The number of pixels of the scene with the hue of a colour, bright or in shadow."""
    page.screenshot(tmp_path / "page.png")
    picture = Image.open(io.BytesIO((tmp_path / "page.png").read_bytes())).convert("RGB")
    pixels = np.asarray(picture, float)[SCENE].reshape(-1, 3)
    wanted = np.array(list(bytes.fromhex(colour[1:])), float)
    grey = pixels.mean(1, keepdims=True)
    hue, of = pixels - grey, wanted - wanted.mean()
    size = np.linalg.norm(hue, axis=1)
    cosine = hue @ of / np.maximum(size * np.linalg.norm(of), 1e-9)
    return int(((cosine > 0.97) & (size > 40)).sum())


def settled(page: Browser, colour: str, tmp_path, condition) -> int:
    """The count once it is as expected, since a page draws with delay."""
    until = time.monotonic() + 30
    while not condition(count := coloured(page, colour, tmp_path)) and time.monotonic() < until:
        time.sleep(0.2)
    return count


def test_bodies_of_both_models_are_drawn(page, tmp_path):
    assert settled(page, BLUE, tmp_path, lambda count: count > 1000) > 1000
    assert settled(page, VERMILLION, tmp_path, lambda count: count > 500) > 500


def test_what_a_box_hides_is_gone_from_the_picture(page, viewer, tmp_path):
    viewer.seen["pretrained 1"].value = False
    assert settled(page, VERMILLION, tmp_path, lambda count: count < 50) < 50
    viewer.seen["pretrained 1"].value = True
    assert settled(page, VERMILLION, tmp_path, lambda count: count > 500) > 500


def test_the_scrub_bar_of_the_page_moves_the_bodies(page, viewer):
    page.evaluate("document.querySelector('[role=slider]').focus()")
    before = viewer.frame.value
    for kind in ("keyDown", "keyUp"):
        page.ask(
            "Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39
        )
    body = viewer.shown.rows["post-trained 1"][0][0]
    wanted = body.body.vertices[before + 1]
    until = time.monotonic() + 30  # the bar appears first, the bodies follow from a thread of the server
    while not np.allclose(body.mesh.vertices, wanted, atol=1e-6) and time.monotonic() < until:
        time.sleep(0.05)
    assert viewer.frame.value == before + 1
    np.testing.assert_allclose(body.mesh.vertices, wanted, atol=1e-6)


def test_nothing_is_asked_of_any_other_host(page):
    assert all(url.startswith("http://localhost:") for url in page.requests())
