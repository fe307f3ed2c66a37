"""The locks of a run: only one command at a time writes the results of a stage."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import sweep

PATIENCE_S = 1.0  # for a command that is just ending, or has not written its process id yet


class RunLock:
    """The operating system's locks on `<data>/.<run>.<stage>.lock`, files that name their owner's process.

    A stage is a pipeline by name: checkpoints can be evaluated while their training is running, but two
    ingestions cannot run together. The kernel releases a lock when its process ends in any way, so a file
    left behind locks nothing.
    """

    def __init__(self, data: Path, run: str, stages: Iterable[str]) -> None:
        self.data, self.run = data, run
        self.paths = {stage: data / f".{run}.{stage}.lock" for stage in sorted(stages)}
        self._held = ExitStack()

    def acquire(self) -> None:
        """Take the locks, and delete what killed writers left; InputError where another process has one."""
        if self.data.exists() and not self.data.is_dir():
            raise InputError(f"'{self.data}' is not a directory; name one with --params data=DIR")
        self.data.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            for stage, path in self.paths.items():
                lock = FileLock(path, timeout=PATIENCE_S, thread_local=False, fallback_to_soft=False)
                try:
                    lock.acquire()
                except Timeout as error:
                    raise InputError(
                        f"{stage} of run '{self.run}' in '{self.data}' is being written by process "
                        f"{_owner(path)}; wait until it ends, or name another run with --params run=NAME"
                    ) from error
                held.callback(_release, lock, path)
                path.write_text(f"{os.getpid()}\n", encoding="utf-8")
            self._held = held.pop_all()
        for folder in self.data.glob(f"*/{self.run}"):
            sweep(folder)

    def release(self) -> None:
        """Release the locks and delete their files."""
        self._held.close()


def _release(lock: FileLock, path: Path) -> None:
    """Delete the file before releasing its lock, so that a waiting process sees that it is gone."""
    path.unlink(missing_ok=True)
    lock.release()


def _owner(path: Path) -> str:
    number = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return number or "of an unknown number"
