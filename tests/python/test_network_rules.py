"""One test for each thing that libwebsockets does, or lets happen, and we must not (LIBWEBSOCKETS §0)."""

import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
from python.hostile import BINARY, Hostile, Peer, came_online, frame, good_server, http
from python.hostile_client import watching
from python.inbox import Inbox

from cometpresence import (
    CometChatException,
    ConnectionLost,
    PresenceClient,
    ProtocolError,
    RequestTimeout,
)

MIB = 1024 * 1024
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


@pytest.fixture
def login() -> Iterator[Callable[..., PresenceClient]]:
    """Clients that do not connect, closed after the test."""
    made: list[PresenceClient] = []

    def make(server: Hostile, **kw: object) -> PresenceClient:
        client = PresenceClient(**(server.client_args() | kw))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


# ---- 1, 2, 3: the end of a connection


def test_kill_within_a_frame_is_safe(tls: ssl.SSLContext | None, ca_file: Path) -> None:
    """20 times: a frame too large is refused at its header while the rest is still coming."""

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(frame(b"x" * 2 * MIB, BINARY, length=1 << 40))
        peer.listen()

    with (
        Hostile(*[script] * 20, tls=tls) as server,
        watching(server, ca_file=ca_file) as (client, came),
    ):
        assert came.one().uid == "good"
        assert client.stats().reconnects == 20


def test_close_within_a_frame_is_safe(tls: ssl.SSLContext | None, ca_file: Path) -> None:
    """The same by our own wish, while half a message is held."""
    halves = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(frame(b"x" * 100_000, length=200_000))
        halves.release()
        peer.serve()

    with Hostile(then=script, tls=tls) as server:
        for _ in range(5):
            with watching(server, ca_file=ca_file) as (client, _):
                assert halves.acquire(timeout=10)
                client.disconnect()


def test_bad_utf8_early_in_a_large_message_is_safe(
    tls: ssl.SSLContext | None, ca_file: Path
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(frame(b"\xff" + b"x" * 2 * MIB) + frame(b"\xff" + b"x" * 200_000))
        peer.send(came_online("bob"))
        peer.serve()

    with (
        Hostile(script, tls=tls) as server,
        watching(server, ca_file=ca_file) as (client, came),
    ):
        assert came.one().uid == "bob"
        assert client.stats().malformed == 2


# ---- 4: compression


def test_compression_is_not_offered() -> None:
    with Hostile() as server, watching(server) as (_, came):
        came.one()
        assert not [
            name
            for request in server.requests
            for name in request.headers
            if name in ("sec-websocket-extensions", "accept-encoding")
        ]


# ---- 7: the end is told exactly once


def refuses(peer: Peer) -> None:
    peer.send(http("503 Service Unavailable"))
    peer.listen()


def is_silent(peer: Peer) -> None:
    peer.listen()


def hangs_up(peer: Peer) -> None:
    pass


def ends_live(peer: Peer) -> None:
    peer.welcome()
    peer.send(came_online("early"))


def resets_live(peer: Peer) -> None:
    peer.welcome()
    peer.reset()


ENDS = [refuses, is_silent, hangs_up, Peer.reset, ends_live, resets_live]


@pytest.mark.parametrize("end", ENDS)
def test_the_end_is_told_exactly_once(end: Callable[[Peer], None]) -> None:
    lost, connecting = Inbox(), Inbox()
    with Hostile(then=end) as server:
        arguments = {"connect_timeout": 0.3, "ping_interval": 60.0}
        with watching(server, **arguments) as (client, came):
            server.then = end
            client.on_disconnected(lost)
            client.on_connecting(connecting)
            server.wait_until(lambda: len(server.sockets) >= 4)
            server.then = good_server
            came.wait_until(lambda users: any(user.uid == "good" for user in users))
            sockets = len(server.sockets)
            stats = client.stats()
        was_live = end in (ends_live, resets_live)
        assert stats.reconnects == (sockets - 1 if was_live else 0)
        assert len(server.sockets) == sockets
        attempts = [attempt for attempt, _ in connecting.letters]
        if was_live:
            assert set(attempts) == {1}
            assert len(lost.letters) in (sockets - 1, sockets)  # the last is our own close
        else:
            assert attempts[-1] == sockets


def test_failed_lookup_is_told_once(login: Callable[..., PresenceClient]) -> None:
    with Hostile() as server:
        client = login(server, endpoint="https://no-such-host.invalid", connect_timeout=5.0)
        for _ in range(3):
            with pytest.raises(ConnectionLost) as caught:
                client.login()
            assert caught.value.code == "ERR_DNS"


# ---- 6: nothing listens


def test_refused_connection_is_told_at_once(login: Callable[..., PresenceClient]) -> None:
    with Hostile() as server:
        client = login(server, connect_timeout=60.0)
    with pytest.raises(ConnectionLost):
        client.login()


def test_refused_on_one_address_the_next_is_tried(ca_file: Path) -> None:
    """`localhost` is often ::1 first, where nothing listens."""
    with Hostile() as server:
        server.url = f"http://localhost:{server.port}"
        with watching(server) as (_, came):
            assert came.one().uid == "good"


# ---- REST


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "308 Moved"])
def test_redirects_are_refused_and_the_key_is_not_sent_on(
    status: str, login: Callable[..., PresenceClient]
) -> None:
    with Hostile() as elsewhere, Hostile() as server:
        target = f"Location: {elsewhere.url}/v3.0/users/alice/auth_tokens"
        server.answers["POST /users/alice/auth_tokens"] = lambda peer: peer.send(
            http(status, b"", target)
        )
        with pytest.raises(CometChatException):
            login(server).login()
        assert elsewhere.connections == 0
        assert len(server.requests) == 1


