"""Live recovery in a browser: the newest body of whoever sends poses, drawn at the pace of the motion."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import BODY_JOINTS, JOINTS
from motiongrpo.diffusion.streaming import BodyFrame, StreamingRecovery
from motiongrpo.geometry.se3 import Transform
from motiongrpo.head.path import Touch
from motiongrpo.recovery.live import LiveConfig, ToPupils, live_bodies
from motiongrpo.recovery.wire import LOOPBACK, Server
from motiongrpo.viz.figures.palette import BLUE, SKY
from motiongrpo.viz.figures.skeleton import BONES
from motiongrpo.viz.viewer.server import ServerConfig, demand_viser, started_server
from motiongrpo.viz.viewer.shown_recording import BODIES, BONE_WIDTH_M, rgb

if TYPE_CHECKING:
    import viser

CAMERA_M, BODY_M = (2.6, 1.6, 1.7), (0.0, 0.0, 0.9)  # where visitors are at first, and what they look at


def serve_live(
    begin: Callable[[], StreamingRecovery],
    mesher: Mesher,
    live: LiveConfig,
    shown: ServerConfig,
    to_pupils: ToPupils,
    tell: Callable[[str], object],
) -> None:
    """Take poses and show bodies until asked to stop; `tell` gets a sentence with both addresses.

    `begin` makes the recovery of a client, whose bodies are shown with the skin that `mesher` makes.
    """
    demand_viser()
    fps = begin().model.usage.fps
    server = Server(live.port)
    viewer = started_server(shown)
    scene = LiveScene(viewer, mesher, fps, live.streaming.hop_frames)
    player = Thread(target=scene.play, daemon=True)
    player.start()
    tell(f"send poses to {LOOPBACK}:{server.port}, and see bodies at http://{shown.host}:{viewer.get_port()}")
    until = None if shown.open_seconds is None else time.monotonic() + shown.open_seconds
    try:
        for bodies in live_bodies(server, begin, to_pupils):
            scene.add(bodies)
            if until is not None and time.monotonic() > until:
                break
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        scene.end()
        player.join()
        viewer.stop()


class LiveScene:
    """One body on a viser scene, moved on as frames are added; a bridged gap makes it pale.

    While it is followed the floor moves under it, and the body stays before every visitor's eyes.
    """

    def __init__(self, server: viser.ViserServer, mesher: Mesher, fps: float, at_once: int) -> None:
        self.server, self.mesher, self.fps, self.at_once = server, mesher, fps, at_once
        self.world = server.scene.add_frame("/live", show_axes=False)
        server.scene.add_grid(
            "/live/floor", infinite_grid=True, cell_size=0.5, section_size=1.0, fade_distance=15
        )
        server.initial_camera.position, server.initial_camera.look_at = CAMERA_M, BODY_M
        self.bodies = server.gui.add_dropdown("bodies", BODIES, hint="Meshes through smplx, or 22 joints.")
        self.follow = server.gui.add_checkbox("follow", initial_value=True, hint="Keep the body in view.")
        self.state = server.gui.add_markdown("No poses yet.")
        self.mesh: viser.MeshHandle | None = None
        self.bones: viser.LineSegmentsHandle | None = None
        self._waiting: SimpleQueue[BodyFrame | None] = SimpleQueue()

    def add(self, bodies: list[BodyFrame]) -> None:
        """Queue the next frames."""
        for body in bodies:
            self._waiting.put(body)

    def end(self) -> None:
        """Make `play` return when it has shown what is queued."""
        self._waiting.put(None)

    def play(self) -> None:
        """Show the queued frames at their rate; of more than come at twice, the oldest are left out."""
        while (body := self._waiting.get()) is not None:
            started = time.monotonic()
            if self._waiting.qsize() <= 2 * self.at_once:
                self.show(body)
                time.sleep(max(0.0, 1 / self.fps - (time.monotonic() - started)))

    def show(self, body: BodyFrame) -> None:
        """Put the body where it is at one frame."""
        colour = rgb(SKY if Touch.GAP in body.pose.touched else BLUE)
        joints = body.p_world_joint.float().numpy()
        bones = joints[np.array(BONES, dtype=int)]
        with self.server.atomic():
            if self.mesh is None or self.bones is None:
                scene, vertices = self.server.scene, self._skin(body)
                self.mesh = scene.add_mesh_simple("/live/mesh", vertices, self.mesher.faces, color=colour)
                self.bones = scene.add_line_segments("/live/bones", bones, colour, thickness=BONE_WIDTH_M)
            self.mesh.visible, self.bones.visible = (
                self.bodies.value != "skeletons",
                self.bodies.value != "meshes",
            )
            if self.mesh.visible:
                self.mesh.vertices, self.mesh.color = self._skin(body), colour
            self.bones.points = bones
            self.world.position = np.append(-joints[0, :2], 0) if self.follow.value else np.zeros(3)
        self.state.content = f"{body.pose.time_s:.2f} s, stretch {body.pose.stretch}"

    def _skin(self, body: BodyFrame) -> Float[ndarray, "vertex 3"]:
        fingers = torch.eye(3).expand(JOINTS - BODY_JOINTS, 3, 3)
        rotations = torch.cat([body.R_parent_joint.float(), fingers])[None]
        root = Transform.from_wxyz_xyz(body.T_world_root[None])
        return self.mesher.skin(body.betas[None], rotations, root)[0][0].numpy()
