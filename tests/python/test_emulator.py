"""The emulator's life, its logins and its refusals."""

import gc
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from python.emulator_client import Client

from cometpresence import PresenceClient
from cometpresence.emulator import Emulator
from cometpresence.emulator.world import World


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


def can_connect(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname is not None
    try:
        socket.create_connection((parts.hostname, parts.port or 0), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True


# ---- life


def test_it_accepts_connections_when_enter_returns_and_none_after_exit() -> None:
    with Emulator() as emulator:
        assert can_connect(emulator.url)
    assert not can_connect(emulator.url)
    assert not [thread for thread in threading.enumerate() if thread.name == "emulator"]


def test_a_backend_finds_auth_tokens_for_its_users(emulator: Emulator, client: Client) -> None:
    token = emulator.auth_token("SuperHero2")
    assert client.call("GET", "/me", headers={"authToken": token}).data["uid"] == "superhero2"
    assert emulator.auth_token("superhero2") != token


@pytest.mark.parametrize(
    "act",
    [
        lambda emulator: emulator.set_online("nobody"),
        lambda emulator: emulator.set_offline("nobody"),
        lambda emulator: emulator.move(["nobody"]),
        lambda emulator: emulator.auth_token("nobody"),
    ],
    ids=["set_online", "set_offline", "move", "auth_token"],
)
def test_nobody_is_a_value_error_that_names_the_uid_and_the_way_out(
    emulator: Emulator, act: Callable[[Emulator], object]
) -> None:
    with pytest.raises(ValueError, match=r"nobody does not exist.*add_user\(\)"):
        act(emulator)


def test_a_second_user_of_the_same_uid_is_a_value_error(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="superhero1 exists already"):
        emulator.add_user("SuperHero1")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_it_is_ready_within_50_ms(tls: bool) -> None:
    durations = []
    for _ in range(5):  # the best of five: this measures us, not a busy machine
        emulator = Emulator(tls=tls)
        began = time.perf_counter()
        emulator.start()
        durations.append(time.perf_counter() - began)
        emulator.stop()
    assert min(durations) < 0.050


def test_stop_is_idempotent_and_a_restart_keeps_port_and_users() -> None:
    emulator = Emulator().start()
    urls = emulator.url, emulator.admin_url
    emulator.add_user("newcomer")
    emulator.stop()
    emulator.stop()
    emulator.set_online("newcomer")  # the state can be arranged while nothing runs
    with emulator, Client(emulator) as client:
        assert (emulator.url, emulator.admin_url) == urls
        assert client.users(status="available").uids == ["newcomer"]


def test_starting_twice_or_on_a_taken_port_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        emulator.start()
    taken = Emulator(port=urlsplit(emulator.url).port or 0)
    with pytest.raises(OSError, match="in use"):
        taken.start()
    with pytest.raises(RuntimeError, match="no address"):
        _ = taken.url
    with pytest.raises(RuntimeError, match="no address"):
        _ = taken.admin_url


def test_stop_says_goodbye_to_open_sockets(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    emulator.stop()
    assert ws.close_code() == 1001


def test_methods_may_be_called_from_many_threads(emulator: Emulator) -> None:
    def flap(uid: str) -> None:
        for _ in range(200):
            emulator.set_online(uid)
            emulator.set_offline(uid)

    threads = [threading.Thread(target=flap, args=(f"superhero{n}",)) for n in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emulator.online == frozenset()
    moves = [entry for entry in emulator.journal if entry.get("event") == "user_offline"]
    assert len(moves) == 1000


def test_tls_is_trusted_through_its_ca_file_only() -> None:
    with Emulator(tls=True) as emulator:
        assert emulator.url.startswith("https://")
        assert emulator.ca_file is not None
        with Client(emulator) as client:
            assert client.connect().moves() == []
            by_name = client.call("GET", "/me", base=emulator.url.replace("127.0.0.1", "localhost"))
            assert by_name.data["settings"]["CHAT_HOST"] == "localhost"
        ca_file = emulator.ca_file
        assert "BEGIN CERTIFICATE" in Path(ca_file).read_text()
    assert not Path(ca_file).exists()


def test_stop_over_tls_leaves_nothing_behind() -> None:
    emulator = Emulator(tls=True).start()
    with Client(emulator) as client:
        ws = client.connect()
        emulator.stop()
        assert ws.close_code() == 1001


def worlds() -> int:
    gc.collect()
    return sum(type(thing) is World for thing in gc.get_objects())


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_emulator_that_nobody_holds_any_more_leaves_no_memory_behind(tls: bool) -> None:
    before = worlds()
    for _ in range(3):
        with Emulator(tls=tls) as emulator, PresenceClient(**emulator.client_args("superhero1")):
            assert worlds() == before + 1
        del emulator
    assert worlds() == before


# ---- login


@pytest.mark.parametrize("prefix", ["", "/v3", "/v3.0"])
def test_login_works_with_and_without_a_version(
    emulator: Emulator, client: Client, prefix: str
) -> None:
    key = {"apiKey": emulator.auth_key}
    step1 = client.call("POST", f"{prefix}/users/superhero2/auth_tokens", headers=key, json={})
    assert step1.data["uid"] == "superhero2"
    token = {"authToken": step1.data["authToken"]}
    me = client.call("PUT", f"{prefix}/me", headers=token, json={"platform": "WEB"}).data
    assert (me["uid"], me["name"]) == ("superhero2", "Captain America")
    assert me["authToken"] == token["authToken"]
    assert me["jwt"]


def test_uids_are_compared_in_lower_case(emulator: Emulator, client: Client) -> None:
    assert client.call("GET", "/users/SuperHero2").data["uid"] == "superhero2"


def test_settings_point_at_the_emulator(emulator: Emulator, client: Client) -> None:
    host = urlsplit(emulator.url).netloc
    port = host.rpartition(":")[2]
    settings = client.call("GET", "/v3.0/settings").data
    assert settings == client.call("GET", "/me").data["settings"]
    assert settings["CHAT_HOST"] == "127.0.0.1"
    assert settings["CHAT_WSS_PORT"] == port
    assert {settings[f"{name}_HOST"] for name in ("ADMIN_API", "CLIENT_API", "ANALYTICS")} == {host}
    assert settings["CHAT_API_VERSION"] == "v3.0"
    assert settings["WS_API_VERSION"] == "v1.0"
    assert settings["APP_VERSION"] == 4


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:1234", "localhost:1234"),
        ("[::1]:1234", "[::1]:1234"),
        ("evil.example:80", None),
        ("127.0.0.1:no-port", None),
    ],
)
def test_settings_repeat_a_loopback_host_only(
    emulator: Emulator, client: Client, host: str, expected: str | None
) -> None:
    settings = client.call("GET", "/settings", headers={"Host": host}).data
    assert settings["CLIENT_API_HOST"] == (expected or urlsplit(emulator.url).netloc)


def test_a_profile_can_be_changed_but_not_ones_status_or_role(client: Client) -> None:
    change = {"name": "Tony", "statusMessage": "busy", "uid": "other"}
    me = client.call("PUT", "/me", json=change | {"status": "available", "role": "teacher"}).data
    assert (me["uid"], me["name"], me["statusMessage"]) == ("superhero1", "Tony", "busy")
    assert (me["status"], me["role"]) == ("offline", "default")


def test_logout_ends_the_token_and_its_jwt(client: Client) -> None:
    assert client.call("DELETE", "/me").data["success"] is True
    assert client.call("GET", "/me").code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
    bearer = {"Authorization": f"Bearer {client.jwt}"}
    assert client.call("POST", "/v1/ping", headers=bearer).code == "ERR_NO_AUTH"


def test_what_else_the_sdk_asks_for(client: Client) -> None:
    assert client.call("POST", "/me/jwt", json={"passthrough": "x"}).data["token"]
    session = client.call("POST", "/user_sessions", json={"sessionId": "abc"})
    assert session.data["sessionId"] == "abc"
    bearer = {"Authorization": f"Bearer {client.jwt}"}
    assert client.call("POST", "/v1/ping", headers=bearer, json={}).data["success"] is True


@pytest.mark.parametrize("path", ["/api/v1.0/online-members", "/?/api/v1.0/online-members"])
def test_the_online_count(emulator: Emulator, client: Client, path: str) -> None:
    emulator.set_online("superhero2")
    emulator.set_online("superhero3")
    bare = {"Authorization": client.jwt}
    assert client.call("POST", path, headers=bare).data == {"onlineUsersCount": 2}
    assert client.call("POST", path, headers={"Authorization": "wrong"}).code == "ERR_NO_AUTH"
    groups = client.call("POST", path, headers=bare, json={"groups": ["g1"]})
    assert (groups.status, groups.code) == (501, "ERR_NOT_EMULATED")


# ---- refusals

KEYED = ("POST", "/users/superhero1/auth_tokens")
OWN = ("PUT", "/me")


@pytest.mark.parametrize(
    ("call", "headers", "status", "code"),
    [
        (KEYED, {"appId": ""}, 401, "AUTH_ERR_EMPTY_APPID"),
        (KEYED, {"appId": "other"}, 401, "AUTH_ERR_INVALID_APPID"),
        (KEYED, {}, 401, "AUTH_ERR_EMPTY_APIKEY"),
        (KEYED, {"apiKey": "wrong"}, 401, "AUTH_ERR_APIKEY_NOT_FOUND"),
        (KEYED, {"apiKey": "wr\u00f6ng"}, 401, "AUTH_ERR_APIKEY_NOT_FOUND"),
        (OWN, {"appId": ""}, 401, "AUTH_ERR_EMPTY_APPID"),
        (OWN, {"appId": "other"}, 401, "AUTH_ERR_INVALID_APPID"),
        (OWN, {"authToken": ""}, 401, "AUTH_ERR_EMPTY_AUTH_TOKEN"),
        (OWN, {"authToken": "wrong"}, 401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
        (("GET", "/users"), {"authToken": "wrong"}, 401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
        (("GET", "/settings"), {"authToken": ""}, 401, "AUTH_ERR_EMPTY_AUTH_TOKEN"),
        (("POST", "/v1/ping"), {"Authorization": "Bearer wrong"}, 401, "ERR_NO_AUTH"),
        (("POST", "/v1/ping"), {}, 401, "ERR_NO_AUTH"),
        (("POST", "/users"), {"apiKey": "wrong"}, 401, "AUTH_ERR_APIKEY_NOT_FOUND"),
        (("PUT", "/users/superhero1"), {}, 401, "AUTH_ERR_EMPTY_APIKEY"),
        (("GET", "/users/nobody"), {}, 404, "ERR_UID_NOT_FOUND"),
    ],
    ids=str,
)
def test_wrong_credentials_are_refused(
    client: Client, call: tuple[str, str], headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.call(*call, headers=headers, json={} if call[0] != "GET" else None)
    assert (answer.status, answer.code) == (status, code)
    assert answer.body["error"]["message"]


def test_a_login_for_nobody_is_refused(emulator: Emulator, client: Client) -> None:
    key = {"apiKey": emulator.auth_key}
    answer = client.call("POST", "/users/nobody/auth_tokens", headers=key, json={})
    assert answer.code == "ERR_UID_NOT_FOUND"


def test_one_emulators_credentials_are_nothing_to_another(client: Client) -> None:
    with Emulator() as other, Client(other, login=False) as stranger:
        assert stranger.call("GET", "/me", headers=client.headers).code.endswith("NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3.0/groups"),
        ("PATCH", "/v3.0/me"),
        ("GET", "/"),
        ("POST", "/?/api/v9/other"),
        ("GET", "/v4/users"),
    ],
)
def test_an_unknown_request_is_answered_501(client: Client, method: str, path: str) -> None:
    answer = client.call(method, path)
    assert (answer.status, answer.code) == (501, "ERR_NOT_EMULATED")
    assert f"{method} {path}" in answer.body["error"]["message"]


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'"text"', b"\xff\xfe\x00", b'{"name": NaN}', b"[" * 100_000, b'{"name": 5}'],
    ids=lambda data: repr(data[:12]),
)
def test_a_body_that_makes_no_sense_is_a_bad_request(client: Client, data: bytes) -> None:
    answer = client.call("PUT", "/me", data=data)
    assert (answer.status, answer.code) == (400, "ERR_BAD_REQUEST")


def test_a_body_without_end_is_refused(client: Client) -> None:
    assert client.call("PUT", "/me", data=io.BytesIO(b" " * (2**20 + 1))).status == 413


# ---- browsers

SDK_HEADERS = [
    *("appId", "resource", "sdk", "Accept", "Content-Type", "apiKey", "authToken"),
    *("settingsHash", "settingsHashReceivedAt", "Authorization", "chatApiVersion"),
    "onbehalfofuser",
]


def test_any_page_may_speak_the_client_api(client: Client) -> None:
    asked = {
        "Origin": "http://page.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "appid,authtoken,resource,sdk",
    }
    preflight = client.call("OPTIONS", "/v3.0/me", headers=asked)
    assert preflight.status == 204
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    for name in SDK_HEADERS:
        assert name.lower() in allowed
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert client.call("GET", "/me").headers["Access-Control-Allow-Origin"] == "*"
    refused = client.call("GET", "/me", headers={"authToken": "wrong"})
    assert refused.headers["Access-Control-Allow-Origin"] == "*"  # else the page sees no error


# ---- making one


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"clock": "sundial"}, ValueError),
        ({"app_id": ""}, ValueError),
        ({"users": ["alice"]}, ValueError),
        ({"users": "/no/such/file"}, FileNotFoundError),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_at_once(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Emulator(**arguments)


def test_client_args_are_what_a_client_needs(emulator: Emulator) -> None:
    assert emulator.client_args("superhero1") == {
        "app_id": emulator.app_id,
        "region": "us",
        "uid": "superhero1",
        "auth_key": emulator.auth_key,
        "endpoint": emulator.url,
        "ca_file": None,
    }
