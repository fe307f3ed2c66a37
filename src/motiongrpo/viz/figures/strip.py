"""The motion figure: each motion as a strip of stick figures over time, with its feet from above."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray
from torch import Tensor

from motiongrpo.body.skeleton import Joint
from motiongrpo.viz.clips.example import ShownMotion
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.figures.palette import GREEN
from motiongrpo.viz.figures.skeleton import FLOOR, GROUND, PATH, SIDE_COLOURS, View, draw_body, legend_entries

FIGURES = 7
GAP_M = 0.12  # gap between neighbouring figures
HEADROOM_M = 0.2
INCHES_PER_M = 1.15
TOES = (Joint.LEFT_FOOT, Joint.RIGHT_FOOT)


@dataclass(frozen=True)
class Strip:
    """The common frames, view and scale of all rows of the figure."""

    frames: list[int]
    fps: float
    view: View
    spacing_m: float
    top_m: float
    low_m: float

    @classmethod
    def around(cls, motions: list[ShownMotion], T_world_cpf: Float[Tensor, "frame 7"], fps: float) -> "Strip":
        """Evenly spaced frames, far enough apart that no figure of any motion overlaps the next."""
        frames = np.linspace(0, len(T_world_cpf) - 1, FIGURES).round().astype(int).tolist()
        view = View.beside(T_world_cpf)
        flat = np.stack([view.flat(motion.p_world_joint[frames]) for motion in motions])
        from_head = flat[..., 0] - flat[:, :, [Joint.HEAD], 0]
        return cls(
            frames=frames,
            fps=fps,
            view=view,
            spacing_m=float(from_head.max() - from_head.min()) + GAP_M,
            top_m=float(flat[..., 1].max()) + HEADROOM_M,
            low_m=min(float(flat[..., 1].min()), 0.0) - GAP_M,
        )

    @property
    def width_m(self) -> float:
        return self.spacing_m * len(self.frames)

    @property
    def height_m(self) -> float:
        return self.top_m - self.low_m

    def placed(self, motion: ShownMotion) -> Float[ndarray, "shown 22 2"]:
        """The figures of a motion, each with its head above its time on the axis."""
        flat = self.view.flat(motion.p_world_joint[self.frames])
        flat[..., 0] -= flat[:, [Joint.HEAD], 0]
        flat[..., 0] += np.arange(len(self.frames))[:, None] * self.spacing_m
        return flat


def motion_figure(scene: Scene) -> Figure:
    """The truth and the motions under its head path, at one scale, in metres."""
    motions, T_world_cpf, truth = scene.motions, scene.T_world_cpf, scene.truth
    strip = Strip.around(motions, T_world_cpf, scene.fps)
    above_m = _extent_from_above(motions, T_world_cpf)
    widths = [strip.width_m, strip.height_m]
    size = (INCHES_PER_M * sum(widths) + 1.9, INCHES_PER_M * strip.height_m * len(motions) + 1.9)
    figure = Figure(figsize=size, facecolor="white", layout="constrained")
    grid = figure.subplots(len(motions), 2, width_ratios=widths, squeeze=False)
    for motion, (side, above) in zip(motions, grid, strict=True):
        ghost = None if motion is truth else truth
        _draw_side(side, strip, motion, ghost)
        _draw_above(above, motion, T_world_cpf, above_m)
    grid[0, 0].set_title("From the side: one figure a moment, left to right", loc="left", fontsize=10)
    grid[0, 1].set_title("From above: toes and head", loc="left", fontsize=10)
    grid[-1, 0].set_xlabel("time, s")
    grid[-1, 1].set_xlabel("x, m")
    figure.suptitle(scene.title, fontsize=12, x=0.01, ha="left", parse_math=False)  # a name may contain a $
    entries = legend_entries(scene.compares)
    figure.legend(handles=entries, loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    return figure


def _draw_side(axes: Axes, strip: Strip, motion: ShownMotion, truth: ShownMotion | None) -> None:
    edge = strip.spacing_m / 2
    places = np.arange(len(strip.frames)) * strip.spacing_m
    axes.set(aspect="equal", xlim=(-edge, places[-1] + edge), ylim=(strip.low_m, strip.top_m))
    axes.axhline(0, color=FLOOR, linewidth=1, zorder=0)
    axes.axhspan(strip.low_m, 0, color=GROUND, linewidth=0, zorder=-1)
    if truth is not None:
        for figure in strip.placed(truth):
            draw_body(axes, figure, None)
    for frame, figure in zip(strip.frames, strip.placed(motion), strict=True):
        draw_body(axes, figure, motion.contacts[frame].numpy())
    heights = motion.p_world_joint[:, Joint.HEAD, 2].numpy()
    time = np.interp(np.arange(len(heights)), strip.frames, places)
    axes.plot(time, heights, ":", color=PATH, linewidth=1.2, zorder=2)
    axes.set_xticks(places, [f"{frame / strip.fps:.2f}" for frame in strip.frames])
    axes.set_ylabel(f"{motion.name}\n\nheight, m")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_above(axes: Axes, motion: ShownMotion, T_world_cpf: Tensor, limits: tuple[ndarray, float]) -> None:
    centre, reach = limits
    axes.set(
        aspect="equal", xlim=centre[0] + reach * np.array([-1, 1]), ylim=centre[1] + reach * np.array([-1, 1])
    )
    axes.plot(*T_world_cpf[:, 4:6].T.numpy(), ":", color=PATH, linewidth=1.2)
    axes.plot(*T_world_cpf[0, 4:6].numpy(), "s", color=PATH, markersize=4)
    for toe in TOES:
        track = motion.p_world_joint[:, toe, :2].numpy()
        touching = track[motion.contacts[:, toe - 1].numpy()]
        axes.plot(*track.T, color=SIDE_COLOURS[toe.name.partition("_")[0]], linewidth=1.6)
        axes.plot(*touching.T, "o", color=GREEN, markersize=4, markeredgewidth=0)
    axes.set_ylabel("y, m")
    axes.spines[["top", "right"]].set_visible(False)


def _extent_from_above(motions: list[ShownMotion], T_world_cpf: Tensor) -> tuple[Float[ndarray, "2"], float]:
    """Centre and half the side, in metres, of the square that contains every toe and the head path."""
    toes = [motion.p_world_joint[:, list(TOES), :2].reshape(-1, 2).numpy() for motion in motions]
    points = np.concatenate([*toes, T_world_cpf[:, 4:6].numpy()])
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, math.ceil(10 * (high - low).max() / 2 + 1) / 10
