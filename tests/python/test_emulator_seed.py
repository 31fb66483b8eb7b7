"""A seed: the same calls, by a manual clock, are the same story to the last letter."""

import socket
from typing import Any

from python.conftest import CAST
from python.emulator_client import Client

from cometpresence.emulator import Emulator


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def story(seed: int | None, port: int) -> tuple[list[Any], list[str]]:
    """What the journal says of a day on an emulator, and the secrets of it."""
    with Emulator(users=CAST, clock="manual", seed=seed, port=port) as emulator:
        secrets = [emulator.auth_key, emulator.rest_api_key, emulator.auth_token("bob")]
        with Client(emulator, "alice") as alice:
            alice.connect()
            with emulator.moving_pages(users=2):
                assert alice.users(per_page=2).status == 200
                assert alice.users(per_page=2, page=2).status == 200
            emulator.play("carol online at 1, offline at 2.5")
            emulator.advance(3)
            alice.call("DELETE", "/me")
            secrets += [alice.headers["authToken"], alice.jwt]
        emulator.wait_for(lambda entry: entry.get("event") == "socket_closed")
    return [without_dice_of_the_client(entry) for entry in emulator.journal], secrets


def without_dice_of_the_client(entry: Any) -> Any:
    headers = entry.get("headers", {})
    kept = {name: text for name, text in headers.items() if name != "Sec-WebSocket-Key"}
    return {**entry, "headers": kept}


def test_runs_with_one_seed_are_alike() -> None:
    port = free_port()
    first, second, other = story(7, port), story(7, port), story(9, port)
    assert first == second
    assert first[0] != other[0]  # other users moved
    assert not set(first[1]) & set(other[1])


def test_without_a_seed_no_secret_comes_twice() -> None:
    port = free_port()
    first, second = story(None, port), story(None, port)
    assert first[0] == second[0]  # no secret is in the journal, and the dice are not secret
    assert not set(first[1]) & set(second[1])


def test_who_steers_is_never_guessed() -> None:
    assert Emulator(seed=1).admin_token != Emulator(seed=1).admin_token


def test_the_oldest_of_a_hundred_jwts_of_a_token_ends() -> None:
    with Emulator(users=CAST) as emulator, Client(emulator, "alice") as alice:
        jwts = [alice.jwt, *(alice.call("GET", "/me").data["jwt"] for _ in range(100))]
        answers = [
            alice.call("POST", "/v1/ping", headers={"Authorization": f"Bearer {jwt}"}, json={})
            for jwt in jwts[:2]
        ]
        assert [answer.status for answer in answers] == [401, 200]
