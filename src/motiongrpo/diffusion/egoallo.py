"""EgoAllo's checkpoints, in and out (arXiv:2410.03665; its release is one of 222 tensors, float32).

The layout is the one its training script leaves behind:

    <folder>/model_config.yaml
    <folder>/checkpoints_<step>/model.safetensors

Weights load as they are, since parameter names and meanings are the same. Files are not trusted: names,
shapes, types and values are checked before a tensor is returned, and each fault is reported in one sentence.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from motiongrpo.base.checkpoint import StateDict
from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_file
from motiongrpo.base.network import layout_of, refuse, refuse_other_layout, shapes_of
from motiongrpo.diffusion.architecture import DenoiserConfig
from motiongrpo.diffusion.attention import rotary_frequencies
from motiongrpo.diffusion.denoiser import Denoiser
from motiongrpo.diffusion.egoallo_config import read_config, write_config

WEIGHTS, CONFIG = "model.safetensors", "model_config.yaml"
PREFIXES = ("module.", "_orig_mod.")  # of a training on several GPUs, of a compiled network
FREQUENCY_TOLERANCE = 1e-6
FLOAT32 = "F32"  # as safetensors calls it


@dataclass(frozen=True)
class EgoAlloModel:
    """A denoiser as EgoAllo keeps it."""

    config: DenoiserConfig
    tensors: StateDict


def read_egoallo(folder: Path, mask_self_attention: bool) -> EgoAlloModel:
    """The denoiser of a checkpoint folder, or of an experiment folder that holds one checkpoint.

    `mask_self_attention` is no field of EgoAllo, which never masks: false repeats it on padded batches;
    without padding both are the same.
    """
    weights = find_weights(folder)
    config = read_config(_config_of(weights), mask_self_attention)
    return EgoAlloModel(config, _read_weights(weights, config))


def write_egoallo(model: EgoAlloModel, folder: Path, step: int) -> Path:
    """Write a folder that EgoAllo's own loader accepts; returns the checkpoint folder to give it.

    All that EgoAllo has no field for is left out: `mask_self_attention`.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.tensors.items()}
    target = folder / f"checkpoints_{step}" / WEIGHTS
    refuse_other_layout(layout_of(Denoiser, model.config), shapes_of(tensors), f"the model for '{target}'")
    _refuse_values(tensors, f"the model for '{target}'")
    write_config(model.config, folder / CONFIG)
    replace_file(target, lambda temporary: save_file(tensors, temporary, metadata={"format": "pt"}))
    return target.parent


def find_weights(folder: Path) -> Path:
    """The weights file below a folder; raises InputError where there is none, or more than one."""
    if (folder / WEIGHTS).is_file():
        return folder / WEIGHTS
    found = sorted(folder.glob(f"checkpoints_*/{WEIGHTS}"))
    if len(found) > 1:
        names = ", ".join(f"'{path.parent.name}'" for path in found)
        raise InputError(f"'{folder}' holds several checkpoints; name the folder of one: {names}")
    if not found:
        raise InputError(f"there is no EgoAllo checkpoint in '{folder}': no '{WEIGHTS}' lies there")
    return found[0]


def _config_of(weights: Path) -> Path:
    beside, above = weights.parent / CONFIG, weights.parent.parent / CONFIG
    if beside.is_file():
        return beside
    if above.is_file():
        return above
    raise InputError(f"there is no '{CONFIG}' for '{weights}', neither beside it nor one folder above")


def _read_weights(path: Path, config: DenoiserConfig) -> StateDict:
    where = f"'{path}'"
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            names = _without_prefixes(list(slices), where)
            shapes = {names[name]: tuple(part.get_shape()) for name, part in slices.items()}
            refuse_other_layout(layout_of(Denoiser, config), shapes, where)
            other = {names[name] for name, part in slices.items() if part.get_dtype() != FLOAT32}
            refuse(other, f"{where} must hold float32 tensors, but these are not")
            tensors = {names[name]: file.get_tensor(name) for name in slices}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{where} is not a whole safetensors file ({_line(error)}); fetch it again"
        ) from error
    _refuse_values(tensors, where)
    return tensors


def _without_prefixes(names: list[str], where: str) -> dict[str, str]:
    bare = {name: _without_prefix(name) for name in names}
    if len(set(bare.values())) < len(names):
        raise InputError(f"{where} holds a tensor twice, with and without one of the prefixes {PREFIXES}")
    return bare


def _without_prefix(name: str) -> str:
    while name.startswith(PREFIXES):
        name = name.split(".", 1)[1]
    return name


def _refuse_values(tensors: StateDict, where: str) -> None:
    refuse({n for n, x in tensors.items() if x.dtype != torch.float32}, f"{where} must be float32; not so")
    refuse({n for n, x in tensors.items() if not bool(x.isfinite().all())}, f"{where} is not finite in")
    turned = {n for n, x in tensors.items() if n.endswith("rotary_emb.freqs") and not _is_rotary(x)}
    refuse(turned, f"{where} turns positions by other rates than 1/10000^(2i/features) in")


def _is_rotary(freqs: Tensor) -> bool:
    return bool((freqs - rotary_frequencies(2 * len(freqs))).abs().max() <= FREQUENCY_TOLERANCE)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
