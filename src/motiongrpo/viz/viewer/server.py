"""The interactive viewer: recordings in a browser, with a scrub bar (extra `viewer`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import rich
from pydantic import Field

from motiongrpo.base.config import Config
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.mesh import Mesher
from motiongrpo.diffusion.recording import Recording
from motiongrpo.viz.viewer.shown_recording import BODIES, Look, ShownRecording
from motiongrpo.viz.viewer.visitors import own_visitors_only

if TYPE_CHECKING:
    import viser

NO_VISER = (
    "the viewer needs the package viser, which is not installed: "
    "pip install --constraint constraints.txt --editable '.[viewer]'"
)
SPEEDS = ("1/4", "1/2", "1")
APART_M = 1.1  # at this distance, arms of bodies side by side rarely overlap


class ServerConfig(Config):
    """The address of the viewer, and how long it is served."""

    host: str = Field(min_length=1)  # localhost serves this machine only; 0.0.0.0 any that can reach it
    port: int = Field(ge=0, le=65535)  # 0 takes any free port
    open_seconds: float | None = Field(gt=0)  # None: until Ctrl-C


class ViewerConfig(Config):
    """The recordings made of a run, and where they are shown."""

    sequences: int = Field(ge=1)  # held-out ones, evenly spaced
    seconds: float = Field(gt=0)  # of each, from its start
    samples: int = Field(ge=1)  # of each model
    server: ServerConfig


def demand_viser() -> None:
    """Raise InputError, with the remedy, where the extra is not installed."""
    if find_spec("viser") is None:
        raise InputError(NO_VISER)


def view(
    recordings: dict[str, Recording],
    body: BodyModel,
    mesher: Mesher,
    config: ServerConfig,
    tell: Callable[[str], object],
) -> None:
    """Serve until stopped; `tell` gets the address."""
    demand_viser()
    for name, recording in recordings.items():
        if recording.body_digest != body.digest:
            raise InputError(
                f"recording '{name}' was made for another body file than '{body.name}'; name its own with "
                "--body FILE, or --params body=FILE"
            )
    viewer = Viewer(started_server(config), recordings, body, mesher)
    tell(f"http://{config.host}:{viewer.server.get_port()}")
    until = None if config.open_seconds is None else time.monotonic() + config.open_seconds
    try:
        viewer.run(until)
    except KeyboardInterrupt:
        pass
    finally:
        viewer.server.stop()


def started_server(config: ServerConfig) -> viser.ViserServer:
    """A viser server with an empty scene."""
    import viser

    console = rich.get_console()
    console.quiet = True  # it would print its own banner
    try:
        with own_visitors_only(config.host):
            server = viser.ViserServer(config.host, config.port, label="motiongrpo")
    finally:
        console.quiet = False
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    server.gui.main_panel.dock_right()
    return server


def literal(text: str) -> str:
    """Markdown that shows a text literally: character references cannot open a tag, link or picture."""
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text)


class Viewer:
    """The controls of the viewer, and the recording in its scene."""

    def __init__(
        self,
        server: viser.ViserServer,
        recordings: dict[str, Recording],
        body: BodyModel,
        mesher: Mesher,
    ) -> None:
        self.server, self.recordings, self.body, self.mesher = server, recordings, body, mesher
        server.scene.add_grid("/floor", infinite_grid=True, cell_size=0.5, section_size=1.0, fade_distance=15)
        gui = server.gui
        self.recording = gui.add_dropdown("recording", list(recordings), hint="Which head path.")
        self.title = gui.add_markdown("")
        self.frame = gui.add_slider("frame", 0, 1, 1, 0, hint="Drag to scrub.")
        self.play = gui.add_checkbox("play", initial_value=True)
        self.speed = gui.add_dropdown("speed", SPEEDS, initial_value="1")
        self.bodies = gui.add_dropdown("bodies", BODIES, hint="Meshes through smplx, or 22 joints.")
        self.truth = gui.add_checkbox("truth", initial_value=True, hint="The true motion, as a pale ghost.")
        self.contacts = gui.add_checkbox("contacts", initial_value=True, hint="Joints said to touch, green.")
        self.guesses = gui.add_checkbox(
            "guesses",
            initial_value=True,
            hint="Balls that hold the true joint in nine of ten cases, orange, where they are large.",
            visible=any(recording.doubt for recording in recordings.values()),
        )
        self.apart = gui.add_slider("apart, m", 0.0, 2.0, 0.1, APART_M, hint="0 lays all motions together.")
        self.seen = {}
        self.shown: ShownRecording | None = None
        self.recording.on_update(lambda _: self.open())
        for control in (self.frame, self.apart):
            control.on_update(lambda _: self.show())
        for control in (self.bodies, self.truth, self.contacts, self.guesses):
            control.on_update(lambda _: self.look())
        self.open()

    def open(self) -> None:
        """Show the chosen recording from its first frame."""
        recording = self.recordings[self.recording.value]
        if self.shown is not None:
            self.shown.clear()
        for box in self.seen.values():
            box.remove()
        self.shown = ShownRecording(self.server, recording, self.body, self.mesher)
        self.seen = {name: self.server.gui.add_checkbox(name, initial_value=True) for name in self.shown.rows}
        for box in self.seen.values():
            box.on_update(lambda _: self.look())
        self.frame.max, self.frame.value = len(self.shown) - 1, 0
        self.title.content = (
            f"{literal(recording.title)}  \n{len(self.shown) / recording.fps:.1f} s, {recording.fps:g} fps"
        )
        self._aim(self.shown)
        self.show()
        self.look()

    def show(self) -> None:
        """Move every body to the frame of the slider."""
        if self.shown is not None:
            with self.server.atomic():
                self.shown.show(min(int(self.frame.value), len(self.shown) - 1), float(self.apart.value))

    def look(self) -> None:
        """Apply the checkboxes, and the choice between meshes and skeletons."""
        if self.shown is not None:
            boxes = (bool(box.value) for box in (self.truth, self.contacts, self.guesses))
            look = Look(self.bodies.value, *boxes)
            for name, box in self.seen.items():
                self.shown.look(name, box.value, look)

    def run(self, until: float | None) -> None:
        """Play while switched on, until a time of the monotonic clock or for ever."""
        while until is None or time.monotonic() < until:
            numerator, _, denominator = str(self.speed.value).partition("/")
            fps = self.recordings[self.recording.value].fps * float(numerator) / float(denominator or 1)
            started = time.monotonic()
            if self.play.value and self.shown is not None:
                self.frame.value = (int(self.frame.value) + 1) % len(self.shown)
            time.sleep(max(0.001, 1 / fps - (time.monotonic() - started)))

    def _aim(self, shown: ShownRecording) -> None:
        """Aim the camera: from the front, slightly from the side and above, far enough to show all bodies."""
        width = APART_M * len(shown.rows)
        camera = self.server.initial_camera
        away = (1.2 + 0.7 * width) * shown.forward + 0.6 * shown.right
        camera.position = shown.centre + away + np.array([0, 0, 1.7])
        camera.look_at = shown.centre + np.array([0, 0, 0.85])
