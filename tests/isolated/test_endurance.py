"""What only shows after many times, or after a long one."""

import threading
import time
from ast import literal_eval

import pytest
from isolated.script import Script

from cometpresence.emulator import Emulator

EXITS = 50
LIVES = 200
FORKS = 40


def test_fifty_scripts_that_end_while_connected_all_end_well() -> None:
    with Emulator() as emulator:
        for _ in range(EXITS // 2):
            with (
                Script("exit_without_close", emulator, "returns") as one,
                Script("exit_without_close", emulator, "returns") as two,
            ):
                for script in (one, two):
                    assert script.line() == "connected"
                    assert script.line() == "the end"
                    began = time.monotonic()
                    assert script.end() == (0, "")
                    assert time.monotonic() - began < 2.5
        emulator.wait_for(lambda entry: "superhero1" not in emulator.online)
        sockets = [e for e in emulator.journal if e.get("event") == "socket_authenticated"]
        assert len(sockets) == EXITS


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_two_hundred_clients_leave_nothing_behind(tls: bool) -> None:
    with Emulator(tls=tls) as emulator, Script("live_and_die", emulator, str(LIVES)) as script:
        half, whole = literal_eval(script.line()), literal_eval(script.line())
        assert script.end() == (0, "")
    # A network that began while the last one ended has two of its own, and is kept for the next.
    assert whole["descriptors"] <= half["descriptors"] + 2
    assert whole["threads"] == half["threads"] == 1
    assert whole["kilobytes"] - half["kilobytes"] < 1024  # 10 KB a client


def test_sys_exit_in_a_handler_ends_neither_the_process_nor_its_good_end() -> None:
    with Emulator() as emulator, Script("exit_in_handler", emulator) as script:
        assert script.line() == "connected"
        emulator.set_online("superhero2")
        assert sorted([script.line(), script.line()]) == ["alive superhero2", "told SystemExit"]
        assert script.end() == (0, "")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_forks_in_the_middle_of_everything_harm_neither_side(tls: bool) -> None:
    with Emulator(tls=tls) as emulator, Script("fork_often", emulator, str(FORKS)) as script:
        assert script.line() == "connected"
        done = threading.Event()

        def pour() -> None:
            while not done.wait(0.001):
                emulator.set_online("superhero2")
                emulator.set_offline("superhero2")

        pouring = threading.Thread(target=pour)
        pouring.start()
        try:
            said = script.line()
        finally:
            done.set()
            pouring.join()
        assert said == "generation 1"  # nobody's connection was lost
        assert script.end() == (0, "")


def test_each_allocation_that_fails_is_a_memory_error_and_does_no_other_harm() -> None:
    pytest.importorskip("_testcapi", reason="not every Python has what lets allocations fail")
    with Emulator() as emulator:
        emulator.set_online("superhero2")
        with Script("out_of_memory", emulator) as script:
            for way in ("fields", "equal", "all", "stats", "drain"):
                assert script.line() == f"{way} True"  # some failed, and were told
            assert script.line() == "saw superhero1 superhero2"
            assert script.end() == (0, "")
