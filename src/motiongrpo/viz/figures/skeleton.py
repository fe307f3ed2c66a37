"""Stick figures: bodies seen from one side, drawn into matplotlib axes, for strips and clips."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy import ndarray
from torch import Tensor

from motiongrpo.body.skeleton import BODY_JOINTS, PARENTS, Joint
from motiongrpo.geometry.heading import heading_angle
from motiongrpo.geometry.se3 import Transform
from motiongrpo.viz.figures.palette import BLUE, GREEN, VERMILLION

TRUNK, GHOST = "#3d3d3d", "#c2c2c2"
FLOOR, GROUND, PATH = "#8a8a8a", "#f1f1ef", "#8a8a8a"
SIDE_COLOURS = {"LEFT": BLUE, "RIGHT": VERMILLION}
OBLIQUE_RAD = math.radians(30)  # from the side view towards the front, so that both arms are visible
DOWN_RAD = math.radians(25)

BONES: tuple[tuple[Joint, Joint], ...] = tuple(
    (Joint(PARENTS[joint]), joint) for joint in Joint if 0 < joint < BODY_JOINTS
)

Flat = Float[ndarray, "*batch 2"]


@dataclass(frozen=True)
class View:
    """A picture plane by its axes in the world: `across` is horizontal, `up` is z without tilt."""

    across: Float[Tensor, "3"]
    up: Float[Tensor, "3"]

    @classmethod
    def of(cls, T_world_cpf: Float[Tensor, "frame 7"], turn_rad: float, down_rad: float = 0.0) -> "View":
        """The view with the mean heading of a head path, turned, to its right, and tilted downwards."""
        heading = heading_angle(Transform.from_wxyz_xyz(T_world_cpf).R)
        angle = torch.atan2(heading.sin().mean(), heading.cos().mean()) + turn_rad
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        away = torch.stack([-sin, cos, zero]) * math.sin(down_rad)
        up = away + torch.stack([zero, zero, zero + math.cos(down_rad)])
        return cls(torch.stack([cos, sin, zero]), up)

    @classmethod
    def beside(cls, T_world_cpf: Float[Tensor, "frame 7"]) -> "View":
        """The view from the right of the mean heading of a head path, turned slightly to the front."""
        return cls.of(T_world_cpf, OBLIQUE_RAD)

    @classmethod
    def before(cls, T_world_cpf: Float[Tensor, "frame 7"]) -> "View":
        """The view from the front and above, a quarter turn from `beside`."""
        return cls.of(T_world_cpf, OBLIQUE_RAD + math.pi / 2, DOWN_RAD)

    def flat(self, points: Float[Tensor, "*batch 3"]) -> Flat:
        """Points in the picture: metres across and up."""
        return (points @ torch.stack([self.across, self.up], dim=-1).to(points)).numpy()


def side_of(joint: Joint) -> Literal["LEFT", "RIGHT", "TRUNK"]:
    """The side of the body that a joint belongs to; collars belong to the trunk."""
    side = joint.name.partition("_")[0]
    return side if side in ("LEFT", "RIGHT") and not joint.name.endswith("COLLAR") else "TRUNK"


def draw_body(
    axes: Axes, joints: Float[ndarray, "22 2"], contacts: Bool[ndarray, "21"] | None, width: float = 2.2
) -> None:
    """One pose in the plane: limbs by side, joints in contact marked; without contacts, a pale ghost."""
    ghost = contacts is None
    for parent, joint in BONES:
        colour = GHOST if ghost else SIDE_COLOURS.get(side_of(joint), TRUNK)
        ends = joints[[parent, joint]]
        axes.plot(*ends.T, color=colour, linewidth=width, solid_capstyle="round", zorder=1 if ghost else 3)
    head = joints[Joint.HEAD]
    axes.plot(*head, "o", color=GHOST if ghost else TRUNK, markersize=4.2 * width, zorder=1 if ghost else 3)
    if contacts is not None:
        touching = joints[1:][contacts]
        axes.plot(*touching.T, "o", color=GREEN, markersize=2.6 * width, markeredgewidth=0, zorder=4)


def legend_entries(ghosts: bool) -> list[Line2D]:
    """Legend entries for the marks of `draw_body`; with `ghosts`, also for the truth behind a motion."""
    bones = {"left limbs": BLUE, "right limbs": VERMILLION, "trunk and head": TRUNK}
    bones |= {"truth, behind": GHOST} if ghosts else {}
    lines = [Line2D([], [], color=colour, linewidth=2.2, label=label) for label, colour in bones.items()]
    contact = Line2D([], [], color=GREEN, marker="o", linestyle="none", label="labelled as in contact")
    head = Line2D([], [], color=PATH, linestyle=":", label="head path (given)")
    return [*lines, contact, head]
