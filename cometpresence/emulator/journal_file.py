"""The journal on disk: a line of JSON for each entry."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_logger = logging.getLogger(__name__)

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT


class JournalFile:
    """Each run of the emulator adds to it; its owner alone may read it.

    Opened for every line, so it may be moved away at any time.  What is written is the kernel's,
    so that it outlives the emulator, however that ends.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()
        self._is_broken = False
        self._append(b"" if self._ends_well() else b"\n")

    def write(self, entry: Mapping[str, Any]) -> None:
        """A full disk does not end the emulator; it is told of once."""
        if self._is_broken:
            return
        try:
            # In ASCII, because U+2028 ends a line for some readers.
            self._append(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            self._is_broken = True
            _logger.error("the journal %s ends here: %s", self._path, error)

    def _ends_well(self) -> bool:
        """A run that was killed, or whose disk was full, may have left half a line."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 1))
                return file.read(1) in (b"", b"\n")
        except FileNotFoundError:
            return True

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, _FLAGS, 0o600)
        try:
            while line:
                line = line[os.write(descriptor, line) :]
        finally:
            os.close(descriptor)
