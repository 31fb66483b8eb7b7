"""`cometpresence emulator replay`: an emulator that tells what was recorded."""

import math
import threading
from collections.abc import Callable
from pathlib import Path

import click

from .emulator import Emulator
from .foreground import run
from .options import READ, emulator_options
from .recording import read_recording

_FOR_EVER = 1e9  # seconds


@click.command()
@emulator_options
@click.argument("recording", type=READ)
@click.option("--as-seen-by", metavar="UID", help="Whose session; the first otherwise.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--at-once", is_flag=True, help="As fast as can be.")
@click.option("--clients", type=click.IntRange(1), default=1, help="Wait for so many first.")
@click.option("--no-verify", is_flag=True, help="A torn or changed recording is good enough.")
def replay(
    make: Callable[..., Emulator],
    recording: Path,
    as_seen_by: str | None,
    speed: float,
    at_once: bool,
    clients: int,
    no_verify: bool,
) -> None:
    """Run a local CometChat with the users of RECORDING, and once a client is connected tell it
    what the recorded one was told; until SIGINT, SIGTERM or SIGHUP.

        cometpresence emulator --record bug.jsonl
        cometpresence emulator replay bug.jsonl --port 7000

    Prints the line of JSON that `cometpresence emulator` prints.
    """
    verify, pace = not no_verify, math.inf if at_once else speed
    try:
        read = read_recording(recording, verify=verify)
        users = read.users_when(read.begin_of(read.seen_by(as_seen_by)))
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    emulator = make(users=users)

    def tell() -> None:
        emulator.wait_for_client(count=clients, timeout=_FOR_EVER)
        emulator.replay(recording, as_seen_by=as_seen_by, speed=pace, verify=verify)

    threading.Thread(target=tell, name="replay", daemon=True).start()
    run(emulator)
