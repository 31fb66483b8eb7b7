"""What is no request, or none there is: refused in JSON, and no error of the emulator's."""

import json
import logging
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from python.emulator_client import PATIENCE, Client

from cometpresence.emulator import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def answer_to(url: str, request: bytes) -> tuple[int, str, str]:
    """Status, code and message of the answer to these bytes."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), PATIENCE) as raw:
        raw.sendall(request)
        with raw.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            headers = dict(
                line.decode().rstrip("\r\n").lower().split(": ", 1)
                for line in iter(answer.readline, b"\r\n")
            )
            assert headers["content-type"].startswith("application/json"), headers
            error = json.loads(answer.read(int(headers["content-length"])))["error"]
    return status, error["code"], error["message"]


HOST = b"\r\nHost: 127.0.0.1\r\n"
MALFORMED = {
    "rubbish": b"rubbish\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no method": b"/users HTTP/1.1" + HOST + b"\r\n",
    "half a method": b"G\0T /users HTTP/1.1" + HOST + b"\r\n",
    "no such version": b"GET /users HTTP/3.7" + HOST + b"\r\n",
    "header without a colon": b"GET /users HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "negative length": b"POST /users HTTP/1.1" + HOST + b"Content-Length: -5\r\n\r\n",
    "two lengths": b"POST /users HTTP/1.1" + HOST + b"Content-Length: 2\r\n" * 2 + b"\r\n{}",
    "length and chunks": (
        b"POST /users HTTP/1.1" + HOST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "chunk without a size": (
        b"POST /users HTTP/1.1" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
    "target too long": b"GET /" + b"a" * 10_000 + b" HTTP/1.1" + HOST + b"\r\n",
    "header too long": b"GET / HTTP/1.1" + HOST + b"a: " + b"b" * 10_000 + b"\r\n\r\n",
    "no gzip": (
        b"POST /users HTTP/1.1" + HOST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "upgrade without a key": (
        b"GET / HTTP/1.1" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("door", ["url", "admin_url"])
def test_what_is_no_request_is_a_bad_one(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, what: str, door: str
) -> None:
    with caplog.at_level(logging.INFO):
        status, code, message = answer_to(getattr(emulator, door), MALFORMED[what])
    assert (status, code) == (400, "ERR_BAD_REQUEST")
    assert message
    assert "\n" not in message
    assert not caplog.records


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"BREW /users", "the method BREW"),
        (b"PROPFIND /users", "PROPFIND /users"),
        (b"OPTIONS *", "OPTIONS *"),
        (b"CONNECT cometchat.io:443", "CONNECT cometchat.io:443"),
    ],
    ids=str,
)
def test_what_nobody_taught_it_is_not_implemented(
    emulator: Emulator, line: bytes, what: str
) -> None:
    answer = answer_to(emulator.url, line + b" HTTP/1.1" + HOST + b"\r\n")
    assert answer == (501, "ERR_NOT_EMULATED", f"the emulator does not know {what}")


def test_an_odd_expectation_is_refused_in_json_too(emulator: Emulator) -> None:
    expect = b"POST /users HTTP/1.1" + HOST + b"Expect: coffee\r\nContent-Length: 0\r\n\r\n"
    assert answer_to(emulator.url, expect)[:2] == (417, "ERR_BAD_REQUEST")


def test_of_its_own_api_it_knows_what_there_is(emulator: Emulator) -> None:
    with Client(emulator, login=False) as client:
        wrong_path = client.admin("GET", "/nothing")
        assert (wrong_path.status, wrong_path.code) == (404, "ERR_NOT_FOUND")
        wrong_method = client.admin("PATCH", "/users")
        assert (wrong_method.status, wrong_method.code) == (405, "ERR_METHOD_NOT_ALLOWED")
        assert wrong_method.headers["Allow"] == "GET, POST"
