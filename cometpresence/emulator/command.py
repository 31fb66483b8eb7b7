"""`cometpresence emulator`: the emulator in the foreground, for clients in other processes."""

from collections.abc import Callable

import click

from .coverage_page import coverage
from .emulator import Emulator
from .errand import execute
from .foreground import run
from .openapi import openapi
from .options import emulator_options
from .replay_command import replay
from .scenario_command import scenario
from .state_commands import export_file, import_file


@click.group(invoke_without_command=True)
@emulator_options
@click.option(
    "--with-parent", is_flag=True, help="End when the process that started this ends, however."
)
def emulator(make: Callable[[], Emulator], with_parent: bool) -> None:
    """Run a local CometChat until SIGINT, SIGTERM or SIGHUP.

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
emulator.add_command(replay)
emulator.add_command(scenario)
