"""Files replaced as a whole: after a crash a file is the old one or the new one, never a part."""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path


PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to disk and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    temporary.touch(exist_ok=False)
    mode = temporary.stat().st_mode  # of any new file; safetensors lets nobody else read what it writes
    try:
        write(temporary)
        temporary.chmod(mode)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, all or nothing."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def sweep(folder: Path) -> None:
    """Delete the temporary files of killed writers below a folder; for one who alone writes there."""
    for path in folder.rglob(".*.partial"):
        if PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
