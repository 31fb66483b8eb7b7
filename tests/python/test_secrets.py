"""Auth key, auth token and jwt appear nowhere: no repr, log line, exception or journal (DESIGN §8)."""

import json
import logging
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from python.conftest import CAST, MakeClient
from python.hostile import Hostile, http
from python.inbox import PATIENCE, Inbox

from cometpresence import (
    AppSettingsBuilder,
    AuthError,
    ClientClosed,
    CometChat,
    CometChatException,
    PresenceClient,
    RateLimited,
    Reconnect,
    RequestTimeout,
)
from cometpresence.emulator import Emulator, credentials

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


class Ledger:
    """Every secret there is, and everything that was said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: list[str] = []
        self.said: list[str] = []
        mint = credentials.mint

        def remember(prefix: str, *source: Any) -> str:
            self.secrets.append(mint(prefix, *source))
            return self.secrets[-1]

        monkeypatch.setattr(credentials, "mint", remember)

    def secret(self, text: str) -> str:
        self.secrets.append(text)
        return text

    def hear(self, *things: object) -> None:
        for thing in things:
            self.said += [repr(thing), str(thing)]
            if isinstance(thing, BaseException):
                self.said.append("".join(traceback.format_exception(thing)))
            if isinstance(thing, CometChatException):
                self.said += [repr(vars(thing)), repr(thing.args), repr(pickle.dumps(thing))]

    def hear_failure(self, call: Callable[[], object]) -> BaseException:
        with pytest.raises(CometChatException) as caught:
            call()
        self.hear(caught.value)
        return caught.value

    def check(self) -> None:
        assert len(self.secrets) >= 3
        for secret in self.secrets:
            # Also without the prefix that names the user, and as bytes would be shown.
            for form in (secret, secret.rpartition("_")[2], secret.encode().hex()):
                assert not [text for text in self.said if form in text]

    def summary(self) -> str:
        length = sum(map(len, self.said))
        return f"{len(self.secrets)} secrets, none in {len(self.said)} texts of {length} characters"


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Ledger:
    caplog.set_level(logging.DEBUG)
    return Ledger(monkeypatch)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_whole_life_with_every_failure_tells_no_secret(
    make_client: MakeClient,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tls: bool,
) -> None:
    told = Inbox()
    key = ledger.secret("topsecretkey0123456789")
    with Emulator(users=CAST, tls=tls, auth_key=key) as emulator:

        def provide() -> str:
            return emulator.auth_token("alice")

        client = make_client(emulator, token_provider=provide, reconnect=QUICK)
        client.on_presence(told)
        client.on_connecting(told)
        client.on_disconnected(told)
        client.on_synced(told)
        client.on_user_online(lambda user: 1 // 0)
        ledger.hear(client, client._core, client.presence, client.users_request())
        with emulator.refuse_jwt(count=1), client:
            emulator.set_online("bob")
            emulator.send_raw("rubbish")
            ledger.hear(client, client._core, client.stats(), *client.users(), vars(client).keys())
            ledger.hear_failure(lambda: client.get_user("nobody"))
            with emulator.server_errors(count=1), suppress(CometChatException):
                ledger.hear(client.get_user("bob"))
            emulator.kill_tcp()
            ledger.hear(client.wait_synced(timeout=PATIENCE))
            emulator.expire_tokens()
            ledger.hear(client.get_user("bob"))
            client._timeout = 0.2
            with emulator.blackhole():
                error = ledger.hear_failure(lambda: client.get_user("bob"))
                assert isinstance(error, RequestTimeout)
            emulator.rate_limit(retry_after=30.0, count=9)  # what was held up may take one
            assert isinstance(ledger.hear_failure(lambda: client.get_user("bob")), RateLimited)
        assert isinstance(ledger.hear_failure(client.login), ClientClosed)
        ledger.hear(client, client._core)
        ledger.hear(emulator, json.dumps(emulator.journal))
    ledger.hear(*told.letters, caplog.text, *capfd.readouterr())
    ledger.check()
    with capfd.disabled():
        print(f"\n{ledger.summary()}")


@pytest.mark.parametrize(
    "wrong",
    ["wrongsecret0123456789", "wrongsecret0123456789\r\nX: y", "wrongsecret0123456789" * 1000],
    ids=["wrong", "two lines", "long"],
)
def test_what_is_refused_as_a_secret_is_not_repeated(
    plain_emulator: Emulator,
    make_client: MakeClient,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
    wrong: str,
) -> None:
    """It may have been the right one, for something else."""
    ledger.secret("wrongsecret0123456789")
    for kw in ({"auth_key": wrong}, {"auth_key": None, "auth_token": wrong}):
        client = make_client(plain_emulator, **kw)
        ledger.hear_failure(client.login)
        ledger.hear(client)
    client = make_client(plain_emulator, auth_key=None, token_provider=lambda: wrong)
    client.on_error(Inbox())
    ledger.hear_failure(client.login)
    ledger.hear(client, caplog.text)
    assert not [text for text in ledger.said if "wrongsecret" in text]


def test_a_server_that_quotes_a_secret_is_not_repeated(
    make_client: MakeClient, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where it stands in the error's code."""
    secret = ledger.secret("quotedsecret0123456789")
    error = {"code": secret, "message": f"no {secret}", "details": {"token": secret}}
    refusal = http("401 Unauthorized", json.dumps({"error": error}).encode())
    refusals = {
        name: lambda peer: peer.send(refusal)
        for name in ("PUT /me", "POST /users/alice/auth_tokens")
    }
    with Hostile(answers=refusals) as server:
        for kw in ({"auth_key": secret}, {"uid": None, "auth_key": None, "auth_token": secret}):
            client = PresenceClient(**(server.client_args() | kw))
            assert isinstance(ledger.hear_failure(client.login), AuthError)
            client.close()
    ledger.hear(caplog.text)
    assert not [text for text in ledger.said if secret in text]


def test_a_jwt_refused_for_good_is_not_repeated(
    plain_emulator: Emulator,
    make_client: MakeClient,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client(plain_emulator, reconnect=QUICK)
    errors = Inbox()
    client.on_error(errors)
    with plain_emulator.refuse_jwt():
        client.login()
        assert isinstance(
            ledger.hear_failure(lambda: client.wait_synced(timeout=PATIENCE)), AuthError
        )
    ledger.hear(*errors.one(), caplog.text, json.dumps(plain_emulator.journal))
    ledger.check()


def test_the_documented_face_tells_no_secret(
    plain_emulator: Emulator,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", plain_emulator.url)
    ledger.secret(plain_emulator.auth_key)
    settings = AppSettingsBuilder().subscribePresenceForAllUsers().setRegion("us").build()
    CometChat.init(plain_emulator.app_id, settings)
    ledger.hear(settings, ledger.hear_failure(lambda: CometChat.login("alice", "wrong")))
    ledger.hear(CometChat.login("alice", plain_emulator.auth_key), CometChat.getLoggedinUser())
    CometChat.logout()
    ledger.hear(caplog.text, json.dumps(plain_emulator.journal))
    ledger.check()


def test_the_arguments_of_a_client_are_not_in_its_tracebacks(plain_emulator: Emulator) -> None:
    """Python shows source lines, not values; ours must not put values into words."""
    arguments: dict[str, Any] = plain_emulator.client_args("alice") | {"region": 7}
    with pytest.raises(CometChatException) as caught:
        PresenceClient(**arguments)
    shown = "".join(traceback.format_exception(caught.value))
    assert plain_emulator.auth_key not in shown
