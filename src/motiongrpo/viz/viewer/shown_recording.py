"""A recording in the viewer: bodies as meshes or skeletons, with head, contacts and truth.

Motions of one recording share one head path; they are shown side by side, `apart` metres along the line that
faces the camera, each with the truth as a pale ghost in the same place. Limbs that are a guess are orange,
and so is the head where its path was repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import root_from_head
from motiongrpo.body.mesh import Mesher
from motiongrpo.body.skeleton import BODY_JOINTS, CONTACT_JOINTS, JOINTS
from motiongrpo.diffusion.placed import PlacedMotion
from motiongrpo.diffusion.recording import Recording
from motiongrpo.geometry.heading import heading_angle
from motiongrpo.geometry.se3 import Transform
from motiongrpo.viz.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, RGB, SKY, VERMILLION, rgb
from motiongrpo.viz.figures.skeleton import BONES
from motiongrpo.viz.viewer.guesses import GUESS, Guesses, ShownGuesses

if TYPE_CHECKING:
    import viser

TRUTH = "truth"
BODIES = ("meshes", "skeletons", "both")
MODEL_COLOURS = {TRUTH: GREY, "pretrained": VERMILLION, "post-trained": BLUE}
OTHER_COLOURS = (SKY, ORANGE, PURPLE)
GHOST_OPACITY = 0.3
CONTACT_RADIUS_M, BONE_WIDTH_M = 0.05, 0.02
FRUSTUM_M, FRUSTUM_WIDTH_M, FIELD_OF_VIEW_RAD, ASPECT = 0.1, 0.006, 1.2, 1.5


@dataclass(frozen=True)
class Look:
    """What is drawn of every body: one of `BODIES`, and extras."""

    bodies: str
    truth: bool
    contacts: bool
    guesses: bool


@dataclass(frozen=True)
class BodyInTime:
    """One motion, ready to be drawn at any frame: metres, in the world."""

    name: str
    colour: RGB
    joints: Float[ndarray, "frame 22 3"]
    vertices: Float[ndarray, "frame vertex 3"]
    contacts: Bool[ndarray, "frame 21"]
    guesses: Guesses | None  # None where the motion has no bands


def colour_of(name: str, others: list[str]) -> RGB:
    """The colour of a motion: samples of one model share it; `others` are models without a fixed colour."""
    model = model_of(name)
    return rgb(MODEL_COLOURS.get(model) or OTHER_COLOURS[others.index(model) % len(OTHER_COLOURS)])


def model_of(name: str) -> str:
    """The model of a motion: `post-trained 2` is a sample of `post-trained`."""
    return name.rstrip("0123456789 ")


def bodies_in_time(recording: Recording, body: BodyModel, mesher: Mesher) -> list[BodyInTime]:
    """Every motion posed and skinned."""
    others = [m for m in dict.fromkeys(map(model_of, recording.names)) if m not in MODEL_COLOURS]
    shown = []
    for row, name in enumerate(recording.names):
        motion = recording.motions.rows(slice(row, row + 1))
        joints = motion.posed(body)[1].p_world_joint[0, :, :BODY_JOINTS].numpy()
        contacts = motion.contacts[0].numpy() > 0.5
        guesses = Guesses.of(recording.doubt, row) if recording.doubt and name != TRUTH else None
        skin = _skin(motion, body, mesher)
        shown.append(BodyInTime(name, colour_of(name, others), joints, skin, contacts, guesses))
    return shown


def _skin(motion: PlacedMotion, body: BodyModel, mesher: Mesher) -> Float[ndarray, "frame vertex 3"]:
    """The mesh over time; fingers are as in the zero pose."""
    shaped = body.shaped(motion.betas[:, None])
    head = Transform.from_wxyz_xyz(motion.T_world_cpf)
    root = root_from_head(shaped, motion.R_parent_joint, head)
    frames = motion.mask.shape[1]
    fingers = torch.eye(3).expand(frames, JOINTS - BODY_JOINTS, 3, 3)
    rotations = torch.cat([motion.R_parent_joint[0].float(), fingers], dim=1)
    vertices, _ = mesher.skin(motion.betas.expand(frames, -1), rotations, Transform(root.R[0], root.p[0]))
    return vertices.numpy()


def facing(T_world_cpf: Float[torch.Tensor, "frame 7"]) -> Float[ndarray, "2 3"]:
    """Horizontal unit vectors: the mean direction in which the head faces, and to its right."""
    angles = heading_angle(Transform.from_wxyz_xyz(T_world_cpf).R)
    psi = float(torch.atan2(angles.sin().mean(), angles.cos().mean()))
    return np.array([[np.cos(psi), np.sin(psi), 0], [np.sin(psi), -np.cos(psi), 0]])


class ShownBody:
    """One body in a viser scene, and the handles that move it."""

    def __init__(self, server: viser.ViserServer, path: str, body: BodyInTime, faces: Int[ndarray, "face 3"]):
        import trimesh

        self.body, self.place = body, server.scene.add_frame(path, show_axes=False)
        ghost = {"opacity": GHOST_OPACITY, "cast_shadow": False} if body.name == TRUTH else {}
        self.mesh = server.scene.add_mesh_simple(
            f"{path}/mesh", body.vertices[0], faces, color=body.colour, **ghost
        )
        self.bones = server.scene.add_line_segments(
            f"{path}/bones", self._bones(0), body.colour, thickness=BONE_WIDTH_M
        )
        ball = trimesh.creation.icosphere(subdivisions=2, radius=CONTACT_RADIUS_M)
        still = np.tile([1.0, 0, 0, 0], (len(CONTACT_JOINTS), 1))
        self.touching = server.scene.add_batched_meshes_simple(
            f"{path}/contacts",
            np.asarray(ball.vertices, np.float32),
            np.asarray(ball.faces),
            still,
            self._contact_joints(0),
            batched_scales=self._touches(0),
            batched_colors=rgb(GREEN),
            cast_shadow=False,
        )
        self.guesses = body.guesses and ShownGuesses(server, path, body.joints, body.guesses)

    def show(self, frame: int) -> None:
        self.mesh.vertices = self.body.vertices[frame]
        self.bones.points = self._bones(frame)
        self.touching.batched_positions = self._contact_joints(frame)
        self.touching.batched_scales = self._touches(frame)
        if self.guesses:
            self.guesses.show(frame)
            self.bones.colors = self.guesses.bone_colours(frame, self.body.colour)

    def look(self, look: Look) -> None:
        self.mesh.visible, self.bones.visible = look.bodies != "skeletons", look.bodies != "meshes"
        self.touching.visible = look.contacts and self.body.name != TRUTH
        if self.guesses:
            self.guesses.balls.visible = look.guesses

    def _bones(self, frame: int) -> Float[ndarray, "bone 2 3"]:
        return self.body.joints[frame][np.array(BONES, dtype=int)].astype(np.float32)

    def _contact_joints(self, frame: int) -> Float[ndarray, "joint 3"]:
        return self.body.joints[frame, list(CONTACT_JOINTS)].astype(np.float32)

    def _touches(self, frame: int) -> Float[ndarray, " joint"]:
        """Scales of the balls at contact joints: 1 in contact, otherwise too small to be visible."""
        touching = self.body.contacts[frame, [joint - 1 for joint in CONTACT_JOINTS]]
        return np.where(touching, 1.0, 1e-6).astype(np.float32)


class ShownRecording:
    """A recording in a server's scene: `show` moves it, `look` sets what is drawn, `clear` removes it."""

    def __init__(self, server: viser.ViserServer, recording: Recording, body: BodyModel, mesher: Mesher):
        self.recording = recording
        self.head = recording.motions.T_world_cpf[0]
        self.forward, self.right = facing(self.head)
        bodies = bodies_in_time(recording, body, mesher)
        truth = next((b for b in bodies if b.name == TRUTH), None)
        self.bodies = [b for b in bodies if b is not truth] or bodies
        self.rows: dict[str, list[Any]] = {}
        for number, each in enumerate(self.bodies):
            path = f"/recording/{number}"
            drawn = [ShownBody(server, path, each, mesher.faces)]
            if truth is not None and truth is not each:
                drawn.append(ShownBody(server, f"{path}_truth", truth, mesher.faces))
            frustum = server.scene.add_camera_frustum(
                f"{path}_head", FIELD_OF_VIEW_RAD, ASPECT, scale=FRUSTUM_M, thickness=FRUSTUM_WIDTH_M
            )
            label = server.scene.add_label(f"{path}_label", each.name, anchor="bottom-center")
            self.rows[each.name] = [drawn, frustum, label]

    def __len__(self) -> int:
        return len(self.head)

    @property
    def centre(self) -> Float[ndarray, 3]:
        """The point on the floor below the middle of the head's path."""
        way = self.head[:, 4:6].numpy()
        return np.append((way.min(0) + way.max(0)) / 2, 0.0)

    def offset(self, number: int, apart: float) -> Float[ndarray, 3]:
        """The shift of a motion; the first is on the left of a viewer who faces the bodies."""
        return self.right * apart * ((len(self.rows) - 1) / 2 - number)

    def show(self, frame: int, apart: float) -> None:
        """Show every body, its head and its name at one frame."""
        pose = Transform.from_wxyz_xyz(self.head[frame].double())
        turned = Transform(pose.R @ torch.diag(torch.tensor([-1.0, -1, 1], dtype=torch.float64)), pose.p)
        wxyz_xyz = turned.wxyz_xyz().numpy()  # a camera's x is to the right and its y down
        for number, (drawn, frustum, label) in enumerate(self.rows.values()):
            offset = self.offset(number, apart)
            for body in drawn:
                body.show(frame)
                body.place.position = offset
            frustum.wxyz, frustum.position = wxyz_xyz[:4], wxyz_xyz[4:] + offset
            if self.recording.repaired is not None:
                frustum.color = rgb(GUESS if self.recording.repaired[frame] else GREY)
            label.position = wxyz_xyz[4:] + offset + np.array([0, 0, 0.3])

    def look(self, name: str, seen: bool, look: Look) -> None:
        """Set whether and how one motion is drawn."""
        drawn, frustum, label = self.rows[name]
        frustum.visible = label.visible = seen
        for body in drawn:
            body.look(look)
            body.place.visible = seen and (look.truth or body is drawn[0])

    def clear(self) -> None:
        for drawn, frustum, label in self.rows.values():
            for handle in (*(body.place for body in drawn), frustum, label):
                handle.remove()
