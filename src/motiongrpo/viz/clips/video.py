"""Clips: a scene drawn frame by frame and encoded, without GPU, display or programs outside Python.

Axes are made once; for each frame, only the moving marks are drawn over a static background (blitting).
"""

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy import ndarray
from PIL import Image, ImageColor

from motiongrpo.body.skeleton import Joint
from motiongrpo.viz.clips.scene import GRID_M, Camera, Scene, Shot
from motiongrpo.viz.figures.palette import GREEN
from motiongrpo.viz.figures.skeleton import (
    BONES,
    FLOOR,
    GHOST,
    GROUND,
    PATH,
    SIDE_COLOURS,
    TRUNK,
    legend_entries,
    side_of,
)

Picture = UInt8[ndarray, "height width 4"]

SHOT_IN, GAP_IN = 3.0, 0.1  # width of a shot, and the gap between shots
LEFT_IN, TOP_IN, BETWEEN_IN = 0.75, 1.0, 0.15
LINE_IN = 0.2  # height of a line of the legend
MP4_DPI, GIF_DPI = 110, 58
GIF_FPS, HOLD_MS = 15, 700
GRID, INK = "#dcdcd8", "#000000"
SHADES = (1.0, 0.6, 0.3)  # of a colour over white, for smoothed edges
QUALITY: dict[str, object] = {"crf": "20", "preset": "veryfast", "tune": "animation"}
BONE_COLOURS = [SIDE_COLOURS.get(side_of(joint), TRUNK) for _, joint in BONES]


def write_mp4(scene: Scene, path: Path) -> None:
    """Write a scene as H.264 video, which every browser plays; equal scenes give equal bytes."""
    drawing = Drawing(Camera(scene), MP4_DPI)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(scene.fps).limit_denominator(1001))
        stream.pix_fmt, stream.options, stream.thread_count = "yuv420p", QUALITY, 1
        stream.height, stream.width = drawing.at(0).shape[:2]
        for frame in range(len(scene)):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(drawing.at(frame), format="rgba")))
        file.mux(stream.encode())


def write_gif(scene: Scene, path: Path) -> None:
    """Write a scene as an animated GIF where video does not play: smaller, with fewer frames per second."""
    every = max(1, round(scene.fps / GIF_FPS))
    drawing = Drawing(Camera(scene), GIF_DPI)
    frames = [Image.fromarray(drawing.at(frame)).convert("RGB") for frame in range(0, len(scene), every)]
    palette = _gif_palette()
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    ends = np.arange(len(frames) + 1) * every / scene.fps
    milliseconds = (10 * np.diff((100 * ends).round())).astype(int)  # a GIF counts hundredths of a second
    milliseconds[-1] += HOLD_MS
    first.save(
        path,
        format="GIF",
        save_all=True,
        append_images=rest,
        duration=milliseconds.tolist(),
        loop=0,
        disposal=1,
    )


