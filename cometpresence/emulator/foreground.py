"""An emulator in the foreground, until a signal comes."""

import json
import os
import resource
import signal
import threading
from contextlib import suppress

import click

from .emulator import Emulator


def run(running: Emulator, *, with_parent: bool = False) -> None:
    """Start it, say so, and stop it when that is wanted."""
    stopped, parent = _stop_signal(), os.getppid()
    _allow_all_descriptors()
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


def _allow_all_descriptors() -> None:
    """A socket is one, and the usual limit, 1024, is there for programs that use select()."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems have fewer than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _stop_signal() -> threading.Event:
    """Before anything is announced: whoever reads the line may signal at once."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # as nohup wants it
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
