"""Signals while the main thread sleeps in one of our calls.

One that comes between the last look for signals and the sleep interrupts nothing.  So does one
that another thread received, which happens whenever a test asks for it: Python only remembers it,
and whoever sleeps must look up by himself.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python.conftest import MakeClient

from cometpresence import PresenceClient, Resync
from cometpresence.emulator import Emulator

FOR_EVER = 60.0  # what each of them would sleep
AT_ONCE = 15.0  # on the busiest machine

WAITS: dict[str, Callable[[PresenceClient], object]] = {
    "wait": lambda client: client.wait(FOR_EVER),
    "events": lambda client: next(client.events(timeout=FOR_EVER), None),
    "wait_for": lambda client: client.wait_for(lambda event: False, timeout=FOR_EVER),
    "wait_for_online": lambda client: client.wait_for_online("bob", timeout=FOR_EVER),
    "wait_for_offline": lambda client: client.wait_for_offline("erin", timeout=FOR_EVER),
    "run_forever": lambda client: client.run_forever(),
}


class Signalled(Exception):
    """What our handler makes of the signal."""


@pytest.fixture
def signal_elsewhere() -> Iterator[Callable[[], None]]:
    """Has another thread of this process receive a signal, a moment later."""

    def raise_it(*_: Any) -> None:
        raise Signalled

    former = signal.signal(signal.SIGUSR1, raise_it)
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGUSR1,))
    yield timer.start
    timer.join()
    signal.signal(signal.SIGUSR1, former)


def seconds_until_noticed(sleep: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Signalled):
        sleep()
    return time.monotonic() - began


@pytest.mark.parametrize("dispatch", ["thread", "none"])
@pytest.mark.parametrize("where", WAITS)
def test_a_signal_that_interrupts_no_sleep_is_noticed(
    plain_emulator: Emulator,
    make_client: MakeClient,
    signal_elsewhere: Callable[[], None],
    where: str,
    dispatch: str,
) -> None:
    nothing_else = Resync(audit_after=None)
    with make_client(plain_emulator, dispatch=dispatch, resync=nothing_else) as client:
        while client.drain():
            """Nothing is left to wake anybody."""
        signal_elsewhere()
        assert seconds_until_noticed(lambda: WAITS[where](client)) < AT_ONCE


def test_one_is_noticed_while_the_server_is_silent(
    plain_emulator: Emulator, make_client: MakeClient, signal_elsewhere: Callable[[], None]
) -> None:
    client = make_client(plain_emulator, connect_timeout=FOR_EVER)
    with plain_emulator.blackhole():
        signal_elsewhere()
        assert seconds_until_noticed(client.login) < AT_ONCE
