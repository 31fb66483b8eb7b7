"""The soak of `make soak`: its proxy does what it says, its verdict tells good from bad, and a
short one is good."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from soak.picture import draw
from soak.proxy import CALM, ChaosProxy, Weather
from soak.record import Look, complaints, read, slope
from soak.run import soak, verdict

PATIENCE = 30.0
PNG = b"\x89PNG"


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while chunk := self.request.recv(4096):
            self.request.sendall(chunk)


class Echoes(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A reset is what the tests are about."""


@pytest.fixture
def proxy() -> Iterator[ChaosProxy]:
    """One before a server that sends back what it gets."""
    with Echoes(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with ChaosProxy(*server.server_address[:2]) as proxy:
                yield proxy
        finally:
            server.shutdown()
            thread.join()


def connect(proxy: ChaosProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def echo(link: socket.socket, data: bytes) -> bytes:
    link.sendall(data)
    return receive(link, len(data))


def receive(link: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (chunk := link.recv(size - len(found))):
        found += chunk
    return found


# ---- the proxy


def test_what_is_left_alone_passes_whole_and_so_does_its_end(proxy: ChaosProxy) -> None:
    data = bytes(range(256)) * 1000
    with connect(proxy) as link:
        assert echo(link, data) == data
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""
    assert not proxy.strikes


@pytest.mark.parametrize(
    ("weather", "least"), [(Weather(delay=0.15), 0.3), (Weather(rate=5000.0), 0.4)]
)
def test_bad_weather_takes_time(proxy: ChaosProxy, weather: Weather, least: float) -> None:
    with connect(proxy) as link:
        assert echo(link, b"warm") == b"warm"
        proxy.weather = weather
        began = time.monotonic()
        assert echo(link, b"x" * 1000) == b"x" * 1000
        assert time.monotonic() - began >= least
        proxy.weather = CALM
        assert echo(link, b"again") == b"again"
    assert sum(proxy.strikes.values()) >= 2


def test_a_reset_is_one_and_a_close_is_one(proxy: ChaosProxy) -> None:
    with connect(proxy) as link:
        assert echo(link, b"one") == b"one"
        assert proxy.cut(reset=True) == 1
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    with connect(proxy) as link:
        assert echo(link, b"two") == b"two"
        assert proxy.cut(reset=False) == 1
        assert link.recv(1) == b""


def test_a_link_that_died_is_silent_for_ever_and_the_next_one_is_not(proxy: ChaosProxy) -> None:
    with connect(proxy) as dead, connect(proxy) as idle:
        assert echo(dead, b"one") == b"one"
        assert echo(idle, b"one") == b"one"
        assert proxy.go_dead() == 2
        dead.sendall(b"two")
        with connect(proxy) as link:
            assert echo(link, b"three") == b"three"
        dead.settimeout(0.2)
        with pytest.raises(TimeoutError):
            dead.recv(1)


def test_one_byte_of_each_garbled_chunk_is_another(proxy: ChaosProxy) -> None:
    with connect(proxy) as link:
        proxy.garble(1)
        got = echo(link, b"x" * 100)
        assert sum(byte != ord("x") for byte in got) == 1
        assert echo(link, b"fine") == b"fine"


def test_who_comes_while_it_refuses_is_sent_away(proxy: ChaosProxy) -> None:
    proxy.weather = Weather(refuse=True)
    with connect(proxy) as link, suppress(ConnectionResetError):
        assert link.recv(1) == b""
    proxy.weather = CALM
    with connect(proxy) as link:
        assert echo(link, b"now") == b"now"


# ---- the verdict

GOOD = [
    Look(
        hours=n / 100,
        rss_mb=20.0 if n < 10 else 23.0 + 0.1 * (n % 2),
        descriptors=6 if n < 10 else 8,
        threads=3,
        wrong=0,
        not_alternating=0,
        events=100 * n,
        reconnects=n,
        strikes={"reset": n},
    )
    for n in range(100)
]


def test_what_grows_only_at_first_is_good() -> None:
    assert complaints(GOOD) == []


def test_a_socket_that_is_missing_in_one_look_is_no_leak() -> None:
    looks = [replace(look, descriptors=7) if n == 60 else look for n, look in enumerate(GOOD)]
    assert complaints(looks) == []


@pytest.mark.parametrize(
    ("at", "change", "words"),
    [
        (60, {"descriptors": 9}, "descriptors grow from 8 to 9"),
        (60, {"threads": 4}, "threads grow from 3 to 4"),
        (5, {"wrong": 2}, "2 wrong final states"),
        (99, {"not_alternating": 1}, "1 events did not alternate"),
    ],
)
def test_a_single_bad_look_is_told(at: int, change: dict[str, int], words: str) -> None:
    looks = [replace(look, **change) if n == at else look for n, look in enumerate(GOOD)]
    assert complaints(looks) == [words]


def test_memory_that_grows_is_told() -> None:
    looks = [replace(look, rss_mb=20 + 2 * look.hours) for look in GOOD]
    assert slope(looks) == pytest.approx(2.0)
    assert complaints(looks) == ["memory grows by 2.00 MB/h"]
    assert complaints(GOOD[:1]) == ["too few looks to judge by"]


# ---- a short one


@pytest.mark.timeout(240)
def test_a_short_soak_ends_with_the_servers_picture(tmp_path: Path) -> None:
    looks = soak(hours=8 / 3600, cycle=3.0, seed=1, lines=tmp_path / "soak.jsonl")
    assert len(looks) >= 2
    assert read(tmp_path / "soak.jsonl") == looks
    assert [look.wrong for look in looks] == [0] * len(looks)
    assert looks[-1].not_alternating == 0
    assert looks[-1].events > 0
    assert sum(looks[-1].strikes.values()) > 0
    assert "0 wrong final states" in verdict(looks)
    draw(looks, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(PNG)
