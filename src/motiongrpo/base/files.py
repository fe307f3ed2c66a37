"""Files replaced as a whole: after a crash a file is the old one or the new one, never a part."""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from motiongrpo.base.errors import InputError

PARTIAL = re.compile(r"\..+\.(\d+)\.[0-9a-f]{8}\.partial")  # its writer's process id


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add `path` to every failure to write, since errors of open files and of safetensors lack it."""
    try:
        yield
    except SafetensorError as error:
        raise InputError(
            f"'{path}' cannot be written ({error}); mend that, or name another place for runs with --params "
            "data=DIR"
        ) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a temporary file beside `path`, flush it to disk and rename it into place."""
    with naming(path):
        _replace(path, write)


def replace_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, all or nothing."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def sweep(folder: Path) -> None:
    """Delete temporary files and folders, below a folder, whose writers have died."""
    for path in list(folder.rglob(".*.partial")):
        found = PARTIAL.fullmatch(path.name)
        if found is None or _is_alive(int(found[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _partial(path: Path) -> Path:
    """A unique temporary name beside `path` that contains its writer's process id."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.partial")


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _partial(path)
    temporary.touch(exist_ok=False)
    mode = temporary.stat().st_mode  # of any new file; safetensors makes files private
    try:
        write(temporary)
        temporary.chmod(mode)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def replace_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a temporary folder beside `path`, then replace the old one by it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _partial(path)
    temporary.mkdir()
    try:
        write(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
