"""``python -m cometpresence``: the command of the same name."""

from .cli import main

main()
