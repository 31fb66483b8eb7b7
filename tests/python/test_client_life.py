"""A client's connection and its end."""

import asyncio
import copy
import pickle
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    AsyncPresenceClient,
    AuthError,
    ClientClosed,
    CometChatException,
    ConnectionListener,
    ConnectionStatus,
    Disconnect,
    LoginListener,
    Origin,
    OutOfSync,
    PresenceClient,
    Reconnect,
    SyncReport,
    SyncState,
    User,
)
from cometpresence.emulator import Emulator

# ---- the connection's life


def test_the_connections_life_is_told(plain_emulator: Emulator, make_client: MakeClient) -> None:
    connecting, connected, disconnected, synced = Inbox(), Inbox(), Inbox(), Inbox()
    client = make_client(plain_emulator)
    client.on_connecting(connecting)
    client.on_connected(connected)
    client.on_disconnected(disconnected)
    client.on_synced(synced)
    with client:
        assert connecting.one() == (1, 0.0)
        assert connected.one() == 1
        report = synced.one()
        assert isinstance(report, SyncReport)
        assert (report.generation, report.online) == (1, 2)
        plain_emulator.close_all(1001)
        lost = disconnected.one()
        assert isinstance(lost, Disconnect)
        assert (lost.code, lost.clean, lost.will_retry) == (1001, True, True)
        assert lost.retry_in is not None
        assert connected.wait_for(2) == [1, 2]
        synced.wait_for(2)
        client.disconnect()
        assert disconnected.wait_for(2)[1].will_retry is False


