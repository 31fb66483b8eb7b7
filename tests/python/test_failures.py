"""The table of failures (DESIGN §8), row by row: arguments, logins, tokens, quotas, deadlines.

What the connection survives is in test_reconnecting.py, secrets are in test_secrets.py.
"""

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox
from python.refusals import code_of

from cometpresence import (
    AppSettingsBuilder,
    AsyncPresenceClient,
    AuthError,
    CometChat,
    CometChatException,
    ConfigError,
    ConnectionListener,
    ConnectionStatus,
    LoginListener,
    PresenceClient,
    PresenceScope,
    RateLimited,
    Reconnect,
    RequestTimeout,
    Resync,
    SyncState,
    UserListener,
    UserStatus,
)
from cometpresence.emulator import Emulator

# So that whoever wrongly tries again does so at once, and is caught.
EAGER = Reconnect(base=0.01, cap=0.02, floor=0.0)


def is_asked(entry: Any) -> bool:
    return entry["dir"] == "in" and (
        entry["kind"] == "rest" or entry.get("event") == "socket_opened"
    )


def asked(emulator: Emulator) -> list[str]:
    """What was sent to the server: requests, and sockets opened."""
    return [
        f"{entry['method']} {entry['path']}" if entry["kind"] == "rest" else entry["event"]
        for entry in emulator.journal
        if is_asked(entry)
    ]


def assert_nothing_more_is_asked(emulator: Emulator) -> None:
    """For long enough that an eager client would have tried again many times."""
    with pytest.raises(TimeoutError):
        emulator.wait_for(is_asked, after=emulator.journal[-1]["n"], timeout=0.3)


# ---- a bad argument: the vendor's code, and nothing is sent


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.login("", "key"), "MISSING_PARAMETERS"),
        (lambda c: c.login("alice", ""), "MISSING_PARAMETERS"),
        (lambda c: c.login(7, "key"), "INVALID_PARAMETER"),
        (lambda c: c.login("alice", b"key"), "INVALID_PARAMETER"),
        (lambda c: c.login(auth_token=""), "MISSING_PARAMETERS"),
        (lambda c: c.login("a\0lice", "key"), None),
        (lambda c: c.login("alice", "key\r\nappId: other"), None),
        (lambda c: c.login(auth_token="token\r\nappId: other"), None),
        (lambda c: c.login(auth_token="x" * 100_000), None),
        (lambda c: c.login("x" * 100_000, "key"), "INVALID_UID"),
        (lambda c: c.login("a\ud800", "key"), None),
        (lambda c: c.get_user(""), "MISSING_PARAMETERS"),
        (lambda c: c.get_user(None), "MISSING_PARAMETERS"),
        (lambda c: c.get_user(7), "INVALID_PARAMETER"),
        (lambda c: c.users(limit=0), "SET_LIMIT_IS_COMPULSORY"),
        (lambda c: c.users(limit=101), "ERROR_SET_LIMIT_EXCEEDED"),
        (lambda c: c.users(uids=[f"u{n}" for n in range(26)]), "ERROR_SET_UIDS_EXCEEDED"),
        (lambda c: c.users(status="away"), "INVALID_STATUS_VALUE"),
        (lambda c: c.users(nonsense=1), "INVALID_PARAMETER"),
        (lambda c: c.users_request().build(), "SET_LIMIT_IS_COMPULSORY"),
        (lambda c: c.users_request().setLimit("30"), "INVALID_SET_LIMIT"),
        (lambda c: c.users_request().setRoles("teacher"), "INVALID_SET_ROLES"),
        (lambda c: c.users_request().setTags(7), "INVALID_SET_TAGS"),
        (lambda c: c.users_request().setSearchKeyword(7), "INVALID_SEARCH_KEYWORD"),
        (lambda c: c.on_user_online(7), "INVALID_PARAMETER"),
        (lambda c: c.on_user_online(print, uids="alice"), "INVALID_PARAMETER"),
        (lambda c: c.events(uids="alice"), "INVALID_PARAMETER"),
        (lambda c: c.on_error(None, 1), None),
        (lambda c: c.add_listener(UserListener(), id=""), "MISSING_PARAMETERS"),
        (lambda c: c.wait_synced(timeout="soon"), None),
        (lambda c: c.resync(timeout=float("nan")), None),
    ],
)
def test_a_bad_argument_has_the_vendors_code_and_nothing_is_sent(
    plain_emulator: Emulator,
    make_client: MakeClient,
    call: Callable[[Any], object],
    code: str | None,
) -> None:
    client = make_client(plain_emulator)
    with pytest.raises((ConfigError, TypeError)) as caught:
        call(client)
    if code is not None:
        assert isinstance(caught.value, ConfigError)
        assert isinstance(caught.value, ValueError)
        assert caught.value.code == code
        assert caught.value.message
    assert asked(plain_emulator) == []


