"""The report of a recovery: health of the input, the path, the floor, repairs, and certainty."""

from dataclasses import dataclass

from motiongrpo.diffusion.trained import TrainedDenoiser
from motiongrpo.recovery.recovered import Recovered
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.recovery.figures import doubt_by_joint, doubt_over_time, height_over_time, path_from_above
from motiongrpo.viz.report.page import render
from motiongrpo.viz.report.player import SKELETON, player_scene

FACTS = {
    "rows": ("rows in the file", "{:,.0f}"),
    "rows_used": ("rows used", "{:,.0f}"),
    "seconds": ("length", "{:.2f} s"),
    "rate_hz": ("rate of the file", "{:.2f} Hz"),
    "longest_step_ms": ("longest step between rows", "{:.1f} ms"),
    "frames": ("frames", "{:,.0f}"),
    "stretches": ("unbroken stretches", "{:.0f}"),
    "touched_share": ("frames touched or doubted", "{:.1%}"),
    "head_height_m": ("height of the eyes, median", "{:.2f} m"),
    "travel_m": ("way of the head over the floor", "{:.1f} m"),
    "speed_95_m_s": ("speed of the head, 95 % below", "{:.2f} m/s"),
    "jitter_mm": ("tremble of the head, median", "{:.2f} mm"),
}
"""The names of the facts of a recording, and their formats."""
FLOORS = {
    "given": "It was given.",
    "format": "The file’s format states that its zero is the floor.",
    "estimated": "It was estimated from how high the eyes are, as of a person who stands some of the time.",
}

SUNK_SHARE = 0.1  # share of frames from which soles under the floor give a warning


@dataclass(frozen=True)
class Certainty:
    """The certainty of a body: shares of joints that are guesses, and the cost of a wrong floor."""

    guess_m: float
    guess_share: float | None  # of all joints in all frames; None without bands
    surest: str
    least_sure: str
    floor_cost: float  # displacement of joints, relative to the head, per error of the floor
    under_floor_share: float  # share of frames with a sole more than 5 cm below the floor

    def warnings(self) -> list[str]:
        """Warnings about the body itself."""
        if self.under_floor_share <= SUNK_SHARE:
            return []
        return [
            f"in {self.under_floor_share:.0%} of the frames a sole is more than 5 cm below the floor: the "
            "floor is lower than believed, or the body bends as the model has not seen"
        ]


def recovery_html(
    found: Recovered,
    model: TrainedDenoiser,
    certainty: Certainty,
    scene: Scene,
    files: list[tuple[str, str]],
) -> str:
    """The whole page as text; `files` has the name of each file beside it and what opens it."""
    recording = found.recording
    figures = {"path": path_from_above(recording), "height": height_over_time(recording)}
    if found.radius_90_m is not None:
        figures["doubt"] = doubt_over_time(found, certainty.guess_m)
        figures["joints"] = doubt_by_joint(found, certainty.guess_m)
    return render(
        "recovery.html.j2",
        recording=recording,
        found=found,
        facts=[
            (name, form.format(recording.facts[key]))
            for key, (name, form) in FACTS.items()
            if key in recording.facts
        ],
        floor=f"{_place(recording.floor.height_m)} {FLOORS[recording.floor.how]}",
        warnings=[*recording.warnings, *certainty.warnings()],
        model=model,
        certainty=certainty,
        figures=figures,
        files=files,
        scenes=[player_scene(scene)],
        skeleton=SKELETON,
    )


def _place(floor_m: float) -> str:
    """Where the floor is, as a sentence."""
    side = "over" if floor_m > 0 else "below"
    away = f"{abs(floor_m):.2f} m {side}" if abs(floor_m) >= 0.005 else "at"
    return f"The floor is {away} the zero of the file’s world."
