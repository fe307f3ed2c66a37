"""EgoAllo's `model_config.yaml`: a Python object's dump, read without making any object.

The file is composed into a tree of nodes and never constructed, so no tag in it can run anything. One tag is
known, that of EgoAllo's configuration class, and it is read as a plain mapping of plain scalars.
"""

import warnings
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from motiongrpo.base.config import nearest
from motiongrpo.base.errors import InputError
from motiongrpo.base.files import replace_text
from motiongrpo.diffusion.architecture import ConditionConfig, DenoiserConfig
from motiongrpo.diffusion.schedule import LEVELS

TAG = "tag:yaml.org,2002:python/object:egoallo.network.EgoDenoiserConfig"
WRITTEN_TAG = "!!python/object:egoallo.network.EgoDenoiserConfig"
MAPPING = "tag:yaml.org,2002:map"
SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")}
LARGEST = 2**16  # bytes; the released file has a few hundred
DERIVED = "d_cond"  # a cached property that a dump may hold

DEFAULTS: dict[str, Any] = {
    "max_t": LEVELS,
    "fourier_enc_freqs": 3,
    "d_latent": 512,
    "d_feedforward": 2048,
    "d_noise_emb": 1024,
    "num_heads": 4,
    "encoder_layers": 6,
    "decoder_layers": 6,
    "dropout_p": 0.0,
    "activation": "gelu",
    "positional_encoding": "rope",
    "noise_conditioning": "token",
    "xattn_mode": "kv_from_cond_q_from_x",
    "include_canonicalized_cpf_rotation_in_cond": True,
    "include_hands": True,
    "cond_param": "ours",
    "include_hand_positions_cond": False,
}
"""EgoAllo's 17 fields: a dump of another version may lack some, which then have these values."""


def read_config(path: Path, mask_self_attention: bool) -> DenoiserConfig:
    """The architecture that a file describes; fields it does not know are named in a warning."""
    fields = scalar_fields(path)
    for name in fields.keys() - DEFAULTS.keys() - {DERIVED}:
        hint = nearest(name[:100], list(DEFAULTS))
        warnings.warn(f"'{path}': {name[:100]!r} is not known and was not read; {hint}", stacklevel=2)
    values = {name: fields.get(name, default) for name, default in DEFAULTS.items()}
    if str(values.pop("max_t")) != str(LEVELS):
        raise InputError(f"'{path}': max_t must be {LEVELS}, the levels of the noise schedule")
    condition = {name: values.pop(name) for name in ConditionConfig.model_fields}
    values |= {"condition": condition, "mask_self_attention": mask_self_attention}
    try:
        return DenoiserConfig.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"][-1:])) or "its fields"
        message = fault["msg"].removeprefix("Value error, ")
        raise InputError(f"'{path}': {where}: {message[0].lower()}{message[1:]}") from error


def write_config(config: DenoiserConfig, path: Path) -> None:
    """All of EgoAllo's fields under its tag, as its own dump has them."""
    known = config.model_dump(exclude={"mask_self_attention", "condition"}) | config.condition.model_dump()
    fields = yaml.safe_dump({name: ({"max_t": LEVELS} | known)[name] for name in sorted(DEFAULTS)})
    replace_text(path, f"{WRITTEN_TAG}\n{fields}")


def scalar_fields(path: Path) -> dict[str, str]:
    """The text of every field; anything but a mapping of plain scalars is refused."""
    root = _composed(path)
    if not isinstance(root, yaml.MappingNode) or root.tag not in (TAG, MAPPING):
        raise InputError(f"'{path}' must be a mapping, or EgoAllo's configuration object, got {_tag(root)}")
    for key, value in root.value:
        for node in (key, value):
            if not isinstance(node, yaml.ScalarNode) or node.tag not in SCALARS:
                line = node.start_mark.line + 1
                raise InputError(f"'{path}', line {line}: only plain values are read, got {_tag(node)}")
    return {key.value: value.value for key, value in root.value}


def _composed(path: Path) -> yaml.Node | None:
    if path.stat().st_size > LARGEST:
        raise InputError(f"'{path}' has {path.stat().st_size} bytes, too many for a model configuration")
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "nested too deeply"
        raise InputError(
            f"'{path}' is not readable as YAML: {' '.join(str(problem).split())[:200]}"
        ) from error


def _tag(node: yaml.Node | None) -> str:
    return "nothing" if node is None else repr(node.tag.replace("tag:yaml.org,2002:", "!!")[:100])
