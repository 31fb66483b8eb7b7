"""Comparisons with the server on demand: one at a time, whoever asks and however impatiently."""

import contextlib
import threading
import time

import pytest
from python.conftest import MakeClient
from python.emulated import requests
from python.inbox import PATIENCE, Inbox

from cometpresence import PresenceClient, RequestTimeout, Resync, SyncState
from cometpresence.emulator import Emulator

QUIET = Resync(audit_after=None)  # no comparison but those asked for


def pages_asked(emulator: Emulator) -> int:
    return sum(entry["path"].endswith("/users") for entry in requests(emulator))


def ask_in_vain(client: PresenceClient, timeout: float) -> None:
    with pytest.raises(RequestTimeout):
        client.resync(timeout=timeout)


def test_resyncs_that_give_up_pile_no_requests_up(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(plain_emulator, resync=QUIET) as client:
        before = pages_asked(plain_emulator)
        with plain_emulator.blackhole():
            for _ in range(50):
                ask_in_vain(client, 0.01)
        client.resync(timeout=PATIENCE)
        assert pages_asked(plain_emulator) - before <= 3  # the first, one after it, and this one


def test_resyncs_do_not_hurry_a_server_that_fails(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(plain_emulator, resync=QUIET) as client:
        before = pages_asked(plain_emulator)
        with plain_emulator.server_errors(count=1_000_000):
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                ask_in_vain(client, 0.01)
        assert pages_asked(plain_emulator) - before <= 6  # no two within the floor of 0.1 s
        client.resync(timeout=PATIENCE)


def test_impatient_resyncs_starve_nobody(plain_emulator: Emulator, make_client: MakeClient) -> None:
    for i in range(30):
        plain_emulator.add_user(f"user{i}", online=True)
    synced, stop = Inbox(), threading.Event()
    resync = Resync(audit_after=None, page_size=1)  # so it takes a while
    with make_client(plain_emulator, resync=resync) as client:

        def hurry() -> None:
            while not stop.is_set():
                with contextlib.suppress(RequestTimeout):
                    client.resync(timeout=0.001)

        hasty = threading.Thread(target=hurry)
        hasty.start()
        try:
            client.on_synced(synced)
            plain_emulator.kill_tcp()
            assert client.resync(timeout=PATIENCE).online == 32
            synced.wait_for(3)
            assert client.presence.state is SyncState.SYNCED
        finally:
            stop.set()
            hasty.join()
