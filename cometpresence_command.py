"""The script ``cometpresence``.  Outside the package, whose import may be what Ctrl-C meets."""

import sys

__all__ = ["main"]

CTRL_C = 130  # as a shell has it


def main() -> None:
    """Run the command line of this process."""
    try:
        from cometpresence.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(CTRL_C)
