"""The command ``cometpresence``; needs the extra ``cli``, and says so when that is missing."""

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    try:
        from .commands import cometpresence
    except KeyboardInterrupt:
        sys.exit(130)  # no traceback of half an import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit(f"{error.name} is missing: pip install 'cometpresence[all]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are in every script, terminals are not
            stream.reconfigure(errors="replace")
    cometpresence(prog_name="cometpresence")
