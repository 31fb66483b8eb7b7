"""The command ``cometpresence``; needs the extra ``cli``, and says so when that is missing."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    try:
        from .commands import cometpresence
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit(f"{error.name} is missing: pip install 'cometpresence[all]'")
    cometpresence(prog_name="cometpresence")
