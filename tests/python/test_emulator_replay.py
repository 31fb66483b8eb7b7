"""What a client was told is recorded, and another one is told the same again."""

import json
import math
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from click.testing import CliRunner
from python.conftest import CAST
from python.emulator_client import Client

from cometpresence import PresenceClient
from cometpresence.cli.commands import cometpresence
from cometpresence.emulator import Emulator

PATIENCE = 20.0

Told = tuple[str, str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


def watched(emulator: Emulator, steer: Callable[[], object], last: Told) -> list[Told]:
    """What a real client of alice's is told while the emulator is steered, until `last`."""
    told: list[Told] = []
    ended = threading.Event()
    client = PresenceClient(**emulator.client_args("alice"))

    def hear(user: Any) -> None:
        told.append((user.uid, str(user.status)))
        if told[-1] == last:
            ended.set()

    with closing(client):
        client.on_presence(lambda event: hear(event.user))
        client.login()
        client.wait_synced(timeout=PATIENCE)
        steer()
        assert ended.wait(PATIENCE), told
    return told


def lively_day(emulator: Emulator) -> None:
    emulator.play("bob online at 1, offline at 4; carol online at 2; erin offline at 3")
    emulator.advance(5)
    emulator.add_user("zoe", name="Zoë", online=True)
    emulator.advance(1)
    emulator.set_offline("carol")


@pytest.fixture
def recorded(path: Path) -> list[Told]:
    """What alice was told while `path` was recorded."""
    with Emulator(users=CAST, clock="manual", app_id="shop", record=path) as emulator:
        emulator.set_online("dave")  # before anybody listens
        return watched(emulator, lambda: lively_day(emulator), ("carol", "offline"))


def test_another_client_is_told_the_same_in_the_same_order(
    path: Path, recorded: list[Told]
) -> None:
    assert ("zoe", "online") in recorded
    with Emulator.from_recording(path, clock="manual") as emulator:
        assert emulator.app_id == "shop"
        assert emulator.online == {"dave", "erin"}

        def steer() -> None:
            assert emulator.advance(emulator.replay(path)) is None

        assert watched(emulator, steer, recorded[-1]) == recorded
        assert emulator.online - {"alice"} == {"dave", "zoe"}
        with Client(emulator, "dave") as dave:
            assert dave.call("GET", "/users/zoe").data["name"] == "Zoë"


@pytest.mark.parametrize("speed", [500.0, math.inf])
def test_by_a_real_clock_it_takes_its_time_or_none(
    path: Path, recorded: list[Told], speed: float
) -> None:
    with Emulator.from_recording(path) as emulator:
        lengths: list[float] = []

        def replay() -> None:
            lengths.append(emulator.replay(path, speed=speed))

        assert watched(emulator, replay, recorded[-1]) == recorded
        assert lengths == [pytest.approx(6 / speed)]


def test_frames_come_when_their_time_has_come(path: Path, recorded: list[Told]) -> None:
    with Emulator.from_recording(path, clock="manual") as emulator, Client(emulator, "alice") as a:
        socket = a.connect()
        assert emulator.replay(path, speed=2) == 3
        assert ("bob", "online") not in socket.moves()
        emulator.advance(0.5)
        assert socket.moves()[-1] == ("bob", "online")


def test_no_secret_is_recorded(path: Path) -> None:
    with Emulator(users=CAST, record=path) as emulator, Client(emulator, "alice") as alice:
        alice.connect()
        secrets = [emulator.auth_key, alice.headers["authToken"], alice.jwt]
    text = path.read_text()
    assert "socket_" not in text
    assert not any(secret in text for secret in secrets)
    assert [json.loads(line).get("event") for line in text.splitlines()].count("online") == 1


def test_whose_session_it_is_can_be_chosen(path: Path) -> None:
    with (
        Emulator(users=CAST, record=path) as emulator,
        Client(emulator, "alice") as alice,
        Client(emulator, "bob") as bob,
    ):
        alice.connect("FRIENDS")
        bob.connect()
        emulator.set_online("carol")
    for uid, seen in (("alice", []), ("bob", [("carol", "online")])):
        with Emulator.from_recording(path, as_seen_by=uid) as emulator, Client(emulator, uid) as me:
            socket = me.connect()
            emulator.replay(path, as_seen_by=uid, speed=math.inf)
            assert [move for move in socket.moves() if move[0] == "carol"] == seen
            with pytest.raises(ValueError, match="erin is not among those let in: alice, bob"):
                emulator.replay(path, as_seen_by="erin")


def test_odd_frames_and_closed_sockets_are_replayed(path: Path) -> None:
    with Emulator(users=CAST, record=path) as emulator, Client(emulator, "alice") as alice:
        socket = alice.connect()
        emulator.send_raw("no JSON")
        emulator.close_all(4321)
        assert socket.close_code() == 4321
        alice.connect().close()  # which is alice's doing
        alice.connect()  # and this one ends with the emulator
    with Emulator.from_recording(path) as emulator, Client(emulator, "alice") as alice:
        socket = alice.connect()
        emulator.replay(path, speed=math.inf)
        texts = []
        while (message := socket.receive()).type.name == "TEXT":
            texts.append(message.data)
        assert texts[-1] == "no JSON"
        assert (message.type.name, message.data) == ("CLOSE", 4321)
        events = [entry for entry in emulator.journal if entry.get("event") == "socket_closing"]
        assert [entry["code"] for entry in events] == [4321]


# ---- files that are not what they were


def cut(lines: list[bytes]) -> bytes:
    return b"".join(lines)[:-200]


def changed(lines: list[bytes]) -> bytes:
    return b"".join(lines).replace(b"Carol C", b"Carla C")


def without_one(lines: list[bytes]) -> bytes:
    return b"".join([*lines[:3], *lines[4:]])


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (cut, "is torn: there are"),
        (changed, "is not as it was recorded"),
        (without_one, "is not as it was recorded"),
    ],
)
def test_a_damaged_recording_is_played_only_if_that_is_wanted(
    path: Path, recorded: list[Told], damage: Callable[[list[bytes]], bytes], complaint: str
) -> None:
    path.write_bytes(damage(path.read_bytes().splitlines(keepends=True)))
    with pytest.raises(ValueError, match=complaint):
        Emulator.from_recording(path)
    with Emulator.from_recording(path, verify=False, clock="manual") as emulator:
        with pytest.raises(ValueError, match=complaint):
            emulator.replay(path)
        assert emulator.replay(path, verify=False) > 0
    failed = CliRunner().invoke(cometpresence, ["emulator", "replay", str(path)])
    assert (failed.exit_code, "--no-verify" in failed.stderr) == (1, True)