def _gif_palette() -> Image.Image:
    """Every colour of a drawing in a few shades; a palette from one frame would lose small marks."""
    colours = {GREEN, GHOST, TRUNK, PATH, FLOOR, GROUND, GRID, INK, *SIDE_COLOURS.values()}
    strengths = np.array(SHADES)[:, None]
    shades = [255 + strengths * (np.array(ImageColor.getrgb(c)) - 255) for c in sorted(colours)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([255, 255, 255, *np.concatenate(shades).round().astype(int).flatten().tolist()])
    return palette


class Drawing:
    """A figure whose marks can be moved: one column per motion, one row per view."""

    def __init__(self, camera: Camera, dpi: float) -> None:
        self.camera = camera
        self.figure, grid, self.clock = _figure(camera, dpi)
        self.canvas = FigureCanvasAgg(self.figure)
        self.canvas.draw()  # does the layout, and draws the background
        self.still = self.canvas.copy_from_bbox(self.figure.bbox)
        self.marks = [
            _Marks(axes, camera, shot, number)
            for shot, row in zip(camera.shots, grid, strict=True)
            for number, axes in enumerate(row)
        ]

    def at(self, frame: int) -> Picture:
        """The figure at a frame, in memory that the next frame overwrites."""
        self.canvas.restore_region(self.still)
        scene = self.camera.scene
        self.clock.set_text(f"{frame / scene.fps:.2f} s of {(len(scene) - 1) / scene.fps:.2f} s")
        self.figure.draw_artist(self.clock)
        for marks in self.marks:
            marks.draw(frame)
        return np.asarray(self.canvas.buffer_rgba())


class _Marks:
    """The moving artists of one pair of axes: floor grid, head path, ghost, body and contacts."""

    def __init__(self, axes: Axes, camera: Camera, shot: Shot, number: int) -> None:
        self.axes, self.camera, self.shot = axes, camera, shot
        self.motion, self.truth = camera.scene.motions[number], camera.scene.truth
        self.grid = LineCollection([], colors=GRID, linewidths=0.8)
        (self.path,) = axes.plot([], [], ":", color=PATH, linewidth=1.2)
        self.ghost = _Body(axes, [GHOST] * len(BONES), GHOST) if number else None
        self.body = _Body(axes, BONE_COLOURS, TRUNK)
        (self.contacts,) = axes.plot([], [], "o", color=GREEN, markersize=6, markeredgewidth=0)
        axes.add_collection(self.grid, autolim=False)

    def draw(self, frame: int) -> None:
        self.grid.set_segments(self.camera.grid(frame, self.shot))
        self.path.set_data(*self._flat(self.camera.scene.T_world_cpf[:, 4:], frame).T)
        joints = self._flat(self.motion.p_world_joint[frame], frame)
        self.contacts.set_data(*joints[1:][self.motion.contacts[frame].numpy()].T)
        for artist in (self.grid, self.path):
            self.axes.draw_artist(artist)
        if self.ghost:
            self.ghost.draw(self._flat(self.truth.p_world_joint[frame], frame))
        self.body.draw(joints)
        self.axes.draw_artist(self.contacts)

    def _flat(self, points, frame: int) -> ndarray:
        return self.camera.flat(points, frame, self.shot.view)


class _Body:
    """A stick figure that can be moved."""

    def __init__(self, axes: Axes, colours: list[str], head_colour: str) -> None:
        self.axes = axes
        self.bones = LineCollection([], colors=colours, linewidths=2.6, capstyle="round")
        axes.add_collection(self.bones, autolim=False)
        (self.head,) = axes.plot([], [], "o", color=head_colour, markersize=10)

    def draw(self, joints: ndarray) -> None:
        self.bones.set_segments(list(joints[np.array(BONES)]))
        self.head.set_data(*joints[[Joint.HEAD]].T)
        self.axes.draw_artist(self.bones)
        self.axes.draw_artist(self.head)


def _figure(camera: Camera, dpi: float) -> tuple[Figure, ndarray, Text]:
    """The background: titles, scales, floor, legend; and the clock, which is drawn with the moving marks."""
    figure, grid = _axes(camera, dpi)
    scene, (side, front) = camera.scene, camera.shots
    for shot, row in zip(camera.shots, grid, strict=True):
        for axes in row:
            axes.set(xlim=(-shot.reach_m, shot.reach_m), ylim=(shot.low_m, shot.top_m), xticks=[])
            axes.axhspan(*shot.floor_m, color=GROUND, linewidth=0, zorder=-1)
            axes.spines[:].set_visible(False)
    for axes, motion in zip(grid[0], scene.motions, strict=True):
        axes.axhline(0, color=FLOOR, linewidth=1)
        axes.set_yticks(np.arange(0, side.top_m, 0.5))
        axes.tick_params(labelleft=axes is grid[0, 0], length=2)
        axes.set_title(motion.name, fontsize=11, parse_math=False)
    for axes in grid[1]:
        axes.set_yticks([])
    grid[0, 0].set_ylabel(f"{side.name}\nheight, m")
    grid[1, 0].set_ylabel(f"{front.name}\nfloor in squares of {GRID_M} m", labelpad=26)
    figure.text(0.01, 1 - 0.1 / figure.get_figheight(), scene.title, va="top", fontsize=11, parse_math=False)
    figure.legend(
        handles=legend_entries(scene.compares),
        loc="lower center",
        ncols=2 * len(scene.motions),
        frameon=False,
        fontsize=8,
    )
    clock = figure.text(0.99, 1 - 0.1 / figure.get_figheight(), "", ha="right", va="top", fontsize=11)
    return figure, grid, clock


def _axes(camera: Camera, dpi: float) -> tuple[Figure, ndarray]:
    """Two rows of axes with one scale, in a figure with even numbers of pixels."""
    columns = len(camera.scene.motions)
    below = LINE_IN * (1 + math.ceil(len(legend_entries(camera.scene.compares)) / (2 * columns)))
    tall = [SHOT_IN * (shot.top_m - shot.low_m) / (2 * shot.reach_m) for shot in camera.shots]
    bottoms = below + tall[1] + BETWEEN_IN, below
    wanted = LEFT_IN + columns * (SHOT_IN + GAP_IN), bottoms[0] + tall[0] + TOP_IN
    width, height = (2 * math.ceil(inches * dpi / 2) / dpi for inches in wanted)
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    lefts = [LEFT_IN + column * (SHOT_IN + GAP_IN) for column in range(columns)]
    grid = [
        [figure.add_axes((left / width, low / height, SHOT_IN / width, high / height)) for left in lefts]
        for low, high in zip(bottoms, tall, strict=True)
    ]
    return figure, np.array(grid)
