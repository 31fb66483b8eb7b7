"""What goes over the wire, how it ends, and what waits for what: seen from the server."""

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from python.hostile import Hostile, Peer, good_server
from python.hostile_client import watching

from cometpresence import CometChatException, PresenceClient

authority = trustme.CA()


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    if request.param == "plain":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


# ---- the head of a request


def test_a_request_says_one_thing_about_its_connection() -> None:
    """libwebsockets adds "close" by itself, and servers read only one of two."""
    with Hostile() as server, watching(server) as (_, came):
        came.one()
        said = {
            request.name: [line for line in request.lines if line.lower().startswith("connection")]
            for request in server.requests
        }
    assert said.pop("GET /") == ["Connection: Upgrade"]
    assert said
    assert all(lines == ["connection: close"] for lines in said.values())


# ---- the end of a socket


@pytest.mark.parametrize("end", ["close", "logout", "disconnect"])
def test_who_leaves_says_so(end: str) -> None:
    with Hostile() as server, watching(server) as (client, came):
        came.one()
        getattr(client, end)()
        [socket] = server.sockets
        server.wait_until(lambda: socket.is_over)
        assert socket.farewells == [(1000).to_bytes(2, "big") + b"User logged out"]


def test_a_server_that_does_not_pong_is_left_without_a_word() -> None:
    """It would not read it either; waiting for its answer would cost a second."""

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.listen()

    with (
        Hostile(script) as server,
        watching(server, ping_interval=0.1, ping_timeout=0.1) as (_, came),
    ):
        assert came.one().uid == "good"
        assert server.sockets[0].is_over
        assert server.sockets[0].farewells == []


# ---- connections beside each other


@pytest.mark.parametrize("held", ["GET /users/held", "GET /"])
def test_what_is_not_answered_holds_up_nothing_else(held: str) -> None:
    """One thread and one context, but no queue: neither requests nor upgrades wait in a line."""
    is_held, may_go_on = threading.Event(), threading.Event()

    def hold(peer: Peer) -> None:
        is_held.set()
        may_go_on.wait(10)

    with Hostile(answers={held: hold}) as server, ThreadPoolExecutor(1) as pool:
        first = PresenceClient(**server.client_args())
        first.login()
        if held == "GET /users/held":
            waits = pool.submit(first.get_user, "held")
        assert is_held.wait(10)
        server.answers.clear()
        began = time.monotonic()
        with watching(server) as (second, came):
            assert came.one().uid == "good"
            assert second.get_user("bob").uid == first.get_user("bob").uid == "bob"
        assert time.monotonic() - began < 2
        may_go_on.set()
        first.close()
        if held == "GET /users/held":
            assert waits.exception(10) is not None


# ---- the end of a connection, at any moment


@pytest.fixture
def calm(tls: ssl.SSLContext | None) -> Iterator[Hostile]:
    with Hostile() as server, watching(server) as (_, came):
        came.one()
        yield server


def answers_late(peer: Peer) -> None:
    """Each stage takes a moment, so that some client leaves in it."""
    time.sleep(random.random() * 0.005)  # that moment
    good_server(peer)


def test_whoever_leaves_while_connecting_is_gone(
    calm: Hostile, tls: ssl.SSLContext | None, ca_file: Path
) -> None:
    """Another client keeps the thread; else the end of its context would end them all."""
    chance = random.Random(7)
    with Hostile(then=answers_late, tls=tls) as server, ThreadPoolExecutor(4) as pool:

        def come_and_go(stay: float) -> None:
            client = PresenceClient(**server.client_args(), ca_file=ca_file)
            login = threading.Thread(target=lambda: try_to(client.login))
            login.start()
            time.sleep(stay)  # is what the test varies
            client.close()
            login.join()

        list(pool.map(come_and_go, [chance.random() * 0.02 for _ in range(300)]))
        assert server.connections > 100
        server.wait_until(server.is_left)


def is_dumb(peer: Peer) -> None:
    while True:
        peer.linger(10)


def test_what_is_told_to_end_just_as_its_next_stage_begins_is_gone(
    ca_file: Path,
) -> None:
    """libwebsockets keeps one timeout for a connection, and forgets ours when it connects; from
    a server that says nothing no other event would follow."""
    chance = random.Random(7)
    with Hostile() as calm, watching(calm), Hostile() as server:
        server.url = f"https://127.0.0.1:{server.port}"
        server.first_words = is_dumb
        for _ in range(600):
            client = PresenceClient(
                **server.client_args(),
                ca_file=ca_file,
                connect_timeout=1e-6 + chance.random() * 3e-4,
            )
            try_to(client.login)
            client.close()
        assert server.connections > 100
        server.wait_until(server.is_left)


def try_to(do: Callable[[], object]) -> None:
    with suppress(CometChatException):
        do()
