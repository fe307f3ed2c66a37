"""Draw docs/figures/blending.png: the weight of each window at every frame, by both rules.

python tools/blending_figure.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from motiongrpo.diffusion.window_blend import EGOALLO_PLAN, Window, egoallo_windows, symmetric_windows
from motiongrpo.viz.figures.palette import BLUE, GREEN, GREY, VERMILLION

FRAMES, FPS = 300, 30
STYLES = ((BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."), (GREY, ":"))
TARGET = Path(__file__).parents[1] / "docs" / "figures" / "blending.png"


def draw(axes: Axes, windows: list[Window], title: str) -> None:
    """One line per window; a window that ends above zero drops to it at its end."""
    for number, (window, (colour, dash)) in enumerate(zip(windows, STYLES, strict=False), start=1):
        frames = [window.start - 1, *range(window.start, window.stop), window.stop]
        frames = [min(max(frame, 0), FRAMES - 1) for frame in frames]
        ends = [0.0 if window.start > 0 else float(window.share[0])]
        ends += [*window.share.tolist(), 0.0 if window.stop < FRAMES else float(window.share[-1])]
        label = f"window {number}: frames {window.start} to {window.stop - 1}"
        axes.plot(frames, ends, color=colour, linestyle=dash, linewidth=2, label=label)
    axes.set(title=title, ylabel="share of x̂₀ (no unit)", ylim=(-0.05, 1.1), xlim=(0, FRAMES - 1))
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def main() -> None:
    """Draw both rules, one below the other."""
    figure, (ours, theirs) = plt.subplots(2, 1, figsize=(9, 5.2), sharex=True, layout="constrained")
    draw(ours, symmetric_windows(FRAMES, EGOALLO_PLAN), "Ours: one window fades out as the next fades in")
    draw(
        theirs,
        egoallo_windows(FRAMES, EGOALLO_PLAN),
        "EgoAllo: only the newer window fades; its share jumps where the older ends",
    )
    theirs.set_xlabel(f"frame ({FPS} a second; a path of {FRAMES} frames, windows of {EGOALLO_PLAN.length})")
    for jump in (128, 224):
        note = {"color": GREY, "fontsize": 8, "ha": "left", "va": "center"}
        theirs.annotate("½ → 1", (jump, 0.75), xytext=(jump + 4, 0.75), **note)
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
