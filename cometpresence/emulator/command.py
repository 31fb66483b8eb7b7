"""`cometpresence emulator`: the emulator in the foreground, for clients in other processes."""

import json
import os
import signal
import threading
from collections.abc import Callable

import click

from .coverage_page import coverage
from .emulator import Emulator
from .errand import execute
from .openapi import openapi
from .options import emulator_options
from .scenario_command import scenario
from .state_commands import export_file, import_file


@click.group(invoke_without_command=True)
@emulator_options
@click.option(
    "--with-parent", is_flag=True, help="End when the process that started this ends, however."
)
def emulator(make: Callable[[], Emulator], with_parent: bool) -> None:
    """Run a local CometChat until SIGINT or SIGTERM.

    Prints one line of JSON when it accepts connections: url, app_id, region, auth_key,
    rest_api_key, admin_url, admin_token, control_link (open it in a browser) and ca_file.
    """
    if click.get_current_context().invoked_subcommand is None:
        run(make(), with_parent=with_parent)


emulator.add_command(coverage)
emulator.add_command(execute)
emulator.add_command(export_file)
emulator.add_command(import_file)
emulator.add_command(openapi)
emulator.add_command(scenario)


def run(running: Emulator, *, with_parent: bool = False) -> None:
    """Start it, say so, and stop it when that is wanted."""
    stopped, parent = _stop_signal(), os.getppid()
    try:
        running.start()
    except Exception as error:
        raise click.ClickException(str(error)) from error
    try:
        click.echo(json.dumps(_announcement(running)))
        # A signal that comes just before the sleep interrupts none, so there are many.
        while not stopped.wait(0.1):
            if with_parent and os.getppid() != parent:
                break
    finally:
        running.stop()


def _stop_signal() -> threading.Event:
    """Before anything is announced: whoever reads the line may signal at once."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _announcement(running: Emulator) -> dict[str, str | None]:
    return {
        "url": running.url,
        "app_id": running.app_id,
        "region": running.region,
        "auth_key": running.auth_key,
        "admin_url": running.admin_url,
        "rest_api_key": running.rest_api_key,
        "admin_token": running.admin_token,
        "control_link": running.control_link(),
        "ca_file": running.ca_file,
    }