@pytest.mark.parametrize("name", ["uids", "roles", "origins"])
@pytest.mark.parametrize("take", ["on_user_online", "on_presence", "on_presence_batch", "events"])
@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
async def test_a_filter_that_nobody_passes_is_refused(
    kind: type[Any], take: str, name: str
) -> None:
    client = kind("app", region="us")
    with pytest.raises(ConfigError, match=f"The {name} are empty") as caught:
        getattr(client, take)(**{name: []})(print)  # but for events() a decorator
    assert caught.value.code == "INVALID_PARAMETER"
    closed = client.close()
    if isinstance(closed, Awaitable):
        await closed


@pytest.mark.parametrize(
    ("kw", "code"),
    [
        ({"app_id": None}, "MISSING_PARAMETERS"),
        ({"app_id": ""}, "MISSING_PARAMETERS"),
        ({"app_id": 7}, "INVALID_PARAMETER"),
        ({"app_id": "a/b", "endpoint": None}, None),
        ({"region": "no where", "endpoint": None}, None),
        ({"uid": ""}, "MISSING_PARAMETERS"),
        ({"auth_key": 7}, "INVALID_PARAMETER"),
        ({"settings": object()}, "INVALID_PARAMETER"),
        ({"dispatch": "fibres"}, "INVALID_PARAMETER"),
        ({"token_provider": "token"}, "INVALID_PARAMETER"),
        ({"endpoint": "http://example.invalid"}, None),
        ({"endpoint": "ftp://127.0.0.1"}, None),
        ({"endpoint": "http://127.0.0.1:99999"}, None),
        ({"ca_file": "/nowhere/at/all.pem"}, "INVALID_PARAMETER"),
        ({"queue_size": 0}, None),
        ({"max_users": -1}, None),
        ({"connect_timeout": 0}, None),
        ({"connect_timeout": float("nan")}, None),
        ({"ping_interval": -1.0}, None),
        ({"ping_timeout": "3"}, None),
        ({"reconnect": Reconnect(base=-1)}, None),
        ({"reconnect": Reconnect(floor=31)}, None),
        ({"resync": Resync(page_size=101)}, None),
    ],
)
def test_a_client_cannot_be_made_with_bad_arguments(
    plain_emulator: Emulator, kw: dict[str, Any], code: str | None
) -> None:
    refused = code_of(lambda: PresenceClient(**(plain_emulator.client_args("alice") | kw)))
    assert refused == code if code is not None else refused
    assert asked(plain_emulator) == []


def test_the_documented_face_refuses_bad_arguments_too(plain_emulator: Emulator) -> None:
    settings = AppSettingsBuilder().setRegion("us").build()
    assert code_of(lambda: CometChat.init("", settings)) == "MISSING_PARAMETERS"
    assert code_of(lambda: CometChat.init("app", None)) is not None  # type: ignore[arg-type]
    assert code_of(lambda: AppSettingsBuilder().setRegion("")) == "MISSING_PARAMETERS"
    assert code_of(lambda: PresenceScope.roles()) == "MISSING_PARAMETERS"
    assert asked(plain_emulator) == []


# ---- login refused (key, token, app, uid): AuthError with the server's code, no retry


