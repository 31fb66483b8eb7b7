"""The bot's own tests, as its author would write them: nothing is set up."""

import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue

import pytest
from greeter import greet_support

from cometpresence import PresenceClient
from cometpresence.emulator import Emulator
from cometpresence.pytest_plugin import CometConnect


@pytest.fixture
def said(comet_client: PresenceClient) -> "SimpleQueue[str]":
    """What the bot says."""
    said: SimpleQueue[str] = SimpleQueue()
    greet_support(comet_client, said.put)
    return said


def test_only_the_support_team_is_greeted(
    comet_emulator: Emulator, said: "SimpleQueue[str]"
) -> None:
    comet_emulator.play("alice online at 0; carol online at 3, offline at 1.5m")
    comet_emulator.advance(90)
    assert said.get(timeout=5) == "hello Carol"
    assert said.get(timeout=5) == "bye Carol, last seen 2023-11-14 22:14:50+00:00"
    assert said.empty()


def test_somebody_with_an_app_of_their_own_is_greeted(
    comet_connect: CometConnect, said: "SimpleQueue[str]"
) -> None:
    dave = comet_connect("dave")
    assert said.get(timeout=5) == "hello Dave"
    dave.close()
    assert said.get(timeout=5).startswith("bye Dave")


def test_who_came_while_the_connection_was_down_is_greeted(
    comet_emulator: Emulator, said: "SimpleQueue[str]"
) -> None:
    with comet_emulator.refuse_connections():
        comet_emulator.kill_tcp()
        comet_emulator.set_online("carol")
    assert said.get(timeout=10) == "hello Carol"


def test_the_program_itself_finds_the_emulator(comet_emulator: Emulator) -> None:
    program = Path(__file__).with_name("greeter.py")
    with subprocess.Popen([sys.executable, program], text=True, stdout=subprocess.PIPE) as bot:
        assert bot.stdout
        assert bot.stdout.readline() == "watching\n"
        comet_emulator.set_online("carol")
        assert bot.stdout.readline() == "hello Carol\n"
        bot.terminate()
