"""Admin calls about users: seen, changed as a whole or not at all, and deleted; and reset."""

from collections.abc import Iterator
from typing import Any

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


def test_a_user_is_changed_as_the_body_says(emulator: Emulator, client: Client) -> None:
    wanted = {"name": "Tony", "role": "boss", "tags": ["vip"], "friends": ["SUPERHERO4"]}
    changed = client.admin("PUT", "/users/superhero1", json=wanted).data
    assert changed | wanted == changed | {"friends": ["SUPERHERO4"]}
    assert client.admin("GET", "/users/superhero1").data == changed
    me = client.call("GET", "/me").data
    assert (me["name"], me["role"]) == ("Tony", "boss")
    assert client.users(per_page=10, friendsOnly=1).uids == ["superhero4"]
    emulator.wait_for(lambda entry: entry.get("event") == "user_changed")


def test_friends_are_shown_and_taken_away_whoever_declared_them(client: Client) -> None:
    assert client.admin("GET", "/users/superhero3").data["friends"] == ["superhero1"]
    changed = client.admin("PUT", "/users/superhero3", json={"friends": []}).data
    assert changed["friends"] == []
    assert client.users(per_page=10, friendsOnly=1).uids == ["superhero2"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"uid": "other"}, "ERR_BAD_REQUEST"),
        ({"status": "online"}, "ERR_BAD_REQUEST"),
        ({"nickname": "x"}, "ERR_BAD_REQUEST"),
        ({"tags": "vip"}, "ERR_BAD_REQUEST"),
        ({"role": "two words"}, "ERR_BAD_REQUEST"),
        ({"friends": ["nobody"]}, "ERR_UID_NOT_FOUND"),
    ],
    ids=str,
)
def test_what_makes_no_sense_changes_nothing(
    client: Client, body: dict[str, Any], code: str
) -> None:
    before = client.admin("GET", "/users/superhero1").data
    assert client.admin("PUT", "/users/superhero1", json={"name": "Tony", **body}).code == code
    assert client.admin("GET", "/users/superhero1").data == before


def test_whoever_is_deleted_goes_offline_and_is_gone(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    with Client(emulator, "superhero2") as other:
        gone = other.connect()
        client.admin("DELETE", "/users/superhero2")
        assert gone.close_code() == 1008
        assert other.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    assert ws.moves() == [("superhero2", "online"), ("superhero2", "offline")]
    assert client.admin("GET", "/users/superhero2").status == 404
    assert client.admin("DELETE", "/users/superhero2").code == "ERR_UID_NOT_FOUND"


def test_a_reset_is_the_beginning_again(emulator: Emulator, client: Client) -> None:
    client.admin("DELETE", "/users/superhero2")
    client.admin("POST", "/faults/lose_events")
    assert client.admin("POST", "/reset").data == {}
    assert "superhero2" in emulator.uids
    assert not [entry for entry in emulator.journal if entry.get("event") == "fault_started"]
    assert client.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
