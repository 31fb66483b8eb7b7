"""One recorder a file: two would tell the same story twice, in each other's words."""

import fcntl
import os
from pathlib import Path

from ..errors import ConfigError

__all__ = ["Claim"]


_held: set[int] = set()  # descriptors


class Claim:
    """The right to write a history, held until release() or the end of the process.

    It is a lock on a file beside it: to open and close the history itself once more would end the
    locks that SQLite has on it.
    """

    def __init__(self, history: Path) -> None:
        if not history.name:
            raise ConfigError("INVALID_PARAMETER", f"{str(history)!r} is a directory, not a file.")
        self._path = history.with_name(f"{history.name}-recorder")
        self._file = self._acquire(history)

    def release(self) -> None:
        """Let others have it.  Idempotent."""
        if self._file not in _held:
            return
        self._path.unlink(missing_ok=True)  # while it is ours: who waits will look again
        _held.discard(self._file)
        os.close(self._file)

    def _acquire(self, history: Path) -> int:
        while True:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still(file):
                    _held.add(file)
                    return file
            except BlockingIOError:
                os.close(file)
                raise ConfigError(
                    "INVALID_PARAMETER",
                    f"{history} is being recorded already; use a file for each recorder.",
                ) from None
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                "INVALID_PARAMETER",
                f"{self._path} cannot be made, which keeps other recorders away: {error.strerror}.",
            ) from error

    def _is_still(self, file: int) -> bool:
        """Whether the file we locked is the one others will find."""
        try:
            return os.path.samestat(os.fstat(file), os.stat(self._path))
        except FileNotFoundError:
            return False


def _let_go_in_child() -> None:
    """A forked child would keep the lock beyond the end of its parent."""
    for file in _held:
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
