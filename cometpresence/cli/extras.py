"""Commands whose parts may not be installed."""

from importlib import import_module
from typing import Any

import click

__all__ = ["import_extra"]

_OF_EMULATOR = {"aiohttp", "trustme"}


def import_extra(module: str, name: str) -> Any:
    """`name` from one of our modules; one line on what to install when it lacks its extra."""
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _OF_EMULATOR:
            raise
        raise click.ClickException(
            f"{missing} is missing: pip install 'cometpresence[emulator]'"
        ) from error