def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile() as dead:
        nowhere = f"127.0.0.1:{dead.port}"
    for name in ("http_proxy", "https_proxy", "all_proxy", "socks_proxy"):
        monkeypatch.setenv(name, nowhere)
        monkeypatch.setenv(name.upper(), nowhere)
    with Hostile() as server, watching(server) as (_, came):
        assert came.one().uid == "good"


def test_connections_to_one_host_are_not_queued_behind_each_other() -> None:
    """50 upgrades are answered only when all have come, and a request while they wait."""
    count = 50
    all_here = threading.Barrier(count + 1)

    def script(peer: Peer) -> None:
        all_here.wait(timeout=10)
        good_server(peer)

    with Hostile(then=script) as server, ThreadPoolExecutor(count) as pool:
        clients = [PresenceClient(**server.client_args()) for _ in range(count)]
        came = Inbox()
        for client in clients:
            client.on_user_online(came)
        list(pool.map(PresenceClient.login, clients))
        server.wait_until(lambda: len(server.sockets) == count)
        assert (
            list(pool.map(lambda client: client.get_user("alice").uid, clients)) == ["alice"] * 50
        )
        all_here.wait(timeout=10)
        came.wait_for(count)
        list(pool.map(PresenceClient.close, clients))


def test_long_token_is_sent_whole(login: Callable[..., PresenceClient]) -> None:
    with Hostile() as server:
        login(server).login(auth_token="t" * 8000)
        assert server.requests[0].headers["authtoken"] == "t" * 8000


def test_token_too_long_for_a_request_is_an_error(login: Callable[..., PresenceClient]) -> None:
    with Hostile() as server:
        with pytest.raises(CometChatException):
            login(server).login(auth_token="t" * 100_000)
        assert server.requests == []


# ---- answers: odd, large, slow, broken

ME = b'{"data":{"uid":"bob","name":"Bob"}}'


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return http("200 OK", body + end, "Transfer-Encoding: chunked")


GOOD_ANSWERS = {
    "plain": http("200 OK", ME),
    "headers_of_5_KB": http("200 OK", ME, "X-Filler: " + "x" * 5000),
    "40_headers": http("200 OK", ME, *(f"X-{n}: {'y' * 100}" for n in range(40))),
    "chunked": chunked(ME[:5], ME[5:6], ME[6:]),
    "of_3_MB": http("200 OK", ME + b" " * 3_000_000),
    "bytes_behind_it": http("200 OK", ME) + b"HTTP/1.1 200 OK\r\n\r\nevil",
    "until_the_end": b"HTTP/1.0 200 OK\r\n\r\n" + ME,
    "lower_case": http("200 ok", ME).replace(b"Content-Length", b"content-length"),
}


@pytest.mark.parametrize("name", GOOD_ANSWERS)
@pytest.mark.parametrize("how", ["whole", "bytewise"])
def test_good_answer_is_read(name: str, how: str, login: Callable[..., PresenceClient]) -> None:
    def answer(peer: Peer) -> None:
        if how == "whole" or len(GOOD_ANSWERS[name]) > 10_000:
            peer.send(GOOD_ANSWERS[name])
        else:
            peer.send_bytewise(GOOD_ANSWERS[name])

    with Hostile(answers={"GET /users/bob": answer}) as server:
        client = login(server)
        client.login()
        assert client.get_user("bob").name == "Bob"


