"""The manual clock, moved by whoever steers the emulator from another process."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator

START = 1_700_000_000.0


def test_an_admin_moves_the_clock_and_what_is_due_happens_on_the_way() -> None:
    with Emulator(clock="manual") as emulator, Client(emulator) as client:
        emulator.play("superhero2 online at 10, offline at 20.5")
        socket = client.connect()
        assert client.admin("GET", "/clock").data == {"clock": "manual", "now": START}
        moved = client.admin("POST", "/clock", json={"advance": 30.25})
        assert moved.data == {"clock": "manual", "now": START + 30.25}
        frames = socket.until_pong()
        told = [(frame["body"]["action"], frame["body"]["timestamp"]) for frame in frames]
        assert told == [("online", START + 10), ("offline", int(START + 20.5))]


@pytest.mark.parametrize("advance", [None, "5", True, -1, 1e30, 10**400, []], ids=str)
def test_a_clock_is_moved_forwards_by_seconds(advance: object) -> None:
    with Emulator(clock="manual") as emulator, Client(emulator, login=False) as client:
        refused = client.admin("POST", "/clock", json={"advance": advance})
        assert (refused.status, refused.code) == (400, "ERR_BAD_REQUEST")
        assert client.admin("GET", "/clock").data["now"] == START


def test_the_machines_clock_is_not_moved() -> None:
    with Emulator() as emulator, Client(emulator, login=False) as client:
        assert client.admin("GET", "/clock").data["clock"] == "real"
        refused = client.admin("POST", "/clock", json={"advance": 5})
        assert (refused.status, refused.code) == (400, "ERR_BAD_REQUEST")


def test_the_command_line_makes_a_manual_one(tmp_path: Path) -> None:
    desk = tmp_path / "desk.toml"
    desk.write_text(
        """
start = 2026-03-02T08:00:00
users = [{ uid = "ann" }]
schedules = [{ users = "ann", hours = "9-17" }]
"""
    )
    options = ["emulator", "--clock", "manual", "--scenario", str(desk)]
    command = [sys.executable, "-m", "cometpresence", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())

        def admin(path: str, body: object = None) -> Any:
            data = None if body is None else json.dumps(body).encode()
            token = {"Authorization": f"Bearer {said['admin_token']}"}
            with urlopen(Request(said["admin_url"] + path, data, token), timeout=50) as answer:
                return json.load(answer)["data"]

        assert admin("/users/ann")["status"] == "offline"
        admin("/clock", {"advance": 3600})
        assert admin("/users/ann")["status"] == "online"
        admin("/clock", {"advance": 8 * 3600})
        assert admin("/users/ann")["status"] == "offline"
        process.send_signal(signal.SIGTERM)
        assert process.wait(50) == 0
