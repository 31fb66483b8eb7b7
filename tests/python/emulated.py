"""What tests need of an emulator besides its public face."""

from typing import Any

from cometpresence.emulator import Emulator


def requests(emulator: Emulator) -> list[Any]:
    """What was asked over HTTP."""
    return [entry for entry in emulator.journal if (entry["kind"], entry["dir"]) == ("rest", "in")]
