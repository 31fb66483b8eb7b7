"""`cometpresence emulator scenario`: an example of a scenario file, and what is wrong with one."""

import time
from pathlib import Path

import click

from .options import READ
from .scenario_file import read_scenario_file

EXAMPLE = Path(__file__).with_name("scenarios") / "support_desk.toml"


@click.group()
def scenario() -> None:
    """Files that say who there is, who is online when, and what goes wrong."""


@scenario.command()
def example() -> None:
    """Print one that has everything, with comments."""
    click.echo(EXAMPLE.read_text(encoding="utf-8"), nl=False)


@scenario.command()
@click.argument("file", type=READ)
def check(file: Path) -> None:
    """Say what is wrong with FILE, or what is in it."""
    try:
        found = read_scenario_file(file, now=time.time_ns() // 1000)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    parts = {
        "user": len(found.users),
        "role": len(found.roles),
        "schedule": len(found.schedules),
        "fault": len(found.faults),
    }
    counted = (f"{number} {name}{'' if number == 1 else 's'}" for name, number in parts.items())
    click.echo(f"{file} is fine: {', '.join(counted)}")
