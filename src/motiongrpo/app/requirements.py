"""Requirements of a run that no pipeline makes: data, a body file, a device, a package.

They are checked before the first node, so that a run of days does not fail at its second stage.
"""

from collections.abc import Callable, Set
from importlib.util import find_spec
from pathlib import Path

import torch

from motiongrpo.app.parameters import ProjectParameters
from motiongrpo.base.compilation import refuse_without_compiler
from motiongrpo.base.engine import NO_RAY
from motiongrpo.base.errors import InputError
from motiongrpo.body.body_model import find_body_file
from motiongrpo.diffusion.egoallo import find_weights
from motiongrpo.viz.viewer.server import NO_VISER

GET_DATA = {
    "amass": "register at https://amass.is.tue.mpg.de, download SMPL+H G, unpack it into one folder",
    "mocap": "download BVH or ASF/AMC files of http://mocap.cs.cmu.edu into one folder",
    "egoallo_hdf5": "make it with EgoAllo's preprocessing, or read AMASS itself with ingestion.source=amass",
    "rich": "register at https://rich.is.tue.mpg.de, download bodies and multicam2world into one folder",
}
GET_SMPLH = (
    "register at https://mano.is.tue.mpg.de, download the Extended SMPL+H model and pass --params body=FOLDER"
)
GET_TORCH = "https://pytorch.org/get-started/locally"


def missing(parameters: ProjectParameters, inputs: Set[str]) -> list[str]:
    """A sentence for each missing requirement of a run with these `inputs`, with its source."""
    checks: dict[str, Callable[[ProjectParameters], str | None]] = {
        "raw_motions": _missing_data,
        "body_model": _missing_body,
        "gender_conversion": _missing_conversion,
        "params:device": _missing_device,
        "params:compiler": _missing_compiler,
        "params:pretraining": _missing_start,
        "params:viewer": _missing_viewer,
    }
    found = [
        _missing_ray(parameters),
        *(check(parameters) for name, check in checks.items() if name in inputs),
    ]
    return [sentence for sentence in found if sentence is not None]


def _missing_ray(parameters: ProjectParameters) -> str | None:
    return NO_RAY if parameters.engine == "ray" and find_spec("ray") is None else None


def _missing_data(parameters: ProjectParameters) -> str | None:
    source, folder = parameters.ingestion.source, parameters.data_root
    if source == "synthetic" or (folder is not None and Path(folder).expanduser().is_dir()):
        return None
    what = "names no folder" if folder is None else f"'{folder}' is not a folder"
    how = GET_DATA.get(source, "docs/data.md says where it is to be had")
    return f"data_root {what}, and ingestion.source={source} needs one: {how} and pass --params data_root=DIR"


def _missing_body(parameters: ProjectParameters) -> str | None:
    """A missing body file, needed where one is named, and where betas are read from motion files."""
    if parameters.body is not None:
        try:
            find_body_file(Path(parameters.body).expanduser(), parameters.gender)
        except InputError as error:
            return f"{error}; {GET_SMPLH}"
    elif (betas := _betas(parameters)) != "zero":
        source = parameters.ingestion.source
        return f"body names no file, and ingestion.{source}.betas={betas} needs that of SMPL-H: {GET_SMPLH}"
    return None


def _missing_conversion(parameters: ProjectParameters) -> str | None:
    """A missing file of maps from gendered betas to neutral ones, needed where betas are converted."""
    path = parameters.gender_conversion
    if _betas(parameters) != "converted" or (path and Path(path).expanduser().is_file()):
        return None
    what = f"'{path}' is not a file" if path else "names no file"
    return (
        f"gender_conversion {what}, and betas are to be 'converted': make it from your SMPL-H files with "
        "python -m motiongrpo.body.gender_conversion and pass --params gender_conversion=FILE"
    )


def _betas(parameters: ProjectParameters) -> str:
    """The use of betas in the files of the source of motion; `zero` for sources without any."""
    ingestion = parameters.ingestion
    return getattr(getattr(ingestion, ingestion.source), "betas", "zero")


def _missing_start(parameters: ProjectParameters) -> str | None:
    """A missing folder of EgoAllo's checkpoint, needed where pretraining starts from one."""
    folder = parameters.pretraining.egoallo
    if folder is not None:
        try:
            find_weights(Path(folder))
        except InputError as error:
            return f"{error}; its address is in the README of https://github.com/brentyi/egoallo"
    return None


def _missing_device(parameters: ProjectParameters) -> str | None:
    kind, _, index = parameters.device.partition(":")
    if kind == "cpu":
        return None
    devices = torch.cuda.device_count() if kind == "cuda" else int(torch.backends.mps.is_available())
    if int(index or 0) < devices:
        return None
    return (
        f"device '{parameters.device}' is not there: torch {torch.__version__} finds {devices} of that kind; "
        f"use a machine that has one, with the build of torch for it ({GET_TORCH}), or pass device=cpu"
    )


def _missing_compiler(parameters: ProjectParameters) -> str | None:
    if parameters.compiler is None or _missing_device(parameters) is not None:
        return None
    try:
        refuse_without_compiler(parameters.compiler, parameters.device)
    except InputError as error:
        return str(error)
    return None


def _missing_viewer(parameters: ProjectParameters) -> str | None:
    return NO_VISER if find_spec("viser") is None else None
