"""The lock of a run: while one command writes into a run's folders, no other does."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from motiongrpo.base.errors import InputError
from motiongrpo.base.files import sweep

PATIENCE_S = 1.0  # for a command that is just ending, or has not yet said who it is


class RunLock:
    """The operating system's lock on `<data>/.<run>.lock`, a file that names its owner's process.

    The kernel releases it when its process ends, however it ends: a file left behind locks nothing.
    """

    def __init__(self, data: Path, run: str) -> None:
        self.data, self.run = data, run
        self.path = data / f".{run}.lock"
        self._lock = FileLock(self.path, timeout=PATIENCE_S, thread_local=False, fallback_to_soft=False)

    def acquire(self) -> None:
        """Take the lock and sweep what killed writers left; InputError where another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise InputError(
                f"run '{self.run}' in '{self.data}' is being written by process {self._owner()}; wait until "
                "it ends, or name another run with --params run=NAME"
            ) from error
        self.path.write_text(f"{os.getpid()}\n", encoding="utf-8")
        for folder in self.data.glob(f"*/{self.run}"):
            sweep(folder)

    def release(self) -> None:
        """Delete the file and let others write; one who has opened it already sees that it is gone."""
        if self._lock.is_locked:
            self.path.unlink(missing_ok=True)
            self._lock.release()

    def _owner(self) -> str:
        number = self.path.read_text(encoding="utf-8").strip() if self.path.is_file() else ""
        return number or "of an unknown number"