@pytest.mark.parametrize(
    ("kw", "code"),
    [
        ({"auth_key": "wrong"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
        ({"auth_key": None, "auth_token": "wrong"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
        ({"uid": "nobody"}, "ERR_UID_NOT_FOUND"),
        ({"app_id": "another"}, "AUTH_ERR_INVALID_APPID"),
    ],
)
def test_a_login_that_is_refused_is_asked_once_and_not_again(
    plain_emulator: Emulator, make_client: MakeClient, kw: dict[str, Any], code: str
) -> None:
    errors = Inbox()
    client = make_client(plain_emulator, reconnect=EAGER, **kw)
    client.on_error(errors)
    with pytest.raises(AuthError) as caught:
        client.login()
    assert caught.value.code == code
    assert caught.value.message
    assert isinstance(caught.value, PermissionError)
    assert client.connection_status is ConnectionStatus.DISCONNECTED
    assert_nothing_more_is_asked(plain_emulator)
    assert len(asked(plain_emulator)) == 1
    assert errors.letters == []  # whoever called has been told


def test_a_login_after_a_refused_one_works(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, auth_key="wrong")
    with pytest.raises(AuthError):
        client.login()
    assert client.login("alice", plain_emulator.auth_key).uid == "alice"
    client.wait_synced(timeout=PATIENCE)


# ---- the jwt refused at the socket: one refresh, the provider once, then REFUSED


def test_a_jwt_refused_once_is_renewed_and_nobody_notices(
    emulator: Emulator, make_client: MakeClient
) -> None:
    errors, connected = Inbox(), Inbox()
    client = make_client(emulator, reconnect=EAGER)
    client.on_error(errors)
    client.on_connected(connected)
    with emulator.refuse_jwt(count=1), client:
        assert connected.one() == 1
    assert asked(emulator)[:5] == [
        "POST /v3.0/users/alice/auth_tokens",
        "PUT /v3.0/me",
        "socket_opened",
        "GET /v3.0/me",
        "socket_opened",
    ]
    assert errors.letters == []


def test_a_jwt_refused_for_good_is_renewed_once_each_way_and_then_the_client_stops(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors, provided = Inbox(), Inbox()

    def provide() -> str:
        provided(threading.current_thread().name)
        return plain_emulator.auth_token("alice")

    client = make_client(plain_emulator, token_provider=provide, reconnect=EAGER)
    client.on_error(errors)
    with plain_emulator.refuse_jwt():
        client.login()
        with pytest.raises(AuthError):
            client.wait_synced(timeout=PATIENCE)
        error, where = errors.one()
        assert client.connection_status is ConnectionStatus.DISCONNECTED
        assert client.presence.state is not SyncState.SYNCED
    assert_nothing_more_is_asked(plain_emulator)  # though the jwt would be taken now
    assert isinstance(error, AuthError)
    assert where == "connection"
    assert asked(plain_emulator) == [
        "POST /v3.0/users/alice/auth_tokens",
        "PUT /v3.0/me",
        "socket_opened",
        "GET /v3.0/me",
        "socket_opened",
        "PUT /v3.0/me",
        "socket_opened",
    ]
    assert len(provided.letters) == 1
    assert len(errors.letters) == 1
    assert "alice" not in plain_emulator.online
    assert client.connection_status is ConnectionStatus.DISCONNECTED


def test_without_a_provider_a_refused_jwt_is_renewed_once(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors, life = Inbox(), Inbox()
    client = make_client(plain_emulator, reconnect=EAGER)
    client.on_error(errors)
    client.on_connecting(lambda attempt, delay: life("connecting"))
    client.on_disconnected(life)
    with plain_emulator.refuse_jwt():
        client.login()
        errors.one()
        last = life.letters[-1]
        assert (last.code, last.clean, last.will_retry) == (1006, False, False)
        assert "jwt" in last.reason
        with pytest.raises(AuthError, match="USER_NOT_LOGED_IN"):
            client.connect()
        with pytest.raises(AuthError):
            client.wait_synced(timeout=PATIENCE)
    assert_nothing_more_is_asked(plain_emulator)
    assert asked(plain_emulator)[2:] == ["socket_opened", "GET /v3.0/me", "socket_opened"]
    assert len(errors.letters) == 1
    client.login()  # by hand it can begin again
    client.wait_synced(timeout=PATIENCE)


def test_a_token_lost_for_good_is_a_logout_told_to_every_listener(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    told = Inbox()
    client = make_client(plain_emulator)
    client.add_listener(LoginListener(logoutSuccess=lambda: told("out")))
    client.add_listener(
        ConnectionListener(
            inConnecting=lambda: told("connecting"),
            onConnected=lambda: told("connected"),
            onDisconnected=lambda: told("disconnected"),
        ),
    )
    for _ in range(2):
        client.login()
        told.wait_until(lambda events: events[-1:] == ["connected"])
        plain_emulator.expire_tokens()
        with pytest.raises(AuthError, match="AUTH_ERR_AUTH_TOKEN_NOT_FOUND"):
            client.get_user("bob")
        told.wait_until(lambda events: events[-1] == "out")
        assert client._core.me is None
        with pytest.raises(AuthError, match="USER_NOT_LOGED_IN"):
            client.connect()
    assert told.letters == ["connecting", "connected", "disconnected", "out"] * 2


# ---- AUTH_ERR_AUTH_TOKEN_NOT_FOUND later: likewise, and the question is answered


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get_user("bob").uid == "bob",
        lambda client: client.online_user_count() >= 0,
        lambda client: len(list(client.users())) == 5,
    ],
    ids=["get_user", "online_user_count", "users"],
)
def test_a_token_lost_meanwhile_is_renewed_through_the_provider_and_the_call_answered(
    plain_emulator: Emulator, make_client: MakeClient, ask: Callable[[PresenceClient], bool]
) -> None:
    errors, provided = Inbox(), Inbox()

    def provide() -> str:
        token = plain_emulator.auth_token("alice")
        provided(token)
        return token

    client = make_client(plain_emulator, token_provider=provide)
    client.on_error(errors)
    with client:
        plain_emulator.expire_tokens()
        assert ask(client)
        assert ask(client)
        assert len(provided.letters) == 1
        assert errors.letters == []
        assert client.connection_status is ConnectionStatus.CONNECTED


def test_a_token_lost_meanwhile_without_a_provider_is_an_auth_error(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    errors = Inbox()
    client = make_client(plain_emulator, reconnect=EAGER)
    client.on_error(errors)
    with client:
        plain_emulator.expire_tokens()
        before = len(asked(plain_emulator))
        with pytest.raises(AuthError) as caught:
            client.get_user("bob")
        assert caught.value.code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
        error, _ = errors.one()
        assert isinstance(error, AuthError)
        assert client.connection_status is ConnectionStatus.DISCONNECTED
        assert asked(plain_emulator)[before:] == ["GET /v3.0/users/bob", "GET /v3.0/me"]
        assert_nothing_more_is_asked(plain_emulator)
        assert len(errors.letters) == 1


# ---- 429: waits Retry-After; RateLimited when the caller's time comes first


def test_too_many_requests_are_waited_out(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    client.login()
    client.wait_synced(timeout=PATIENCE)
    plain_emulator.rate_limit(retry_after=1.0)
    began = time.monotonic()
    assert client.get_user("bob").uid == "bob"
    assert 1.0 <= time.monotonic() - began < 4
    assert asked(plain_emulator).count("GET /v3.0/users/bob") == 2


def test_while_the_server_asks_for_quiet_nothing_else_is_sent(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, connect_timeout=0.5)
    client.login()
    client.wait_synced(timeout=PATIENCE)
    plain_emulator.rate_limit(retry_after=1.0)
    with pytest.raises(RateLimited):
        client.get_user("bob")
    client._timeout = PATIENCE
    assert client.get_user("carol").uid == "carol"
    refused = plain_emulator.wait_for(lambda entry: entry.get("status") == 429)
    carol = plain_emulator.wait_for(is_asked, after=refused["n"])
    assert carol["path"] == "/v3.0/users/carol"
    assert carol["t"] - refused["t"] >= 0.99


def test_a_caller_with_less_time_than_retry_after_is_told_so(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, connect_timeout=0.5)
    client.login()
    client.wait_synced(timeout=PATIENCE)
    plain_emulator.rate_limit(retry_after=60.0)
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        client.get_user("bob")
    assert time.monotonic() - began < 2
    assert 58 < caught.value.retry_after <= 60
    assert caught.value.code == "ERR_TOO_MANY_REQUESTS"
    assert isinstance(caught.value, CometChatException)
    with pytest.raises((RateLimited, RequestTimeout)):  # still quiet: nothing more is sent
        client.get_user("carol")
    assert "GET /v3.0/users/carol" not in asked(plain_emulator)


def test_a_login_told_to_wait_waits(plain_emulator: Emulator, make_client: MakeClient) -> None:
    client = make_client(plain_emulator)
    plain_emulator.rate_limit(retry_after=1.0)
    began = time.monotonic()
    assert client.login().uid == "alice"
    assert time.monotonic() - began >= 1.0


def test_a_synchronisation_told_to_wait_waits_and_completes(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    plain_emulator.set_online("carol")
    by_hand = AppSettingsBuilder().autoEstablishSocketConnection(False).build()
    client = make_client(plain_emulator, settings=by_hand, presence=PresenceScope.all_users())
    client.login()
    plain_emulator.rate_limit(retry_after=1.0)
    client.connect()
    client.wait_synced(timeout=PATIENCE)
    assert any(entry.get("status") == 429 for entry in plain_emulator.journal)
    assert client.presence.online == plain_emulator.online


# ---- the deadline of a blocking call: RequestTimeout


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get_user("bob"),
        lambda client: client.online_user_count(),
        lambda client: next(client.users()),
        lambda client: client.users_request().setLimit(3).build().fetchNext(),
        lambda client: client.resync(timeout=0.3),
    ],
    ids=["get_user", "online_user_count", "users", "fetchNext", "resync"],
)
def test_a_server_that_does_not_answer_is_a_request_timeout(
    plain_emulator: Emulator, make_client: MakeClient, ask: Callable[[PresenceClient], object]
) -> None:
    with make_client(plain_emulator) as client:
        client._timeout = 0.3
        with plain_emulator.blackhole():
            began = time.monotonic()
            with pytest.raises(RequestTimeout) as caught:
                ask(client)
            assert 0.25 < time.monotonic() - began < 2
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.code
        client._timeout = PATIENCE
        assert client.get_user("bob").status is UserStatus.OFFLINE  # and goes on as before


def test_waiting_to_be_synchronised_ends_in_time(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    with plain_emulator.slow_upgrade(30.0):
        client.login()
        began = time.monotonic()
        with pytest.raises(RequestTimeout):
            client.wait_synced(timeout=0.2)
        assert 0.2 <= time.monotonic() - began < 2
