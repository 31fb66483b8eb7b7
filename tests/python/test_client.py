"""PresenceClient against the emulator, over plain and over TLS."""

import logging
import threading
import time
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox
from python.refusals import code_of

from cometpresence import (
    AppSettingsBuilder,
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
    PresenceScope,
    RequestTimeout,
    Resync,
    SyncReport,
    SyncState,
    TLSError,
    User,
    UserListener,
    UserStatus,
)
from cometpresence.emulator import Emulator

# ---- coming and going


def test_somebody_comes_and_goes(emulator: Emulator, make_client: MakeClient) -> None:
    came, went = Inbox(), Inbox()
    with make_client(emulator) as client:
        client.on_user_online(came)
        client.on_user_offline(went)
        emulator.set_online("bob", at=1_700_000_111)
        bob = came.one()
        assert isinstance(bob, User)
        assert (bob.uid, bob.name, bob.status) == ("bob", "Bob B", "online")
        assert bob.lastActiveAt == 1_700_000_111
        emulator.set_offline("bob", at=1_700_000_222)
        bob = went.one()
        assert (bob.status, bob.last_active_at) == (UserStatus.OFFLINE, 1_700_000_222)
        assert len(came.letters) == 1


def test_the_block_begins_with_a_complete_picture(
    emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(emulator) as client:
        assert client.presence.state is SyncState.SYNCED
        assert client.connection_status is ConnectionStatus.CONNECTED
        assert client.presence.online == emulator.online == {"alice", "erin"}
        assert client.uid == "alice"
    assert client.presence.state is SyncState.CLOSED
    assert client.connection_status is ConnectionStatus.DISCONNECTED


def test_two_clients_see_each_other(emulator: Emulator, make_client: MakeClient) -> None:
    came, went = Inbox(), Inbox()
    with make_client(emulator) as alice:
        alice.on_user_online(came, uids={"dave"})
        alice.on_user_offline(went, uids={"dave"})
        with make_client(emulator, "dave") as dave:
            assert came.one().uid == "dave"
            assert dave.presence.online >= {"alice", "dave"}
        assert went.one().uid == "dave"


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (PresenceScope.all_users(), ["bob", "carol", "dave"]),
        (PresenceScope.roles("student"), ["bob", "carol"]),
        (PresenceScope.friends(), ["bob"]),
    ],
)
def test_the_subscription_decides_whose_presence_comes(
    emulator: Emulator, make_client: MakeClient, scope: PresenceScope, seen: list[str]
) -> None:
    came = Inbox()
    with make_client(emulator, presence=scope) as client:
        client.on_user_online(came)
        for uid in ("dave", "carol", "bob"):
            emulator.set_online(uid)
        came.wait_until(lambda users: "bob" in {user.uid for user in users})  # the last of them
        assert sorted(came.uids()) == seen


