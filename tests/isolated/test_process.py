"""What a client owes the process it lives in.  Each case is a script of its own in scripts/, run
with the arguments for a client; it must say what is expected, and end in time."""

import time
from collections.abc import Iterator

import pytest
from isolated.script import Script

from cometpresence.emulator import Emulator


@pytest.fixture(params=["plain", "tls"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(tls=request.param == "tls") as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("how", "code"), [("returns", 0), ("raises", 1), ("sys.exit", 7), ("asleep", 0)]
)
def test_a_script_that_does_not_close_ends_within_two_seconds(
    emulator: Emulator, how: str, code: int
) -> None:
    with Script("exit_without_close", emulator, how) as script:
        assert script.line() == "connected"
        if how == "asleep":
            emulator.set_online("superhero2")
            assert script.line() == "asleep"
        assert script.line() == "the end"
        began = time.monotonic()
        exit_code, err = script.end()
        assert time.monotonic() - began < 2.5  # two for the client, the rest for the interpreter
    assert exit_code == code, err
    assert ("ZeroDivisionError" in err) is (how == "raises")
    ended = emulator.wait_for(lambda entry: entry.get("event") == "socket_closed")
    assert (ended["by"], ended["code"]) == ("client", 1000)  # it said farewell


@pytest.mark.parametrize(("how", "code", "closed"), [("exits", 0, 1000), ("dies", -15, 1006)])
def test_sigterm_is_a_farewell_only_if_it_ends_python_as_an_exit_does(
    emulator: Emulator, how: str, code: int, closed: int
) -> None:
    with Script("terminated", emulator, how) as script:
        assert script.line() == "connected"
        script.terminate()
        assert script.end() == (code, "")
    ended = emulator.wait_for(lambda entry: entry.get("event") == "socket_closed")
    assert ended["code"] == closed


def test_a_forked_child_is_told_so_and_can_make_a_client_of_its_own(emulator: Emulator) -> None:
    with Script("fork", emulator) as script:
        said = script.line().split(" ")
        assert said[:2] == ["ClientClosed", "from"]
        assert len(said) == 2 + 9
        assert script.line() == "closed the old one without a word"
        assert script.line() == "COMETCHAT_INITIALIZATION_NOT_DONE"
        assert script.line() == "listening"
        emulator.set_online("superhero2")
        assert script.line() == "child saw superhero2"
        assert script.line() == "child ended with 0"
        emulator.set_online("superhero3")
        assert script.line() == "parent saw superhero3"
        assert script.end() == (0, "")
    opened = [entry for entry in emulator.journal if entry.get("event") == "socket_opened"]
    assert len(opened) == 3  # the parent's two, and the child's: nobody reconnected


def test_a_child_that_python_knows_nothing_of_is_told_so_too(emulator: Emulator) -> None:
    with Script("fork_by_c", emulator) as script:
        assert script.line() == "child ended with 7"
        assert script.line() == "parent knows True"
        assert script.end() == (0, "")


def test_the_sockets_of_the_parent_are_not_the_childs_to_keep(emulator: Emulator) -> None:
    with Script("fork_outlives", emulator) as script:
        assert script.line() == "child lives"
        emulator.wait_for(lambda entry: "superhero1" not in emulator.online)
        script.go_on()
        assert script.line() == "child ends"


def test_children_that_run_something_else_do_not_disturb(emulator: Emulator) -> None:
    with Script("subprocesses", emulator) as script:
        assert script.line() == "still connected, generation 1"
        assert script.end() == (0, "")


def test_signals_are_left_to_the_threads_of_python(emulator: Emulator) -> None:
    """A system call that one of ours interrupts would not wake the main thread."""
    with Script("signals", emulator) as script:
        assert script.line() == "1 of ours"
        assert script.line() == "that take signals: []"
        assert script.end() == (0, "")


@pytest.mark.parametrize("where", ["login", "wait_synced", "get_user"])
def test_ctrl_c_ends_what_waits_for_the_server(emulator: Emulator, where: str) -> None:
    with Script("ctrl_c", emulator, where) as script:
        assert script.line() == "ready"
        with emulator.blackhole():
            script.go_on()
            assert script.line() == "waiting"
            began = time.monotonic()
            script.interrupt()
            assert script.line() == "interrupted"
            assert time.monotonic() - began < 1
        assert script.end() == (0, "")


@pytest.mark.parametrize(
    ("where", "outcome"),
    [
        ("wait", "interrupted"),
        ("wait_for_online", "interrupted"),
        ("wait_for", "interrupted"),
        ("run_forever", "returned"),
    ],
)
def test_ctrl_c_ends_what_waits_for_events(emulator: Emulator, where: str, outcome: str) -> None:
    assert ended_by_ctrl_c(emulator, where, outcome) < 1


def test_ctrl_c_ends_a_stream_at_once(emulator: Emulator) -> None:
    """The best of three: the machine may be busy."""
    assert min(ended_by_ctrl_c(emulator, "events", "interrupted") for _ in range(3)) < 0.2


def ended_by_ctrl_c(emulator: Emulator, where: str, outcome: str) -> float:
    """After how many seconds."""
    with Script("ctrl_c", emulator, where) as script:
        assert script.line() == "ready"
        script.go_on()
        assert script.line() == "waiting"
        emulator.wait_for_client()
        began = time.monotonic()
        script.interrupt()
        assert script.line() == outcome
        took = time.monotonic() - began
        assert script.end() == (0, "")
        return took


@pytest.mark.parametrize("where", ["events", "run_forever"])
def test_ctrl_c_ends_a_client_on_asyncio(emulator: Emulator, where: str) -> None:
    with Script("on_a_loop", emulator, where) as script:
        assert script.line() == "waiting"
        script.interrupt()
        assert script.line() == "interrupted"
        assert script.end() == (0, "")
    emulator.wait_for(lambda entry: "superhero1" not in emulator.online)


@pytest.mark.parametrize("how", ["forgotten", "kept"])
def test_a_client_on_asyncio_that_nobody_closed_holds_nothing_up_and_says_so(
    emulator: Emulator, how: str
) -> None:
    with Script("on_a_loop", emulator, how) as script:
        assert script.line() == "waiting"
        emulator.set_online("superhero2")
        code, complaints = script.end()
        assert code == 0
        assert "Traceback" not in complaints
        assert complaints.count("ResourceWarning: unclosed <AsyncPresenceClient") == 1
        assert "use async with, or aclose()" in complaints


def test_ctrl_c_inside_a_handler_on_the_main_thread_ends_the_drain(emulator: Emulator) -> None:
    with Script("ctrl_c", emulator, "handler") as script:
        assert script.line() == "ready"
        script.go_on()
        assert script.line() == "waiting"
        emulator.set_online("superhero2")
        assert script.line() == "in the handler"
        script.interrupt()
        assert script.line() == "interrupted"
        assert script.end() == (0, "")


@pytest.mark.parametrize("state", ["unused", "connected"])
def test_a_cycle_of_client_and_listener_is_collected(emulator: Emulator, state: str) -> None:
    with Script("collected", emulator, state) as script:
        assert script.line() == "made"
        if state == "connected":
            emulator.wait_for_client()
        script.go_on()
        assert script.line() == "collected"
        emulator.wait_for(lambda entry: "superhero1" not in emulator.online)
        script.go_on()
        code, complaints = script.end()
        assert code == 0
        assert ("unclosed <PresenceClient" in complaints) is (state == "connected")


def test_a_live_session_brings_in_no_protocol_of_pythons(emulator: Emulator) -> None:
    with Script("imports", emulator) as script:
        assert script.line() == "listening"
        emulator.set_online("superhero2")
        assert script.line() == "saw superhero2"
        assert script.line() == "brought in: []"
        assert script.end() == (0, "")
