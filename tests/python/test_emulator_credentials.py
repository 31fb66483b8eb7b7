"""Wrong credentials of every kind are refused, by every endpoint; and what a killed one leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator
from cometpresence.emulator.coverage import Kind, supported

LOGIN = "POST /users/superhero1/auth_tokens"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


def gone(emulator: Emulator, client: Client) -> str:
    """The token of a user who was deleted."""
    token = emulator.auth_token("superhero5")
    key = {"apiKey": emulator.rest_api_key}
    assert client.call("DELETE", "/users/superhero5", headers=key).status == 200
    return token


def expired(emulator: Emulator, client: Client) -> str:
    emulator.expire_tokens()
    return client.headers["authToken"]


# The request, the headers besides good ones (an empty value takes one away), the code.
WRONG: list[tuple[str, dict[str, str | Callable[[Emulator, Client], str]], str]] = [
    (LOGIN, {"appId": "other", "apiKey": "{auth_key}"}, "AUTH_ERR_INVALID_APPID"),
    (LOGIN, {"appId": ""}, "AUTH_ERR_EMPTY_APPID"),
    (LOGIN, {}, "AUTH_ERR_EMPTY_APIKEY"),
    (LOGIN, {"apiKey": "wrong"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
    (LOGIN, {"apiKey": "{admin_token}"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
    (LOGIN, {"apiKey": "{auth_key}x"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
    ("DELETE /users/superhero1", {"apiKey": "{auth_key}"}, "AUTH_ERR_NO_ACCESS"),
    ("GET /roles", {"apiKey": "{auth_key}"}, "AUTH_ERR_NO_ACCESS"),
    ("GET /me", {"appId": ""}, "AUTH_ERR_EMPTY_APPID"),
    ("GET /me", {"appId": "other"}, "AUTH_ERR_INVALID_APPID"),
    ("GET /me", {"authToken": ""}, "AUTH_ERR_EMPTY_AUTH_TOKEN"),
    ("GET /me", {"authToken": "wrong"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ("GET /me", {"authToken": "{rest_api_key}"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ("GET /me", {"authToken": expired}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ("GET /me", {"authToken": gone}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ("GET /users", {"authToken": "wrong"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ("POST /v1/ping", {}, "ERR_NO_AUTH"),
    ("POST /v1/ping", {"Authorization": "Bearer wrong"}, "ERR_NO_AUTH"),
    ("POST /api/v1.0/online-members", {"Authorization": "wrong"}, "ERR_NO_AUTH"),
    ("GET /_emulator/users", {}, "ERR_NO_AUTH"),
    ("GET /_emulator/users", {"Authorization": "Bearer {rest_api_key}"}, "ERR_NO_AUTH"),
    ("GET /_emulator/users", {"Authorization": "Basic {admin_token}"}, "ERR_NO_AUTH"),
]


@pytest.mark.parametrize(("request_line", "headers", "code"), WRONG, ids=str)
def test_it_is_refused_with_the_code_that_says_why(
    emulator: Emulator,
    client: Client,
    request_line: str,
    headers: dict[str, str | Callable[[Emulator, Client], str]],
    code: str,
) -> None:
    known = {name: getattr(emulator, name) for name in ("auth_key", "rest_api_key", "admin_token")}
    sent = {
        name: value.format(**known) if isinstance(value, str) else value(emulator, client)
        for name, value in headers.items()
    }
    method, path = request_line.split()
    answer = client.call(method, path, headers=sent)
    assert (answer.code, answer.status) == (code, 403 if code == "AUTH_ERR_NO_ACCESS" else 401)


@pytest.mark.parametrize("wrong", ["jwt", "sender", "appId"])
def test_a_socket_with_wrong_credentials_is_told_401_and_closed(
    emulator: Emulator, client: Client, wrong: str
) -> None:
    ws = client.dial()
    frame = client.auth_frame(ws)
    if wrong == "jwt":
        frame["body"]["auth"] = "jwt.superhero1." + "0" * 40
    else:
        frame[wrong] = "superhero2"
    ws.send(frame)
    assert ws.next()["body"]["code"] == "401"
    assert ws.close_code() == 1008
    assert emulator.online == frozenset()


@pytest.mark.parametrize("endpoint", sorted(supported(Kind.ENDPOINT) - {"GET /"}))
def test_every_endpoint_refuses_who_brings_nothing(emulator: Emulator, endpoint: str) -> None:
    method, path = endpoint.removesuffix(" with apiKey").split()
    for name in ("uid", "role", "authToken"):
        path = path.replace(f"{{{name}}}", "superhero1")
    with Client(emulator, login=False) as stranger:
        answer = stranger.call(method, path, headers={"appId": ""})
        assert (answer.code, answer.status) == ("AUTH_ERR_EMPTY_APPID", 401)


HOLDER = """
import json, subprocess, sys
from cometpresence.emulator import Emulator

emulator = Emulator().start()
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(json.dumps([emulator.url, emulator.admin_url, child.pid]), flush=True)
child.wait()
"""


def test_a_process_that_is_killed_frees_the_ports_although_its_child_lives() -> None:
    """Whoever ran a command with an emulator around it may be killed before the command ends."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    # The child's input is a pipe of the holder's: it would end by itself, so it is stopped first.
    with holder:
        assert holder.stdout
        *urls, child = json.loads(holder.stdout.readline())
        os.kill(child, signal.SIGSTOP)
        holder.kill()
        holder.wait()
        try:
            for url in urls:
                with socket.socket() as again:
                    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    again.bind(("127.0.0.1", int(url.split(":")[2].partition("/")[0])))
                    again.listen()
        finally:
            os.kill(child, signal.SIGKILL)