def test_without_a_subscription_no_presence_comes(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came = Inbox()
    with make_client(plain_emulator, presence=PresenceScope.none()) as client:
        with pytest.warns(UserWarning, match="never be called"):
            client.on_presence(came)
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("bob")
        assert client.get_user("bob").status == "offline"  # the server has long said it, or not
        client.disconnect()
        assert client.stats().events == 0
        assert came.letters == []


# ---- decorators and filters


def test_decorators_bare_and_with_filters(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    came: dict[str, list[str]] = {"all": [], "bob": [], "students": [], "both": [], "gone": []}
    done = Inbox()
    with make_client(plain_emulator) as client:

        @client.on_user_online
        def everybody(user: User) -> None:
            came["all"].append(user.uid)

        @client.on_user_online(uids={"BOB"})
        def only_bob(user: User) -> None:
            came["bob"].append(user.uid)

        @client.on_user_online(roles={"student"})
        def students(user: User) -> None:
            came["students"].append(user.uid)

        @client.on_user_online(uids=["carol", "dave"], roles=["support"])
        def both(user: User) -> None:
            came["both"].append(user.uid)

        @client.on_user_offline(uids={"dave"})
        def gone(user: User) -> None:
            came["gone"].append(user.uid)
            done(user)

        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        for uid in ("bob", "dave"):
            plain_emulator.set_offline(uid)
        done.wait_for(1)
    assert came == {
        "all": ["bob", "carol", "dave"],
        "bob": ["bob"],
        "students": ["bob", "carol"],
        "both": ["dave"],
        "gone": ["dave"],
    }


def test_events_say_what_changed_and_why(plain_emulator: Emulator, make_client: MakeClient) -> None:
    events = Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence(events)
        plain_emulator.set_online("bob", at=1_700_000_111)
        plain_emulator.set_offline("bob")
        came, went = events.wait_for(2)
    assert (came.user.uid, came.online, went.online) == ("bob", True, False)
    assert (came.previous, went.previous) == (UserStatus.UNKNOWN, UserStatus.ONLINE)
    assert came.origin is went.origin is Origin.LIVE
    assert came.at is not None
    assert came.at.timestamp() == 1_700_000_111
    assert came.generation == went.generation == 1
    assert went.seq == came.seq + 1
    assert came.received_at <= went.received_at <= time.monotonic()


def test_those_found_online_at_first_are_told_to_who_asks(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    unasked, snapshot = Inbox(), Inbox()
    client = make_client(plain_emulator)
    client.on_presence(unasked, origins={Origin.LIVE})
    client.on_presence(snapshot, origins={Origin.SNAPSHOT})
    with client:
        found = snapshot.wait_until(lambda es: "erin" in {event.user.uid for event in es})
        assert {event.origin for event in found} == {Origin.SNAPSHOT}
        assert "erin" not in {event.user.uid for event in unasked.letters}


def test_a_batch_handler_gets_lists(plain_emulator: Emulator, make_client: MakeClient) -> None:
    batches, students = Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        client.on_presence_batch(batches)
        client.on_presence_batch(students, roles={"student"})
        for uid in ("bob", "carol", "dave"):
            plain_emulator.set_online(uid)
        came = batches.wait_until(lambda lists: sum(map(len, lists)) == 3)
    assert [event.user.uid for batch in came for event in batch] == ["bob", "carol", "dave"]
    assert [event.user.uid for batch in students.letters for event in batch] == ["bob", "carol"]


def test_listeners_are_called_in_the_order_they_were_added_and_the_same_id_goes_to_the_end(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    order: list[str] = []
    done = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(lambda user: order.append("A1"), id="A")
        client.on_user_online(lambda user: order.append("B"), id="B")
        client.add_listener(UserListener(onUserOnline=lambda user: order.append("A2")), id="A")
        client.on_user_online(done)
        plain_emulator.set_online("bob")
        done.wait_for(1)
    assert order == ["B", "A2"]


def test_a_listener_removed_is_not_called_any_more(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    removed, kept = Inbox(), Inbox()
    with make_client(plain_emulator) as client:
        subscription = client.add_listener(UserListener(onUserOnline=removed))
        client.on_user_online(kept)
        plain_emulator.set_online("bob")
        removed.wait_for(1)
        subscription.remove()
        plain_emulator.set_online("carol")
        kept.wait_for(2)
    assert removed.uids() == ["bob"]


def test_a_listener_may_remove_itself_and_add_another(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    once, added, always = Inbox(), Inbox(), Inbox()
    with make_client(plain_emulator) as client:

        def replace_myself(user: User) -> None:
            once(user)
            client.remove_listener("once")
            client.on_user_online(added)

        client.on_user_online(replace_myself, id="once")
        client.on_user_online(always)
        plain_emulator.set_online("bob")
        plain_emulator.set_online("carol")
        always.wait_for(2)
        added.wait_for(1)
    assert once.uids() == ["bob"]
    assert added.uids() == ["carol"]  # added during bob's round: told of the next


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


# ---- logging in


def test_login_opens_the_socket_unless_told_not_to(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    settings = (
        AppSettingsBuilder()
        .subscribePresenceForAllUsers()
        .autoEstablishSocketConnection(False)
        .build()
    )
    args = plain_emulator.client_args("alice")
    client = make_client(plain_emulator)
    client.login()
    plain_emulator.wait_for_client()
    client.close()
    quiet = PresenceClient(args.pop("app_id"), settings, **args)
    assert quiet.login().uid == "alice"
    assert quiet.connection_status is ConnectionStatus.DISCONNECTED
    quiet.connect()
    quiet.wait_synced(timeout=PATIENCE)
    quiet.close()


def test_an_auth_token_logs_in_too(emulator: Emulator, make_client: MakeClient) -> None:
    token = token_of(emulator, "bob")
    client = make_client(emulator, uid="bob", auth_key=None, auth_token=token)
    with client:
        assert client.uid == "bob"


def test_a_token_provider_logs_in_and_is_asked_again_when_the_token_expires(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asked: list[str] = []

    def provide() -> str:
        asked.append(threading.current_thread().name)
        return token_of(plain_emulator, "bob")

    client = make_client(plain_emulator, "bob", auth_key=None, token_provider=provide)
    with client:
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1001)
        plain_emulator.wait_for(lambda entry: len(asked) >= 2, timeout=PATIENCE)
        client.wait_synced(timeout=PATIENCE)
    assert asked == [threading.current_thread().name, "cometpresence dispatch"]


def test_a_token_provider_that_fails_is_reported(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors = Inbox()

    def provide() -> str:
        raise LookupError("no token today")

    client = make_client(plain_emulator, token_provider=provide)
    client.on_error(errors)
    with client:
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1001)
        errors.wait_until(lambda es: any(isinstance(e, LookupError) for e, _ in es))
        errors.wait_until(lambda es: any(isinstance(e, AuthError) for e, _ in es))


def test_who_is_logged_in_already_is_not_asked_for_again(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    first = client.login()
    before = len(requests(plain_emulator))
    assert client.login("ALICE") == first
    assert len(requests(plain_emulator)) == before


def test_somebody_else_replaces_who_is_logged_in(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    with make_client(plain_emulator) as client:
        assert client.login("bob").uid == "bob"
        client.wait_synced(timeout=PATIENCE)
        assert client.uid == "bob"
        assert "alice" not in plain_emulator.online


@pytest.mark.parametrize(
    ("made_with", "arguments", "code"),
    [
        ({"uid": None}, {}, "MISSING_PARAMETERS"),
        ({"auth_key": None}, {}, "MISSING_PARAMETERS"),
        ({}, {"uid": ""}, "MISSING_PARAMETERS"),
        ({}, {"auth_key": ""}, "MISSING_PARAMETERS"),
        ({}, {"auth_token": ""}, "MISSING_PARAMETERS"),
        ({}, {"uid": 7}, "INVALID_PARAMETER"),
        ({}, {"auth_key": b"key"}, "INVALID_PARAMETER"),
        ({"auth_key": None, "token_provider": lambda: None}, {}, "MISSING_PARAMETERS"),
    ],
)
def test_missing_credentials_are_refused_and_nothing_is_sent(
    plain_emulator: Emulator,
    make_client: MakeClient,
    made_with: dict[str, Any],
    arguments: dict[str, Any],
    code: str,
) -> None:
    client = make_client(plain_emulator, **made_with)
    assert code_of(lambda: client.login(**arguments)) == code
    assert requests(plain_emulator) == []


@pytest.mark.parametrize(
    ("kw", "code", "count"),
    [
        ({"auth_key": "wrong"}, "AUTH_ERR_APIKEY_NOT_FOUND", 1),
        ({"auth_key": None, "auth_token": "wrong"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND", 1),
        ({"uid": "nobody"}, "ERR_UID_NOT_FOUND", 1),
        ({"app_id": "another"}, "AUTH_ERR_INVALID_APPID", 1),
    ],
)
def test_a_refused_login_is_one_clear_error_and_not_retried(
    emulator: Emulator, make_client: MakeClient, kw: dict[str, Any], code: str, count: int
) -> None:
    client = make_client(emulator, **kw)
    with pytest.raises(AuthError) as caught:
        client.__enter__()
    assert caught.value.code == code
    assert caught.value.message
    assert isinstance(caught.value, PermissionError)
    assert len(requests(emulator)) == count
    with pytest.raises(ClientClosed):  # a with-block that fails closes
        client.login()


def test_calls_that_need_a_login_say_so(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = make_client(plain_emulator)
    for call in (
        client.connect,
        client.logout,
        client.online_user_count,
        lambda: client.get_user("bob"),
        lambda: next(client.users()),
    ):
        with pytest.raises(AuthError) as caught:
            call()
        assert caught.value.code == "USER_NOT_LOGED_IN"  # sic, the vendor's


def test_a_certificate_nobody_vouches_for_is_refused(make_client: MakeClient) -> None:
    with Emulator(tls=True) as emulator:
        client = make_client(emulator, "superhero1", ca_file=None)
        with pytest.raises(TLSError) as caught:
            client.login()
        assert "certificate" in str(caught.value).lower()
        assert requests(emulator) == []


def test_a_server_that_is_not_there_is_an_error_within_the_timeout(
    make_client: MakeClient,
) -> None:
    with Emulator() as emulator:
        args = emulator.client_args("superhero1")
    client = PresenceClient(**args, connect_timeout=1.0)
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        client.login()
    assert time.monotonic() - began < 3
    client.close()


def test_a_server_that_says_nothing_is_an_error_within_the_timeout(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, connect_timeout=0.5)
    began = time.monotonic()
    with plain_emulator.blackhole(), pytest.raises(RequestTimeout) as caught:
        client.login()
    assert time.monotonic() - began < 3
    assert isinstance(caught.value, TimeoutError)


# ---- the end


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
    import select

    with make_client(plain_emulator, dispatch="none") as client:
        came = Inbox()
        client.on_user_online(came)
        plain_emulator.set_online("bob")
        while not came.letters:
            ready, _, _ = select.select([client], [], [], PATIENCE)
            assert ready == [client]
            client.drain()


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


# ---- what can be asked


def test_the_online_count(plain_emulator: Emulator, make_client: MakeClient) -> None:
    with make_client(plain_emulator) as client:
        assert client.online_user_count() == 2
        plain_emulator.set_online("bob")
        assert client.online_user_count() == 3


def test_a_server_error_keeps_the_servers_words(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    client.login()
    with plain_emulator.server_errors(count=1), pytest.raises(CometChatException) as caught:
        client.get_user("bob")
    assert caught.value.code
    assert client.get_user("bob").uid == "bob"


def test_stats_count(plain_emulator: Emulator, make_client: MakeClient) -> None:
    came = Inbox()
    with make_client(plain_emulator) as client:
        client.on_user_online(came)
        plain_emulator.set_online("bob")
        came.one()
        stats = client.stats()
    assert stats.events >= 1
    assert stats.frames >= 2
    assert stats.tracked_users >= 3
    assert (stats.reconnects, stats.malformed, stats.handler_errors) == (0, 0, 0)


# ---- helpers


def requests(emulator: Emulator) -> list[Any]:
    """What was asked over HTTP."""
    return [entry for entry in emulator.journal if (entry["kind"], entry["dir"]) == ("rest", "in")]


def token_of(emulator: Emulator, uid: str) -> str:
    """An auth token, as a backend would make it."""
    return emulator._call(lambda: emulator._world.credentials.new_token(uid))
