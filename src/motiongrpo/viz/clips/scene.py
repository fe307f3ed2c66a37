"""The scene of a clip: motions under one head path, and the camera that follows them over the floor."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from pydantic import AfterValidator, Field
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from typing_extensions import TypedDict

from motiongrpo.body.skeleton import BODY_JOINTS
from motiongrpo.viz.clips.example import ShownMotion
from motiongrpo.viz.figures.skeleton import View

SETTLE_S = 0.4  # time constant of the camera, so that it does not bob with the head
AIR_M = 0.15  # margin around the bodies
GRID_M = 0.5
DECIMALS = 4  # of metres, in files


class PlainMotion(TypedDict):
    """A motion of a scene as JSON holds it: joints (frame, 22, 3) in metres, contacts (frame, 21)."""

    name: str
    p_world_joint: list[list[list[float]]]
    contacts: list[list[bool]]


class PlainScene(TypedDict):
    """A scene as JSON holds it."""

    title: str
    fps: Annotated[float, Field(gt=0)]
    T_world_cpf: list[list[float]]
    motions: Annotated[list[PlainMotion], Field(min_length=1)]


def _of_one_length(plain: PlainScene) -> PlainScene:
    frames = len(plain["T_world_cpf"])
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        "T_world_cpf": (np.shape(plain["T_world_cpf"]), (frames, 7))
    }
    for motion in plain["motions"]:
        shapes[motion["name"]] = np.shape(motion["p_world_joint"]), (frames, BODY_JOINTS, 3)
        shapes[f"contacts of {motion['name']}"] = np.shape(motion["contacts"]), (frames, BODY_JOINTS - 1)
    for name, (shape, expected) in shapes.items():
        if shape != expected or not frames:
            raise ValueError(f"{name} must have shape {expected}, got {shape}")
    return plain


DrawnScene = Annotated[PlainScene, AfterValidator(_of_one_length)]
"""A scene that can be drawn."""


@dataclass(frozen=True)
class Scene:
    """Motions over time, the truth first, or one motion alone; the head path is that of the models."""

    title: str
    fps: float
    T_world_cpf: Float[Tensor, "frame 7"]
    motions: list[ShownMotion]

    def __len__(self) -> int:
        return len(self.T_world_cpf)

    @property
    def truth(self) -> ShownMotion:
        """The motion that the others are compared with; None where there is a single motion."""
        return self.motions[0]

    @property
    def compares(self) -> bool:
        """Whether there are motions besides the truth, which is then drawn behind them."""
        return len(self.motions) > 1

    def plain(self) -> dict[str, Any]:
        """The scene as plain JSON, rounded to a tenth of a millimetre."""
        motions = [
            {"name": m.name, "p_world_joint": _rounded(m.p_world_joint), "contacts": m.contacts.tolist()}
            for m in self.motions
        ]
        head = _rounded(self.T_world_cpf)
        return {"title": self.title, "fps": self.fps, "T_world_cpf": head, "motions": motions}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Scene":
        """The inverse of `plain`."""
        motions = [
            ShownMotion(m["name"], torch.tensor(m["p_world_joint"]), torch.tensor(m["contacts"]))
            for m in plain["motions"]
        ]
        return cls(plain["title"], plain["fps"], torch.tensor(plain["T_world_cpf"]), motions)


@dataclass(frozen=True)
class Shot:
    """One view of a scene and its visible region, in metres from the centre of the picture."""

    name: str
    view: View
    reach_m: float  # to either side
    low_m: float
    top_m: float
    floor_m: tuple[float, float]  # the band of the picture that is floor
    grid_deep: bool  # whether lines of the floor across the view are visible


@dataclass(frozen=True)
class Camera:
    """A camera that follows the head and shows a scene from two sides."""

    scene: Scene

    @cached_property
    def centre(self) -> Float[Tensor, "frame 3"]:
        """The centre of the picture: on the floor below the head, with its path smoothed."""
        head = self.scene.T_world_cpf[:, 4:6].numpy()
        smooth = gaussian_filter1d(head, SETTLE_S * self.scene.fps, axis=0, mode="nearest")
        return torch.from_numpy(np.pad(smooth, ((0, 0), (0, 1))))

    @cached_property
    def shots(self) -> tuple[Shot, Shot]:
        """Two views: from the side at floor level, and from the front and above."""
        head = self.scene.T_world_cpf
        beside, before = View.beside(head), View.before(head)
        side, front = self._flat_bodies(beside), self._flat_bodies(before)
        reach = max(float(np.abs(flat[..., 0]).max()) for flat in (side, front)) + AIR_M
        low, top = min(float(side[..., 1].min()), 0.0) - AIR_M, float(side[..., 1].max()) + AIR_M
        depth = reach * float(torch.linalg.vector_norm(before.up[:2]))
        front_low = min(-depth, float(front[..., 1].min()) - AIR_M)
        front_top = float(front[..., 1].max()) + AIR_M
        return (
            Shot("from the side", beside, reach, low, top, (low, 0.0), grid_deep=False),
            Shot(
                "from the front and above",
                before,
                reach,
                front_low,
                front_top,
                (-depth, depth),
                grid_deep=True,
            ),
        )

    def flat(self, points: Float[Tensor, "*batch 3"], frame: int, view: View) -> Float[ndarray, "*batch 2"]:
        """Points of one frame in a picture."""
        return view.flat(points - self.centre[frame].to(points))

    def grid(self, frame: int, shot: Shot) -> list[Float[ndarray, "2 2"]]:
        """The visible grid lines of the floor, half a metre apart and fixed to it."""
        away = torch.stack([-shot.view.across[1], shot.view.across[0]])
        centre = self.centre[frame]
        low, high = shot.floor_m
        reach = shot.reach_m
        lines = [
            np.array([[x, low], [x, high]])
            for x in _marks(float(centre @ shot.view.across.to(centre)), reach)
        ]
        if shot.grid_deep:
            scale = high / reach
            lines += [
                np.array([[-reach, y * scale], [reach, y * scale]])
                for y in _marks(float(centre[:2] @ away.to(centre)), reach)
            ]
        return lines

    def _flat_bodies(self, view: View) -> Float[ndarray, "motion frame 22 2"]:
        bodies = torch.stack([motion.p_world_joint for motion in self.scene.motions])
        return view.flat(bodies - self.centre[:, None].to(bodies))


def _marks(centre: float, reach: float) -> list[float]:
    """Multiples of the grid within reach of a centre, relative to it."""
    first, last = math.ceil((centre - reach) / GRID_M), math.floor((centre + reach) / GRID_M)
    return [k * GRID_M - centre for k in range(first, last + 1)]


def _rounded(values: Tensor) -> list:
    return values.double().numpy().round(DECIMALS).tolist()
