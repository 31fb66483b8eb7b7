"""The fixtures for bots' tests, and what they leave behind."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from python.inbox import Inbox

from cometpresence import (
    AppSettingsBuilder,
    AuthError,
    CometChat,
    ConfigError,
    PresenceClient,
    UserListener,
)
from cometpresence.emulator import Emulator
from cometpresence.pytest_plugin import CometConnect


def test_the_bots_client_is_synchronised(
    comet_emulator: Emulator, comet_client: PresenceClient
) -> None:
    assert comet_client.uid == "bot"
    assert comet_client.presence.state.name == "SYNCED"
    told = Inbox()
    comet_client.on_presence(told)
    comet_emulator.play("alice online at 0, offline at 5; bob online at 7")
    assert told.one().user.name == "Alice"
    comet_emulator.advance(7)
    assert [event.online for event in told.wait_for(3)] == [True, False, True]


def test_others_have_clients_too(comet_client: PresenceClient, comet_connect: CometConnect) -> None:
    alice = comet_connect("alice", ping_interval=3.0)
    assert comet_client.wait_for_online("alice", timeout=5)
    alice.close()
    assert comet_client.wait_for_offline("alice", timeout=5)


def test_a_client_made_from_the_environment_is_the_bots(comet_emulator: Emulator) -> None:
    with PresenceClient.from_env() as client:
        assert client.uid == "bot"
        assert comet_emulator.online == {"bot"}


def test_programs_find_the_emulator(comet_emulator: Emulator) -> None:
    program = "from cometpresence import PresenceClient as P\nwith P.from_env() as c: print(c.uid)"
    said = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=True
    )
    assert said.stdout == "bot\n"


heard_in: list[int] = []  # the turns whose listener was called


@pytest.mark.parametrize("turn", [1, 2])
def test_the_documented_face_begins_anew_in_each_test(comet_emulator: Emulator, turn: int) -> None:
    with pytest.raises(ConfigError, match="init"):
        CometChat.get_logged_in_user()
    settings = AppSettingsBuilder().subscribePresenceForAllUsers().setRegion("us").build()
    CometChat.init(comet_emulator.app_id, settings)
    here = Inbox()
    remember = UserListener(onUserOnline=lambda user: heard_in.append(turn))
    CometChat.addUserListener(f"of turn {turn}", remember)
    CometChat.addUserListener("last", UserListener(onUserOnline=here))
    CometChat.login("bot", comet_emulator.auth_key)
    comet_emulator.wait_for_client()
    heard_in.clear()
    comet_emulator.play("alice online")
    assert here.wait_until(lambda users: any(user.uid == "alice" for user in users))
    assert set(heard_in) == {turn}


def test_whoever_is_missing_is_told_how_to_be_added(comet_connect: CometConnect) -> None:
    with pytest.raises(AuthError) as refused:
        comet_connect("nobody")
    assert "comet_emulator.add_user()" in refused.value.__notes__[0]


class TestOverridden:
    @pytest.fixture
    def comet_uid(self) -> str:
        return "superhero1"

    @pytest.fixture
    def comet_emulator_options(self) -> Mapping[str, Any]:
        return {"tls": True, "users": [{"uid": "superhero1", "name": "Iron Man"}]}

    def test_the_emulator_is_made_otherwise(
        self, comet_emulator: Emulator, comet_client: PresenceClient
    ) -> None:
        assert comet_emulator.url.startswith("https:")
        assert comet_client.get_user("superhero1").name == "Iron Man"
        with PresenceClient.from_env() as client:
            assert client.uid == "superhero1"


class TestOfAScenario:
    @pytest.fixture
    def comet_emulator_options(self, tmp_path: Path) -> Mapping[str, Any]:
        file = tmp_path / "team.toml"
        file.write_text('play = "gina online at 3"\n[[users]]\nuid="bot"\n[[users]]\nuid="gina"\n')
        return {"scenario": file}

    def test_its_users_are_there_and_it_is_played(
        self, comet_emulator: Emulator, comet_client: PresenceClient
    ) -> None:
        here = Inbox()
        comet_client.on_user_online(here, uids={"gina"})
        comet_emulator.advance(3)
        assert [user.uid for user in here.wait_for(1)] == ["gina"]
        assert comet_emulator.uids == ["bot", "gina"]


# ---- in a run of its own


def run_tests(folder: Path, tests: str, **environment: str) -> str:
    """What pytest says of `tests`."""
    (folder / "test_bot.py").write_text(dedent(tests))
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return result.stdout


# Ours alone, which makes a run shorter.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "cometpresence.pytest_plugin"}


def test_the_plugin_brings_in_no_emulator_unless_it_is_used(tmp_path: Path) -> None:
    said = run_tests(
        tmp_path,
        """
        import sys

        def test_nothing_of_it(request):
            assert request.config.pluginmanager.has_plugin("cometpresence")
            brought = {"aiohttp", "trustme", "cometpresence.emulator"}
            assert not brought & set(sys.modules)
        """,
    )
    assert "1 passed" in said, said


def test_the_environment_is_as_before_after_each_test(tmp_path: Path) -> None:
    said = run_tests(
        tmp_path,
        """
        import os

        def comet():
            return {name: value for name, value in os.environ.items() if name.startswith("COMET")}

        def test_with_it(comet_emulator):
            assert comet()["COMETPRESENCE_EMULATOR"] == comet_emulator.url
            assert "COMETCHAT_AUTH_TOKEN" not in comet()

        def test_after_it():
            assert comet() == {"COMETCHAT_AUTH_TOKEN": "mine"}
        """,
        **ALONE,
        COMETCHAT_AUTH_TOKEN="mine",
    )
    assert "2 passed" in said, said


def test_a_missing_emulator_is_one_line(tmp_path: Path) -> None:
    said = run_tests(
        tmp_path,
        """
        import sys

        sys.modules["aiohttp"] = None

        def test_bot(comet_client):
            pass
        """,
        **ALONE,
    )
    assert "\naiohttp is missing: pip install 'cometpresence[emulator]'\n" in said
    assert "Traceback" not in said
