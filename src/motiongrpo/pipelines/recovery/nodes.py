"""Recovery: recordings are read and repaired, motions drawn chunk by chunk, bodies assembled."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from motiongrpo.base.checkpoint import Checkpoint
from motiongrpo.base.errors import InputError
from motiongrpo.base.progress import with_progress
from motiongrpo.base.words import failure, shown
from motiongrpo.body.body_model import BodyModel, body_file
from motiongrpo.body.skin import load_skinned_body
from motiongrpo.export.track import Gender
from motiongrpo.head.formats.reader import read_head_path
from motiongrpo.head.path import HeadRecording
from motiongrpo.head.preparation import prepared
from motiongrpo.metrics.bands import BandCalibration, BandConfig
from motiongrpo.recovery.config import RecoveryConfig
from motiongrpo.recovery.inputs import files_of, named_apart, source_of
from motiongrpo.recovery.model import chosen_model, matching, unlike_training
from motiongrpo.recovery.parts import Drawing, Part, PartFolder
from motiongrpo.recovery.recovered import Pieces, recovered
from motiongrpo.viz.recovery.delivery import Delivery, delivery_of

SAMPLES = 8  # without bands, which determine the number

Record = dict[str, Any]

logger = logging.getLogger(__name__)


def read_head_paths(
    pretrained: Checkpoint | None,
    policy: Checkpoint | None,
    body: BodyModel,
    config: RecoveryConfig,
    sources_so_far: dict[str, str],
) -> tuple[dict[str, HeadRecording], Record, dict[str, str]]:
    """The head paths of readable files, at the model's frame rate; errors of the others; all files."""
    usage = chosen_model(config.checkpoint, pretrained, policy, body).usage
    files, recordings, refused = _files(config, sources_so_far), {}, {}
    for name, path in files.items():
        try:
            recording = prepared(read_head_path(path, config), usage.fps, config.repair, config.floor_m)
        except Exception as error:  # one file's failure does not stop the others
            said = str(error)
            if not isinstance(error, InputError):
                said = f"reading '{shown(path.name)}' failed with {shown(failure(error), 200)}"
            logger.debug("while reading '%s'", shown(path.name), exc_info=True)
            refused[shown(path.name)] = said
        else:
            warnings = (*recording.warnings, *unlike_training(recording, usage))
            recordings[name] = replace(recording, warnings=warnings)
    if not recordings:
        whole = next(iter(refused.values()))
        raise InputError(whole if len(files) == 1 else f"none of {len(files)} files could be read: {whole}")
    for name, said in refused.items():
        logger.warning("%s: %s", name, said)
    for recording in recordings.values():
        for warning in recording.warnings:
            logger.warning("%s: %s", recording.name, warning)
    sources = {name: source_of(files[name]) for name in recordings}
    return recordings, {"read": list(recordings), "refused": refused}, sources_so_far | sources


def _files(config: RecoveryConfig, sources: dict[str, str]) -> dict[str, Path]:
    """The files by the names of their results, which are unique."""
    plain = files_of(config.input)
    files = named_apart(plain, sources)
    for taken, (name, path) in zip(plain, files.items(), strict=True):
        if name != taken:
            said = (taken, shown(sources[taken], 200), shown(path.name), name)
            logger.info("'%s' holds what came of %s; what comes of this '%s' is called '%s'", *said)
    return files


def draw_motions(  # noqa: PLR0913
    head_paths: dict[str, HeadRecording],
    inputs: Record,
    parts_so_far: PartFolder,
    pretrained: Checkpoint | None,
    policy: Checkpoint | None,
    calibration: BandCalibration | None,
    body: BodyModel,
    config: RecoveryConfig,
    device: str,
) -> Iterator[dict[str, Part]]:
    """The samples of every missing chunk, each saved before the next begins."""
    drawing = _drawing(pretrained, policy, calibration, body, config)
    drawing.model.denoiser.to(device)
    recordings = _read(head_paths, inputs)
    logger.info("recovery: bodies from %s", drawing.model.name)
    places = drawing.places(recordings)
    missing = drawing.missing(recordings, parts_so_far)
    drawn, done = drawing.draw(recordings, missing), len(places) - len(missing)
    yield {}
    for name, part in with_progress(drawn, "drawing motions", len(places), done):
        yield {name: part}


def assemble_bodies(  # noqa: PLR0913
    head_paths: dict[str, HeadRecording],
    inputs: Record,
    parts: PartFolder,
    pretrained: Checkpoint | None,
    policy: Checkpoint | None,
    calibration: BandCalibration | None,
    body: BodyModel,
    config: RecoveryConfig,
    bands: BandConfig,
    body_path: str | None,
    gender: Gender,
) -> Iterator[dict[str, Delivery]]:
    """For every recording, one body of constant shape, guided, with bands, as files with a report."""
    drawing = _drawing(pretrained, policy, calibration, body, config)
    recordings = _read(head_paths, inputs)
    skinned = load_skinned_body(body_file(body_path, gender))
    for name, recording in with_progress(recordings.items(), "assembling bodies", len(recordings)):
        places = drawing.places({name: recording})
        found = [
            parts.get(place.name, drawing.made_from(recording.stretches[place.stretch], place))
            for place in places
        ]
        if None in found:
            raise InputError(
                f"a part of '{name}' is missing or damaged; run the same command again, which draws it anew"
            )
        pieces = Pieces(recording, places, [part for part in found if part is not None])
        yield {
            name: delivery_of(
                name,
                recovered(pieces, body, matching(calibration, drawing.model), config.guidance),
                drawing,
                skinned,
                config,
                bands.guess_m,
                gender,
            )
        }


def _read(head_paths: dict[str, HeadRecording], inputs: Record) -> dict[str, HeadRecording]:
    """The recordings that this command has read."""
    for name in inputs["read"]:
        if name not in head_paths:
            raise InputError(
                f"recovery_inputs.json lists '{shown(name)}', of which there is no head path; run the whole "
                "recovery again"
            )
    return {name: head_paths[name] for name in inputs["read"]}


def _drawing(
    pretrained: Checkpoint | None,
    policy: Checkpoint | None,
    calibration: BandCalibration | None,
    body: BodyModel,
    config: RecoveryConfig,
) -> Drawing:
    model = chosen_model(config.checkpoint, pretrained, policy, body)
    bands = matching(calibration, model)
    samples = config.samples or (SAMPLES if bands is None else bands.samples)
    return Drawing(model, samples, config.seed, config.chunk_s)
