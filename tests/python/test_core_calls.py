"""_core.Call: what is asked and not waited for, and taken when the bell rang."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ClientClosed,
    CometChatException,
    ConfigError,
    PresenceClient,
    RequestTimeout,
)
from cometpresence._core import Call
from cometpresence.emulator import Emulator


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> Iterator[PresenceClient]:
    with make_client(plain_emulator, dispatch="none") as client:
        yield client


def taken(client: PresenceClient, count: int = 1) -> list[Call[Any]]:
    """So many that are done, in their order."""
    done: list[Call[Any]] = []
    while len(done) < count:
        done += client._core.take_done()
        if len(done) < count:
            assert client.wait(PATIENCE), "nothing more is done"
            client.drain()
    return done


def test_what_was_asked_is_done_when_the_bell_rang(client: PresenceClient) -> None:
    call = client._core.start_get_user("bob", 5.0)
    [done] = taken(client)
    assert done == call
    assert hash(done) == hash(call)
    assert call.result().name == done.result().name == "Bob B"


def test_each_call_has_the_result_of_the_one_that_waits(client: PresenceClient) -> None:
    core = client._core
    calls: list[Call[Any]] = [
        core.start_get_user("bob", 5.0),
        core.start_online_user_count(5.0),
        core.start_get_users(5.0, limit=2),
        core.start_await_user("erin", True, False, 5.0),
        core.start_connect(),
    ]
    results = {call: call.result() for call in taken(client, len(calls))}
    assert results[calls[0]] == core.get_user("bob", 5.0)
    assert results[calls[1]] == core.online_user_count(5.0)
    assert results[calls[2]] == core.get_users(5.0, limit=2)
    assert results[calls[3]] == core.await_user("erin", True, False, 5.0)
    assert results[calls[4]] is None
    assert len(set(calls)) == len(calls)


def test_a_session_can_be_led_without_waiting(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, dispatch="none")
    core = client._core
    core.start_login("alice", plain_emulator.auth_key, None, 5.0)
    assert taken(client)[0].result().uid == "alice"
    core.start_await_sync(5.0)
    assert taken(client)[0].result().online == 2
    core.start_resync(5.0)
    assert taken(client)[0].result().generation == 1
    core.start_disconnect(5.0)
    assert taken(client)[0].result() is None
    core.start_logout(5.0)
    assert taken(client)[0].result() is None
    assert core.me is None


def test_what_went_wrong_is_raised_by_the_result(client: PresenceClient) -> None:
    client._core.start_get_user("nobody", 5.0)
    [done] = taken(client)
    for _ in range(2):
        with pytest.raises(CometChatException) as caught:
            done.result()
        assert caught.value.code == "ERR_UID_NOT_FOUND"


def test_what_cannot_be_asked_is_refused_at_once(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    core = client_without_server()._core
    with pytest.raises(ConfigError):
        core.start_get_users(5.0, limit=1000)
    with pytest.raises(TypeError):
        core.start_get_user("bob", 5.0, "more")  # type: ignore[call-arg]
    assert core.take_done() == []


def test_before_it_is_done_it_has_no_result(
    plain_emulator: Emulator, client: PresenceClient
) -> None:
    call = client._core.start_await_user("bob", True, False, None)
    with pytest.raises(RuntimeError, match="not done"):
        call.result()
    plain_emulator.set_online("bob")
    assert taken(client) == [call]
    assert call.result().uid == "bob"


def test_one_that_is_cancelled_is_done_soon(client: PresenceClient) -> None:
    calls = [client._core.start_await_user("bob", True, False, None) for _ in range(3)]
    for call in calls:
        client._core.cancel(call)
        client._core.cancel(call)
    assert set(taken(client, 3)) == set(calls)
    with pytest.raises(RequestTimeout):
        calls[0].result()
    client._core.cancel(calls[0])  # it is too late
    with pytest.raises(TypeError):
        client._core.cancel("calls")  # type: ignore[arg-type]


def test_the_end_of_the_client_ends_what_is_under_way_and_refuses_the_rest(
    client: PresenceClient,
) -> None:
    early = client._core.start_await_user("bob", True, False, None)
    client.close()
    late = client._core.start_online_user_count(5.0)
    assert taken(client, 2) == [early, late]
    for call in (early, late):
        with pytest.raises(ClientClosed):
            call.result()


def test_nobody_need_take_them(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = make_client(plain_emulator, dispatch="none")
    client._core.start_get_user("bob", 5.0)
    assert client.wait(PATIENCE)
    client._core.start_await_demand()
    del client
    gc.collect()


def test_calls_are_made_by_clients_only() -> None:
    with pytest.raises(TypeError):
        Call()


def test_calls_differ_from_everything_else(client: PresenceClient) -> None:
    call = client._core.start_connect()
    assert call != client._core.start_connect()
    assert call != "call"
    with pytest.raises(TypeError):
        call < call  # type: ignore[operator]  # noqa: B015


def test_a_failure_after_the_handlers_return_counts_as_one_of_the_handler(
    client: PresenceClient,
) -> None:
    errors = Inbox()
    client.on_error(errors)
    failure = ValueError("late")
    client._core.handler_failed(0, "greet-1", failure)
    assert errors.letters == [(failure, "on_user_online handler 'greet-1'")]
    assert client.stats().handler_errors == 1
    with pytest.raises(ValueError, match="no such kind"):
        client._core.handler_failed(99, "greet-1", failure)
