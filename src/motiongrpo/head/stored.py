"""Head recordings on disk: one npz file each, with poses, times, flags, and a text in JSON."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file
from motiongrpo.base.npz import DAMAGE
from motiongrpo.base.words import shown
from motiongrpo.head.path import Floor, HeadRecording, Stretch

ARRAYS = ("T_world_cpf", "source_s", "touched")


def save_head_recording(recording: HeadRecording, path: Path) -> None:
    """Write a recording, all or nothing."""
    arrays = {
        name: torch.cat([getattr(stretch, name) for stretch in recording.stretches]).numpy()
        for name in ARRAYS
    }
    about = {
        "name": recording.name,
        "format": recording.format,
        "fps": recording.fps,
        "frames": [len(stretch) for stretch in recording.stretches],
        "floor": asdict(recording.floor),
        "facts": recording.facts,
        "warnings": recording.warnings,
        "repairs": recording.repairs,
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]

    replace_file(path, write)


def load_head_recording(path: Path) -> HeadRecording:
    """The recording of a file that `save_head_recording` wrote; InputError where it is not whole."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            T_world_cpf, source_s, touched = (
                torch.from_numpy(archive[name]).split(about["frames"]) for name in ARRAYS
            )
        return HeadRecording(
            name=about["name"],
            format=about["format"],
            fps=about["fps"],
            stretches=tuple(map(Stretch, T_world_cpf, source_s, touched)),
            floor=Floor(**about["floor"]),
            facts=about["facts"],
            warnings=tuple(about["warnings"]),
            repairs=tuple(about["repairs"]),
        )
    except DAMAGE as error:
        raise InputError(
            f"'{path}' is not a whole head recording ({shown(str(error), 120)}); delete it and "
            "read the headset's file again"
        ) from error