def endless(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def sends(data: bytes) -> Callable[[Peer], None]:
    return lambda peer: peer.send(data)


BAD_ANSWERS: dict[str, tuple[Callable[[Peer], None], type[Exception]]] = {
    "of_5_MB": (sends(http("200 OK", ME + b" " * 5_000_000)), ProtocolError),
    "endless": (endless, ProtocolError),
    "cut_off": (
        sends(http("200 OK", ME[:10], f"Content-Length: {len(ME)}")),
        ConnectionLost,
    ),
    "cut_off_at_once": (sends(b""), ConnectionLost),
    "cut_off_in_headers": (sends(b"HTTP/1.1 200 OK\r\nContent-Le"), ConnectionLost),
    "cut_off_in_chunk": (sends(chunked(ME, end=b"ff\r\nx")), CometChatException),
    "cut_off_between_chunks": (sends(chunked(ME[:-1], end=b"")), CometChatException),
    "reset": (Peer.reset, ConnectionLost),
    "not_json": (sends(http("200 OK", b"<html>")), ProtocolError),
    "not_utf8": (sends(http("200 OK", b'{"data":"\xff"}')), ProtocolError),
    "deep": (sends(http("200 OK", b"[" * 100_000)), ProtocolError),
    "empty": (sends(http("200 OK")), ProtocolError),
    "204": (sends(b"HTTP/1.1 204 No Content\r\n\r\n"), ProtocolError),
    "101": (sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), CometChatException),
    "garbage": (sends(b"\x00\x01garbage\r\n\r\n" * 20), CometChatException),
    "chunk_of_garbage": (sends(chunked(end=b"zz\r\nx\r\n")), CometChatException),
    "chunk_of_2_31": (sends(chunked(end=b"80000000\r\n" + b"x" * 5000)), CometChatException),
    "chunk_of_minus_1": (sends(chunked(end=b"ffffffff\r\n" + b"x" * 5000)), CometChatException),
    "chunk_of_2_63": (sends(chunked(end=b"8000000000000000\r\nx")), CometChatException),
    "length_of_garbage": (sends(http("200 OK", ME, "Content-Length: -5")), CometChatException),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answer_is_an_error_and_the_next_call_works(
    name: str, login: Callable[..., PresenceClient]
) -> None:
    answer, error = BAD_ANSWERS[name]
    with Hostile(answers={"GET /users/bob": answer}) as server:
        client = login(server, connect_timeout=2.0)
        client.login()
        with pytest.raises(error):
            client.get_user("bob")
        assert client.get_user("alice").uid == "alice"


def trickles(peer: Peer) -> None:
    """Something every moment, so that no timer of the transport runs out."""
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        peer.linger(0.02)
        peer.send(b" ")


@pytest.mark.parametrize("slow", [is_silent, trickles])
def test_slow_answer_is_a_timeout(
    slow: Callable[[Peer], None], login: Callable[..., PresenceClient]
) -> None:
    with Hostile(answers={"GET /users/bob": slow}) as server:
        client = login(server, connect_timeout=0.3)
        client.login()
        with pytest.raises(RequestTimeout):
            client.get_user("bob")
        assert client.get_user("alice").uid == "alice"


# ---- half open


def test_silent_server_is_noticed_by_its_missing_pong() -> None:
    lost = Inbox()

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.listen()

    with (
        Hostile(script) as server,
        watching(server, ping_interval=0.1, ping_timeout=0.1) as (client, came),
    ):
        client.on_disconnected(lost)
        assert came.one().uid == "good"
        assert "pong" in lost.one().reason
        assert lost.one().code == 1006


def test_server_that_talks_but_does_not_pong_is_left() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        while True:
            peer.linger(0.02)
            peer.send(frame('{"type":"surprise"}'))

    with (
        Hostile(script) as server,
        watching(server, ping_interval=0.1, ping_timeout=0.2) as (_, came),
    ):
        assert came.one().uid == "good"


def test_close_is_prompt_though_the_server_is_silent(
    tls: ssl.SSLContext | None, ca_file: Path
) -> None:
    here, may_go = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.welcome()
        here.set()
        may_go.wait(10)  # reads nothing, answers nothing

    with Hostile(script, tls=tls) as server:
        with watching(server, ca_file=ca_file) as (client, _):
            assert here.wait(10)
            threads = ThreadPoolExecutor(1)
            threads.submit(client.close).result(timeout=1.9)
            threads.shutdown()
        may_go.set()
