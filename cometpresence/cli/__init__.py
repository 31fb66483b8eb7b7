"""The command ``cometpresence``; needs the extra ``cli``, and says so when that is missing."""

import io
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    _open_what_is_closed()
    try:
        from .commands import cometpresence
    except KeyboardInterrupt:
        sys.exit(130)  # no traceback of half an import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit(f"{error.name} is missing: pip install 'cometpresence[cli]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are in every script, terminals are not
            stream.reconfigure(errors="replace")
    try:
        cometpresence(prog_name="cometpresence")
    except OSError as error:  # such as a full disk behind the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where the rest may go
        sys.exit(f"Error: {error.strerror or error}; see where the output goes.")


def _open_what_is_closed() -> None:
    """After ``>&-`` the first file opened would be the output, were it a recording."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for as long as the process)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
