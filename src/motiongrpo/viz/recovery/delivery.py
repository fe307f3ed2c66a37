"""The deliverables of a recovery for one recording, and how they are made from the recovered body."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from motiongrpo.body.body_model import BodyModel
from motiongrpo.body.kinematics import sole_positions
from motiongrpo.body.skeleton import Joint
from motiongrpo.body.skin import SkinnedBody
from motiongrpo.diffusion.recording import Doubt, Recording
from motiongrpo.export.track import BodyTrack, Gender
from motiongrpo.head.path import Touch
from motiongrpo.metrics.bands import is_guess
from motiongrpo.recovery.config import ClipConfig, Output, RecoveryConfig
from motiongrpo.recovery.floor_cost import floor_cost
from motiongrpo.recovery.parts import Drawing
from motiongrpo.recovery.recovered import Recovered, frames_of
from motiongrpo.viz.clips.example import ShownMotion
from motiongrpo.viz.clips.scene import Scene
from motiongrpo.viz.recovery.page import Certainty, recovery_html

UNDER_M = 0.05
A_FILE_A_STRETCH = ("bvh", "glb")
FILES = {
    "bvh": "the skeleton’s motion, centimetres, y up; Blender, MotionBuilder, Maya, bvhio",
    "glb": "the skinned body, animated, metres, y up; Blender, three.js, Unity, Unreal",
    "npz": "poses, shape and translation as AMASS keeps them, z up, with flags and times",
    "parquet": "a row a joint and frame: position, radius, contact, flags, time in the recording",
    "mp4": "the clip of this page",
}


@dataclass(frozen=True)
class Delivery:
    """The files of one recording, before they are written."""

    track: BodyTrack
    body: SkinnedBody
    outputs: Sequence[Output]
    recording: Recording  # for the viewer
    scene: Scene
    page: str


def delivery_of(
    name: str,
    found: Recovered,
    drawing: Drawing,
    body: SkinnedBody,
    config: RecoveryConfig,
    guess_m: float,
    gender: Gender,
) -> Delivery:
    """The recovered body with its report; files are named after `name`."""
    fps = found.recording.fps
    track = BodyTrack.hung(found.motion, body.model, found.recording.stretches, fps, gender, name)
    track = replace(track, radius_90_m=found.radius_90_m)
    scene = clip_of(found, body.model, config.clip)
    certainty = _certainty(found, drawing, body.model, guess_m)
    files = [("recording.npz", "for motiongrpo view")]
    files += [(file, FILES[kind]) for kind in config.to for file in _names(name, len(track.stretches), kind)]
    page = recovery_html(found, drawing.model, certainty, scene, files)
    doubt = None if found.radius_90_m is None else Doubt(found.radius_90_m[None], guess_m)
    recording = Recording(
        title=found.recording.name,
        names=("recovered",),
        motions=found.motion,
        fps=fps,
        body_digest=body.model.digest,
        doubt=doubt,
        repaired=(found.recording.touched() & int(Touch.GAP)) != 0,
    )
    return Delivery(track, body, config.to, recording, scene, page)


def clip_of(found: Recovered, body: BodyModel, config: ClipConfig) -> Scene:
    """The part of the first unbroken stretch that the clip shows; from its start where it is too short."""
    fps, frames = found.recording.fps, len(found.recording.stretches[0])
    start = round(config.start_s * fps)
    start = start if start < frames else 0
    stop = min(frames, start + round(config.seconds * fps))
    part = frames_of(found.motion, start, stop)
    title = f"{found.recording.name}\nfrom {start / fps:.1f} s, {(stop - start) / fps:.1f} s"
    return Scene(title, fps, part.T_world_cpf[0], [ShownMotion.of("recovered", part, body)])


def _names(name: str, stretches: int, kind: Output) -> list[str]:
    """The file names of a format: one per stretch where the format cannot hold several."""
    if stretches == 1 or kind not in A_FILE_A_STRETCH:
        return [f"{name}.{kind}"]
    return [f"{name}_{number}.{kind}" for number in range(1, stretches + 1)]


def _certainty(found: Recovered, drawing: Drawing, body: BodyModel, guess_m: float) -> Certainty:
    shaped, posed = found.motion.posed(body)
    lowest = sole_positions(shaped, posed)[0, ..., 2].amin(-1)
    share = surest = least = None
    if found.radius_90_m is not None:
        share = float(is_guess(found.radius_90_m, guess_m).float().mean())
        order = found.radius_90_m.median(0).values.argsort().tolist()
        surest, least = (Joint(order[place]).name.lower().replace("_", " ") for place in (0, -1))
    first = found.recording.stretches[0].T_world_cpf
    return Certainty(
        guess_m=guess_m,
        guess_share=share,
        surest=surest or "",
        least_sure=least or "",
        floor_cost=floor_cost(drawing.model, first, body),
        under_floor_share=float((lowest < -UNDER_M).float().mean()),
    )