def test_listener_objects_hear_of_connections_and_logins(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    heard = Inbox()
    client = make_client(plain_emulator)
    client.add_listener(
        ConnectionListener(
            inConnecting=lambda: heard("connecting"),
            onConnected=lambda: heard("connected"),
            onDisconnected=lambda: heard("disconnected"),
        )
    )
    client.add_listener(
        LoginListener(
            loginSuccess=lambda user: heard(f"in {user.uid}"),
            loginFailure=lambda error: heard(f"failed {error.code}"),
            logoutSuccess=lambda: heard("out"),
        )
    )
    with pytest.raises(AuthError):
        client.login("alice", "wrong")
    with client:
        client.logout()
        came = heard.wait_until(lambda said: "out" in said and "disconnected" in said)
    assert came[:4] == ["failed AUTH_ERR_APIKEY_NOT_FOUND", "in alice", "connecting", "connected"]
    assert sorted(came[4:]) == ["disconnected", "out"]


def test_disconnect_and_connect_again(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator) as client:
        client.disconnect()
        assert client.connection_status is ConnectionStatus.DISCONNECTED
        assert client.presence.state is SyncState.STALE
        assert client.presence.is_online("erin")  # last known
        with pytest.raises(OutOfSync):
            client.presence.is_online("erin", exact=True)
        plain_emulator.set_offline("erin")
        went = Inbox()
        client.on_presence(went, uids={"erin"})
        client.connect()
        client.wait_synced(timeout=PATIENCE)
        event = went.one()
        assert (event.online, event.origin) == (False, Origin.RESYNC)
        assert not client.presence.is_online("erin", exact=True)


def test_resync_on_demand_finds_what_was_lost(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came = Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence(came)
        with plain_emulator.lose_events():
            plain_emulator.set_online("bob")
        report = client.resync(timeout=PATIENCE)
        assert report.went_online == ("bob",)
        event = came.one()
        assert (event.user.uid, event.origin) == ("bob", Origin.RESYNC)


# ---- the end


def test_one_that_is_dropped_while_connected_says_so_and_goes_offline(
    plain_emulator: Emulator,
) -> None:
    client = PresenceClient(**plain_emulator.client_args("alice"))
    client.login()
    client.wait_synced(timeout=PATIENCE)
    with pytest.warns(
        ResourceWarning, match=r"unclosed <PresenceClient .*: use with, or close\(\)"
    ):
        del client
    plain_emulator.wait_for(lambda entry: "alice" not in plain_emulator.online)


@pytest.mark.parametrize("ends", ["close", "disconnect", "logout"])
def test_one_that_is_dropped_afterwards_says_nothing(plain_emulator: Emulator, ends: str) -> None:
    client = PresenceClient(**plain_emulator.client_args("alice"))
    client.login()
    getattr(client, ends)()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del client


def test_one_with_handlers_works_on_when_it_is_dropped(plain_emulator: Emulator) -> None:
    came = Inbox()
    client = PresenceClient(**plain_emulator.client_args("alice"))
    client.on_user_online(came)
    client.login()
    client.wait_synced(timeout=PATIENCE)
    core = client._core
    del client
    plain_emulator.set_online("bob")
    assert came.one().uid == "bob"
    core.close(PATIENCE)


def test_a_closed_client_says_so(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator) as client:
        pass
    client.close()
    for call in (client.login, client.connect, client.online_user_count, client.logout):
        with pytest.raises(ClientClosed) as caught:
            call()
        assert isinstance(caught.value, RuntimeError)
    while client.wait(PATIENCE):  # what was not told yet
        client.drain()
    assert client.wait() is False
    assert client.drain() == 0


@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_client_is_neither_copied_nor_pickled(
    kind: type[Any], how: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError, match=f"^{kind.__name__} cannot be copied or pickled"):
        how(kind("app", region="us"))


def test_the_wrong_kind_of_with_says_which_is_right() -> None:
    async def blocking() -> None:
        async with PresenceClient("app", region="us"):  # type: ignore[attr-defined]
            raise AssertionError

    with pytest.raises(TypeError, match="write `with`, or use AsyncPresenceClient"):
        asyncio.run(blocking())
    with (
        pytest.raises(TypeError, match="entered with `async with`"),
        AsyncPresenceClient("app", region="us"),  # type: ignore[attr-defined]
    ):
        raise AssertionError


def test_close_ends_the_dispatch_thread_and_is_quick(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    client.on_user_online(print)
    assert client._dispatcher is None  # nothing can come yet
    with client:
        dispatcher = client._dispatcher
        assert dispatcher is not None
        assert dispatcher.daemon
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert not dispatcher.is_alive()


def test_close_inside_a_handler(plain_emulator: Emulator, make_client: MakeClient) -> None:
    closed = threading.Event()
    client = make_client(plain_emulator)

    @client.on_user_online
    def close(user: User) -> None:
        client.close()
        closed.set()

    with client:
        plain_emulator.set_online("bob")
        assert closed.wait(PATIENCE)
    dispatcher = client._dispatcher
    assert dispatcher is not None
    dispatcher.join(PATIENCE)
    assert not dispatcher.is_alive()


def test_a_handler_that_close_gave_up_is_not_waited_for_again_at_exit(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    entered, released = threading.Event(), threading.Event()
    with make_client(plain_emulator) as client:
        client.on_user_online(lambda user: entered.set() or released.wait())
        plain_emulator.set_online("bob")
        assert entered.wait(PATIENCE)
        client._close(0.01)
        client._close_at_exit(3600.0)  # else the test times out
        dispatcher = client._dispatcher
        assert dispatcher is not None
        assert dispatcher.is_alive()
        released.set()
        dispatcher.join(PATIENCE)


def test_close_does_not_wait_long_for_a_handler_that_sleeps(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asleep, wake_up = threading.Event(), threading.Event()
    client = make_client(plain_emulator)

    @client.on_user_online
    def sleep(user: User) -> None:
        asleep.set()
        wake_up.wait(PATIENCE)

    with client:
        plain_emulator.set_online("bob")
        assert asleep.wait(PATIENCE)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    wake_up.set()


def test_closing_says_farewell_so_that_the_bot_does_not_linger_online(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(plain_emulator) as client:
        assert "alice" in plain_emulator.online
    client.close()
    plain_emulator.wait_for(lambda entry: "alice" not in plain_emulator.online)


def test_run_forever_logs_in_connects_and_returns_when_closed(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)

    @client.on_user_online(uids={"bob"})
    def close(user: User) -> None:
        client.close()

    runner = threading.Thread(target=client.run_forever)
    runner.start()
    plain_emulator.wait_for_client()
    plain_emulator.set_online("bob")
    runner.join(PATIENCE)
    assert not runner.is_alive()


def test_run_forever_without_a_thread_calls_handlers_itself(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, dispatch="none")
    threads: list[str] = []

    @client.on_user_online(uids={"bob"})
    def close(user: User) -> None:
        threads.append(threading.current_thread().name)
        client.close()

    runner = threading.Thread(target=client.run_forever, name="runner")
    runner.start()
    plain_emulator.wait_for_client()
    plain_emulator.set_online("bob")
    runner.join(PATIENCE)
    assert not runner.is_alive()
    assert threads == ["runner"]


@pytest.mark.parametrize("dispatch", ["thread", "none"])
def test_run_forever_raises_when_the_server_refuses_us_for_good(
    plain_emulator: Emulator, make_client: MakeClient, dispatch: str
) -> None:
    outcome = Inbox()
    client = make_client(plain_emulator, dispatch=dispatch)

    def run() -> None:
        try:
            client.run_forever()
        except AuthError as error:
            outcome(error.code)

    runner = threading.Thread(target=run)
    runner.start()
    plain_emulator.wait_for_client()
    client.wait_synced(timeout=PATIENCE)
    plain_emulator.expire_tokens()
    plain_emulator.close_all(1001)
    assert outcome.one() == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    runner.join(PATIENCE)


def test_run_forever_raises_when_all_attempts_are_used_up(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    outcome = Inbox()
    client = make_client(
        plain_emulator, reconnect=Reconnect(base=0.01, floor=0.0, cap=0.01, max_attempts=2)
    )
    lost = Inbox()
    client.on_disconnected(lost)

    def run() -> None:
        try:
            client.run_forever()
        except ConnectionError as error:
            outcome(error)

    runner = threading.Thread(target=run)
    runner.start()
    plain_emulator.wait_for_client()
    client.wait_synced(timeout=PATIENCE)
    with plain_emulator.refuse_connections():
        plain_emulator.kill_tcp()
        assert isinstance(outcome.one(), CometChatException)
        assert [each.will_retry for each in lost.wait_for(2)] == [True, False]
    assert client._core.me is not None  # still logged in: the server never said otherwise
    runner.join(PATIENCE)


def test_run_forever_goes_on_when_the_connection_is_lost_and_comes_back(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came = Inbox()
    client = make_client(plain_emulator, reconnect=Reconnect(base=0.01, floor=0.0))
    client.on_connected(came)
    runner = threading.Thread(target=client.run_forever)
    runner.start()
    came.wait_for(1)
    plain_emulator.close_all(1011)
    came.wait_for(2)
    assert runner.is_alive()
    client.close()
    runner.join(PATIENCE)
    assert not runner.is_alive()