@pytest.mark.parametrize("text", ["", "{}\n", "dear diary\n", "[]\n", '{"recording": 99}\n'])
def test_what_is_no_recording_is_said_so(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ValueError, match=r"no recording of version 1|line 1 is no JSON object"):
        Emulator.from_recording(path, verify=False)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"at": "x", "event": "online", "uid": "bob", "timestamp": 1},
        {"at": -1, "event": "online", "uid": "bob", "timestamp": 1},
        {"at": math.nan, "event": "online", "uid": "bob", "timestamp": 1},
        {"at": 1, "event": "online", "uid": "bob"},
        {"at": 1, "event": "closing", "connection": 1, "code": "1001", "clean": True},
        {"at": 1, "event": "else"},
        {"at": 1, "direction": "out", "type": "presence", "connections": 1},
        {"at": 1, "direction": "in", "type": "close", "connections": [[]]},
        {"at": 1, "direction": "up", "type": "presence", "connections": [1]},
    ],
    ids=str,
)
def test_a_line_that_makes_no_sense_is_named(
    path: Path, recorded: list[Told], line: dict[str, Any]
) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], json.dumps(line), *lines[2:], ""]))
    with pytest.raises(ValueError, match="line 3 is none of a recording"):
        Emulator.from_recording(path, verify=False)


def test_a_recording_nobody_was_let_in_to_is_said_so(path: Path) -> None:
    with Emulator(record=path):
        pass
    with pytest.raises(ValueError, match="nobody was let in"):
        Emulator.from_recording(path)


def test_a_recording_is_never_written_over(path: Path) -> None:
    path.write_text("precious")
    emulator = Emulator(record=path)
    with pytest.raises(OSError, match="is there already"):
        emulator.start()
    assert path.read_text() == "precious"


# ---- from the command line


def test_a_command_records_and_another_replays(path: Path, recorded: list[Told]) -> None:
    again = path.with_name("again.jsonl")
    command = [sys.executable, "-m", "cometpresence", "emulator", "replay", str(path), "--at-once"]
    command += ["--clients", "2", "--app-id", "shop", "--record", str(again)]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        told: SimpleQueue[Told] = SimpleQueue()
        names = {"endpoint": about["url"], "auth_key": about["auth_key"], "region": "us"}
        with (
            closing(PresenceClient("shop", uid="alice", **names)) as client,
            closing(PresenceClient("shop", uid="erin", **names)) as second,
        ):
            client.login()
            client.wait_synced(timeout=PATIENCE)
            client.on_presence(lambda event: told.put((event.user.uid, str(event.user.status))))
            second.login()
            heard: list[Told] = []
            while ("carol", "offline") not in heard:
                heard.append(told.get(timeout=PATIENCE))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert [move for move in heard if move[0] not in ("erin", "alice")] == [
        move for move in recorded if move[0] not in ("erin", "alice")
    ]
    assert Emulator.from_recording(again).uids == [user["uid"] for user in CAST]
