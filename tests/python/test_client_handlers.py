"""Handlers that fail, take long or ask back; and loops that drain for themselves."""

import logging
import select
import threading

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    ProtocolError,
    Resync,
    SyncReport,
    User,
    base,
)
from cometpresence.emulator import Emulator

# ---- handlers that fail or take long


def test_a_handler_that_raises_harms_no_other_and_is_reported(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    after, errors = Inbox(), Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online(id="broken one")
        def broken(user: User) -> None:
            raise ZeroDivisionError(user.uid)

        client.on_user_online(after)
        client.on_error(errors)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        after.wait_for(2)
        (error, where), _ = errors.wait_for(2)
        assert isinstance(error, ZeroDivisionError)
        assert "broken one" in where
        assert client.stats().handler_errors == 2


def test_without_an_error_handler_failures_are_logged_with_their_traceback(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    after = Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online
        def broken(user: User) -> None:
            raise SystemExit("not the bot's end")

        client.on_user_online(after)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        after.wait_for(2)
    [first, _] = [record for record in caplog.records if record.name == "cometpresence"]
    assert first.levelno == logging.ERROR
    assert first.exc_info is not None
    assert first.exc_info[0] is SystemExit
    assert "broken" in first.getMessage()


def test_an_error_handler_that_raises_is_logged(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    after = Inbox()
    with make_client(plain_emulator) as client:
        client.on_error(lambda error, where: 1 / 0)
        client.on_user_online(lambda user: [][1])
        client.on_user_online(after)
        plain_emulator.set_online("bob")
        after.wait_for(1)
    assert "an on_error handler failed" in caplog.text
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        IndexError,  # what the handler was told of, and nobody else
        ZeroDivisionError,
    ]


def test_a_handler_that_sleeps_loses_nothing(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asleep, wake_up, came = threading.Event(), threading.Event(), Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online
        def slow(user: User) -> None:
            asleep.set()
            assert wake_up.wait(PATIENCE)
            came(user)

        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        assert asleep.wait(PATIENCE)
        assert client.get_user("bob").is_online  # the network thread is awake meanwhile
        wake_up.set()
        came.wait_for(3)
    assert came.uids() == ["bob", "carol", "dave"]


def test_every_blocking_call_returns_inside_a_handler(
    emulator: Emulator, make_client: MakeClient
) -> None:
    answers = Inbox()
    client = make_client(emulator, resync=Resync(audit_after=None))

    @client.on_user_online(uids={"bob"})
    def ask_everything(user: User) -> None:
        answers(client.get_user("carol").uid)
        answers(client.online_user_count())
        answers(len(list(client.users())))
        answers(len(client.users_request().set_limit(2).build().fetch_next()))
        answers(client.login().uid)
        answers(type(client.wait_synced(timeout=PATIENCE)))
        answers(type(client.resync(timeout=PATIENCE)))
        answers(client.wait(0))
        answers(client.drain())
        client.disconnect()
        client.connect()
        client.wait_synced(timeout=PATIENCE)
        client.logout()
        client.close()
        answers("closed")

    with client:
        emulator.set_online("bob")
        came = answers.wait_until(lambda said: "closed" in said)
    assert came[:7] == ["carol", 3, 5, 2, "alice", SyncReport, SyncReport]
    assert came[8:] == [0, "closed"]


def test_an_error_says_where_it_was_and_only_the_connections_wakes_run_forever(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors, came = Inbox(), Inbox()
    client = make_client(plain_emulator)
    client.on_error(errors)
    client.on_user_online(came)
    with client:
        plain_emulator.send_raw("rubbish")
        error, where = errors.one()
        assert (type(error), where) == (ProtocolError, "frame")
        plain_emulator.set_online("bob")
        came.one()  # on the same thread, after all that the error did
        assert not client._reports.alarm.is_set()


def test_a_slow_handler_is_warned_about_once_by_name(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    came = Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online(uids={"bob"})
        def dawdle(user: User) -> None:
            threading.Event().wait(1.05)

        client.on_user_online(came)
        for _ in range(2):
            plain_emulator.set_online("bob")
            plain_emulator.set_offline("bob")
        came.wait_for(2)
        assert client.stats().slow_handlers == 2
    [warning] = [record for record in caplog.records if record.name == "cometpresence"]
    assert warning.levelname == "WARNING"
    assert "on_user_online handler" in warning.getMessage()
    assert "dawdle" in warning.getMessage()
    assert "thread" in warning.getMessage()


def test_a_handler_that_does_not_return_is_warned_about_while_it_runs(
    plain_emulator: Emulator, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    warned = threading.Event()
    caplog.handler.addFilter(lambda record: warned.set() or True)
    waited, came = Inbox(), Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online(uids={"bob"})
        def stuck(user: User) -> None:
            waited(warned.wait(PATIENCE))

        client.on_user_online(came, uids={"bob"})
        plain_emulator.set_online("bob")
        assert waited.one()
        came.one()
        assert client.stats().slow_handlers == 1
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "on_user_online handler" in warning
    assert "stuck" in warning


def test_a_client_that_comes_after_the_last_one_left_is_watched_too(
    plain_emulator: Emulator,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = type(base.WATCH)()
    monkeypatch.setattr(base, "WATCH", watch)
    with make_client(plain_emulator) as first:
        came = Inbox()
        first.on_user_online(came)
        plain_emulator.set_online("carol")
        came.one()
        thread = watch._thread
    assert thread is not None
    thread.join(PATIENCE)
    warned, waited = threading.Event(), Inbox()
    caplog.handler.addFilter(lambda record: warned.set() or True)
    with make_client(plain_emulator) as client:
        client.on_user_online(lambda _user: waited(warned.wait(PATIENCE)), uids={"bob"})
        plain_emulator.set_online("bob")
        assert waited.one()


def test_one_thread_watches_the_handlers_of_all_clients_and_ends_with_them(
    plain_emulator: Emulator, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = type(base.WATCH)()  # the tests' clients may not be the only ones
    monkeypatch.setattr(base, "WATCH", watch)
    came = Inbox()
    with make_client(plain_emulator) as one, make_client(plain_emulator, "carol") as other:
        one.on_user_online(came)
        other.on_user_online(came)
        plain_emulator.set_online("bob")
        came.wait_until(lambda users: [user.uid for user in users].count("bob") == 2)
        thread = watch._thread
        assert thread is not None
    thread.join(PATIENCE)
    assert watch._thread is None


# ---- without a dispatch thread


def test_without_a_thread_handlers_run_where_drain_is_called(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came: list[str] = []
    with make_client(plain_emulator, dispatch="none") as client:
        client.on_user_online(lambda user: came.append(threading.current_thread().name))
        client.drain()
        plain_emulator.set_online("bob")
        assert client.wait(PATIENCE) is True
        while not came:
            assert client.wait(PATIENCE)
            client.drain()
        assert client._dispatcher is None
    assert came == [threading.current_thread().name]


def test_the_bell_can_be_polled(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator, dispatch="none") as client:
        came = Inbox()
        client.on_user_online(came)
        plain_emulator.set_online("bob")
        while not came.letters:
            ready, _, _ = select.select([client], [], [], PATIENCE)
            assert ready == [client]
            client.drain()


def test_a_bell_that_is_polled_rings_again_until_all_is_told(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    """More at once than one drain takes, and nothing else that would ring."""
    many = [f"user-{number:03}" for number in range(600)]
    for uid in many:
        plain_emulator.add_user(uid, name=uid)
    came, poller, drains = Inbox(), select.poll(), 0
    with make_client(plain_emulator, dispatch="none") as client:
        client.on_user_online(came)
        poller.register(client, select.POLLIN)
        while poller.poll(0):
            client.drain()
        for uid in many:
            plain_emulator.set_online(uid)
        assert all(client.wait_for_online(uid, timeout=PATIENCE) for uid in many)
        while len(came.letters) < len(many):
            assert poller.poll(0), f"silent after {len(came.letters)}"  # all of it waits
            drains += 1
            assert client.drain() <= 256
        assert not poller.poll(0)
    assert came.uids() == many
    assert drains >= 3


def test_news_of_the_connection_keep_their_place_among_the_changes(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    told = Inbox()
    with make_client(plain_emulator, dispatch="none") as client:
        while client.drain():
            pass
        client.on_user_online(lambda user: told(user.uid))
        client.on_user_offline(lambda user: told(f"{user.uid} left"))
        client.on_disconnected(lambda how: told("disconnected"))
        client.on_connected(lambda generation: told("connected"))
        plain_emulator.set_online("bob")
        client.wait_for_online("bob", timeout=PATIENCE)
        client.disconnect()
        client.connect()
        client.wait_synced(timeout=PATIENCE)
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob", timeout=PATIENCE)
        while len(told.letters) < 4:
            assert client.wait(PATIENCE)
            client.drain()
    assert told.letters[:4] == ["bob", "disconnected", "connected", "bob left"]


def test_drain_takes_no_more_than_asked(plain_emulator: Emulator, make_client: MakeClient) -> None:
    came = Inbox()
    with make_client(plain_emulator, dispatch="none") as client:
        client.on_user_online(came)
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        told = []
        while len(came.letters) < 3:
            assert client.wait(PATIENCE)
            told.append(client.drain(1))
        assert max(told) == 1
