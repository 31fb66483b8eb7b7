"""Logging in, and what is refused."""

import os
import threading
import time
from typing import Any

import pytest
from python.conftest import MakeClient
from python.emulated import requests
from python.hostile import Hostile, answer
from python.inbox import PATIENCE, Inbox
from python.refusals import code_of

from cometpresence import (
    AppSettings,
    AppSettingsBuilder,
    AuthError,
    ClientClosed,
    ConfigError,
    ConnectionStatus,
    PresenceClient,
    PresenceScope,
    ProtocolError,
    RequestTimeout,
    TLSError,
)
from cometpresence.emulator import Emulator

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
    token = emulator.auth_token("bob")
    client = make_client(emulator, uid="bob", auth_key=None, auth_token=token)
    with client:
        assert client.uid == "bob"


def test_a_token_provider_logs_in_and_is_asked_again_when_the_token_expires(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    asked: list[str] = []

    def provide() -> str:
        asked.append(threading.current_thread().name)
        return plain_emulator.auth_token("bob")

    client = make_client(plain_emulator, "bob", auth_key=None, token_provider=provide)
    with client:
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1001)
        plain_emulator.wait_for(lambda entry: len(asked) >= 2, timeout=PATIENCE)
        client.wait_synced(timeout=PATIENCE)
    assert asked == [threading.current_thread().name, "cometpresence token provider"]


@pytest.mark.parametrize("kind", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_token_provider_that_fails_is_reported(
    plain_emulator: Emulator, make_client: MakeClient, kind: type[BaseException]
) -> None:
    errors = Inbox()

    def provide() -> str:
        raise kind("no token today")

    client = make_client(plain_emulator, token_provider=provide)
    client.on_error(errors)
    with client:
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1001)
        errors.wait_until(lambda es: any(isinstance(e, kind) for e, _ in es))
        errors.wait_until(lambda es: any(isinstance(e, AuthError) for e, _ in es))


def test_who_is_logged_in_already_is_not_asked_for_again(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator, presence=PresenceScope.none())  # so nothing else asks
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


@pytest.mark.parametrize("number", [True, 1])
def test_a_ca_file_that_is_a_number_is_refused_and_no_descriptor_closed(number: int) -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(ConfigError, match="ca_file"):
            PresenceClient("app", region="us", ca_file=writing if number == 1 else number)  # type: ignore[arg-type]
        os.fstat(writing)
        os.fstat(1)
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("host", ["192.0.2.1:8080", "example.org", "localhost.example.org"])
@pytest.mark.parametrize("scheme", ["http", "HTTP", "ws"])
@pytest.mark.parametrize("where", ["endpoint", "admin_host", "client_host"])
def test_plain_http_to_another_machine_must_be_asked_for(
    where: str, scheme: str, host: str
) -> None:
    url = f"{scheme}://{host}"
    named = {"endpoint": url} if where == "endpoint" else {}
    settings = AppSettings(region="us", **({} if named else {where: url}))
    with pytest.raises(ConfigError) as caught:
        PresenceClient("app", settings, **named)
    if scheme == "ws":  # of the socket's URL nothing is ever given: it follows from the others
        assert caught.value.code == "INVALID_HOST"
        return
    assert "allow_plaintext" in str(caught.value)
    assert caught.value.code == "PLAIN_HTTP_REFUSED"
    PresenceClient("app", settings, **named, allow_plaintext=True).close()  # it would be tried


@pytest.mark.parametrize("url", ["ws://192.0.2.1", "http://192.0.2.1"])
def test_a_server_cannot_send_the_socket_to_plain_ws_elsewhere(url: str) -> None:
    with Hostile() as server:
        me = {"uid": "alice", "jwt": "jwt", "settings": server.settings() | {"CHAT_HOST": url}}
        server.answers["PUT /me"] = lambda peer: peer.send(answer(me))
        settings = AppSettings(region="us", admin_host=server.url, client_host=server.url)
        client = PresenceClient("app", settings, uid="alice", auth_key="key")
        with pytest.raises(ProtocolError):
            client.login()
        client.close()


def test_who_logs_in_is_online_whatever_the_answer_says() -> None:
    offline = answer({"uid": "alice", "name": "Alice", "status": "offline", "jwt": "jwt"})
    with Hostile(answers={"PUT /me": lambda peer: peer.send(offline)}) as server:
        client = PresenceClient(**server.client_args())
        assert client.login().status == "online"
        assert client.login().is_online  # from memory
        client.close()
