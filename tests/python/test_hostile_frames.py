"""What a server may send after the upgrade, and instead of it: nothing hangs, crashes or is lost."""

import json
import socket
import ssl
from collections.abc import Callable

import pytest
import trustme
from python.hostile import (
    AUTH_ANSWER,
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Hostile,
    Peer,
    came_online,
    close_frame,
    frame,
    good_server,
    http,
    presence,
)
from python.hostile_client import watching
from python.inbox import Inbox

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


# ---- what is counted, and the connection kept


def oversized(size: int) -> bytes:
    return frame(presence("huge", filler="x" * size))


def nested(depth: int) -> bytes:
    return frame('{"a":' * depth + "1" + "}" * depth)


UNUSABLE = {
    "oversized_300_KiB": oversized(300 * KIB),
    "oversized_1_MiB": oversized(MIB),
    "oversized_15_MiB": oversized(15 * MIB),
    "oversized_in_fragments": frame(b"x" * 200 * KIB, final=False)
    + frame(b"x" * 50 * KIB, 0, final=False)
    + frame(b"x" * 100 * KIB, 0),
    "oversized_binary": frame(b"x" * 300 * KIB, BINARY),
    "deep_objects": nested(33),
    "very_deep_arrays": frame("[" * 100_000 + "]" * 100_000),
    "unclosed_arrays": frame("[" * 200_000),
    "many_elements": frame("[" + "1," * 100_000 + "1]"),
    "raw_nul": frame(presence("nul\0")[:-1] + "\0}"),
    "escaped_nul_in_uid": frame(presence("good\0evil")),
    "escaped_nul_in_key": frame(r'{"type\u0000x":"presence"}'),
    "bad_utf8": frame(b'{"type":"\xff\xfe"}'),
    "overlong_utf8": frame(b'{"type":"\xc0\x80"}'),
    "surrogate_utf8": frame(b'{"type":"\xed\xa0\x80"}'),
    "lone_surrogate_escape": frame(r'{"type":"\ud800"}'),
    "not_json": frame("hello"),
    "nothing": frame(""),
    "half_json": frame(presence("half")[:-10]),
    "trailing_garbage": frame(presence("trailing") + "x"),
    "two_values": frame(presence("one") + presence("two")),
    "byte_order_mark": frame("\ufeff" + presence("bom")),
    "duplicate_uid": frame(presence("twice").replace('"uid"', '"uid":"other","uid"')),
    "uid_is_an_object": frame(presence("x").replace('"x"', "{}")),
    "binary": frame(presence("binary"), BINARY),
    "binary_that_is_bytes": frame(bytes(range(256)), BINARY),
    "binary_in_fragments": frame(b"\0", BINARY, final=False) + frame(b"\1", 0),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_message_is_counted_and_the_next_is_delivered(name: str) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(UNUSABLE[name])
        peer.send(came_online("bob"))
        peer.serve()

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "bob"
        assert client.stats().malformed == 1
        assert client.stats().reconnects == 0
        assert len(server.sockets) == 1


def test_unusable_messages_are_reported_once_not_each(caplog: pytest.LogCaptureFixture) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(frame("hello") * 1000)
        peer.send(came_online("bob"))
        peer.serve()

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "bob"
        assert client.stats().malformed == 1000
    assert len([each for each in caplog.records if "frame" in each.getMessage()]) == 1


# ---- what is odd, but right


HELLO = presence("hello").encode()

ODD = {
    "text_in_fragments_with_pings_between": frame(HELLO[:5], final=False)
    + frame(b"ping", PING)
    + frame(HELLO[5:9], 0, final=False)
    + frame(b"unasked", PONG)
    + frame(HELLO[9:], 0),
    "empty_fragments": frame(b"", final=False) + frame(HELLO, 0, final=False) + frame(b"", 0),
    "a_character_across_fragments": (
        lambda text: frame(text[:-1], final=False) + frame(text[-1:], 0) + frame(HELLO)
    )(json.dumps({"type": "ü"}, ensure_ascii=False).encode().replace(b'"}', b"")[:11]),
    "ping_of_125": frame(b"p" * 125, PING) + frame(HELLO),
    "unknown_type": frame('{"type":"surprise"}') + frame(HELLO),
    "null": frame("null") + frame(HELLO),
    "just_below_the_limit": frame(presence("hello", metadata={"x": "y" * 255 * KIB})),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("how", ["whole", "split_at_every_byte"])
def test_odd_but_right_message_is_delivered(name: str, how: str) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        if how == "whole" or len(ODD[name]) > 1000:
            peer.send(ODD[name])
        else:
            peer.send_bytewise(ODD[name])
        peer.serve()

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "hello"
        assert client.stats().reconnects == 0


def test_handshake_and_frames_split_at_every_byte() -> None:
    def script(peer: Peer) -> None:
        peer.send_bytewise(peer.handshake())
        peer.read_frame()
        peer.send_bytewise(AUTH_ANSWER + came_online("bob"))
        peer.serve()

    with Hostile(script) as server, watching(server) as (_, came):
        assert came.one().uid == "bob"


def test_handshake_with_headers_of_10_KB_is_read() -> None:
    def script(peer: Peer) -> None:
        peer.send(peer.handshake()[:-2] + b"X-Filler: " + b"x" * 10_000 + b"\r\n\r\n")
        peer.read_frame()
        peer.send(AUTH_ANSWER + came_online("bob"))
        peer.serve()

    with Hostile(script) as server, watching(server) as (_, came):
        assert came.one().uid == "bob"


def test_message_in_the_segment_of_the_101_is_delivered() -> None:
    def script(peer: Peer) -> None:
        peer.send(peer.handshake() + frame("early") + AUTH_ANSWER + came_online("bob"))
        peer.read_frame()
        peer.serve()

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "bob"
        assert client.stats().malformed == 1


# ---- what breaks the WebSocket protocol

BROKEN = {
    "masked": (frame(presence("evil"), mask=b"abcd"), 1002),
    "masked_with_zeros": (frame(presence("evil"), mask=b"\0\0\0\0"), 1002),
    "reserved_1": (frame(presence("evil"), reserved=4), 1002),
    "reserved_2": (frame(presence("evil"), reserved=2), 1002),
    "reserved_3": (frame(b"", PING, reserved=1), 1002),
    "opcode_3": (frame(presence("evil"), 3), 1002),
    "opcode_7": (frame(b"", 7), 1002),
    "opcode_11": (frame(b"", 11), 1002),
    "opcode_15": (frame(b"", 15), 1002),
    "fragmented_ping": (frame(b"", PING, final=False), 1002),
    "fragmented_close": (frame(b"", CLOSE, final=False), 1002),
    "ping_of_126": (frame(b"x" * 126, PING), 1002),
    "close_of_64_KiB": (frame(b"x" * 65536, CLOSE), 1002),
    "stray_continuation": (frame(presence("evil"), 0), 1002),
    "stray_last_continuation": (frame(presence("evil"), 0, final=False), 1002),
    "text_within_a_message": (frame(b"{", final=False) + frame(presence("evil")), 1002),
    "length_in_too_many_bytes": (b"\x81\x7e\x00\x02{}", 1002),
    "length_in_far_too_many_bytes": (b"\x81\x7f\0\0\0\0\0\0\x00\x02{}", 1002),
    "length_2_62": (frame(b"{", length=1 << 62), 1009),
    "length_2_63": (frame(b"{", length=1 << 63), 1002),
    "length_2_64": (frame(b"{", length=(1 << 64) - 1), 1002),
    "length_17_MiB": (frame(b"{" * KIB, length=17 * MIB), 1009),
    "close_of_1_byte": (frame(b"\x03", CLOSE), 1002),
    "close_code_0": (close_frame(0), 1002),
    "close_code_999": (close_frame(999), 1002),
    "close_code_1004": (close_frame(1004), 1002),
    "close_code_1005": (close_frame(1005), 1002),
    "close_code_1006": (close_frame(1006), 1002),
    "close_code_1015": (close_frame(1015), 1002),
    "close_code_2999": (close_frame(2999), 1002),
    "close_code_5000": (close_frame(5000), 1002),
    "close_code_65535": (close_frame(65535), 1002),
    "close_reason_not_utf8": (close_frame(1000, b"\xff"), 1007),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_protocol_ends_the_socket_and_the_next_one_delivers(name: str) -> None:
    bad, code = BROKEN[name]

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(came_online("early") + bad + came_online("evil") * 3)
        peer.listen()

    with Hostile(script) as server, watching(server) as (client, came):
        came.wait_until(lambda users: any(user.uid == "good" for user in users))
        assert came.uids() == ["early", "good"]
        assert client.stats().reconnects == 1
        server.wait_until(lambda: server.sockets[0].is_over)
        assert server.sockets[0].close_code == code


# ---- a close, right as it may be, in all its forms


@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        (frame(b"", CLOSE), 1000),
        (close_frame(1001, b"going"), 1001),
        (close_frame(1011), 1011),
        (close_frame(3000), 3000),
        (close_frame(4999, b"x" * 123), 4999),
        (close_frame(1012) + frame(b"x" * MIB), 1012),
    ],
)
def test_close_is_answered_with_its_code_and_the_next_socket_delivers(
    bad: bytes, answer: int
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(bad)
        while peer.read_frame()[0] != CLOSE:
            pass

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "good"
        assert client.stats().reconnects == 1
        assert server.sockets[0].close_code == answer


def test_server_that_says_close_and_stays_is_left_after_a_second() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(close_frame(1001))
        peer.listen()

    with Hostile(script) as server, watching(server) as (_, came):
        assert came.one().uid == "good"
        assert server.sockets[0].close_code == 1001


# ---- the connection breaks


def test_reset_within_a_frame() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(came_online("evil")[:20])
        peer.reset()

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "good"
        assert client.stats().reconnects == 1


def test_end_within_a_frame_of_2_MiB() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(frame(b"x" * MIB, length=2 * MIB))

    with Hostile(script) as server, watching(server) as (_, came):
        assert came.one().uid == "good"


@pytest.mark.parametrize("transport", ["plain", "tls"])
@pytest.mark.parametrize("stage", ["auth", "live"])
def test_reset_at_once(
    transport: str, stage: str, tls: ssl.SSLContext, authority: trustme.CA
) -> None:
    def script(peer: Peer) -> None:
        if stage == "live":
            peer.welcome()
        else:
            peer.send(peer.handshake())
        peer.reset()

    scripts = [script] * 20
    with (
        authority.cert_pem.tempfile() as ca_file,
        Hostile(*scripts, tls=tls if transport == "tls" else None) as server,
        watching(server, ca_file=ca_file) as (_, came),
    ):
        assert came.one().uid == "good"
        assert len(server.sockets) == 21


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000, 4401])
def test_close_instead_of_an_auth_answer_is_a_lost_socket_however_often(code: int) -> None:
    def script(peer: Peer) -> None:
        peer.send(peer.handshake())
        peer.read_frame()
        peer.send(close_frame(code, b"not now"))
        peer.read_frame()  # the client's

    with Hostile(*[script] * 10) as server, watching(server) as (client, came):
        errors = Inbox()
        client.on_error(errors)
        assert came.one().uid == "good"
        assert ("GET /me" in server.names()) == (code != 1001)  # it might have been the jwt
        assert errors.letters == []


# ---- no WebSocket at all


def wrong_accept(peer: Peer) -> None:
    peer.send(peer.handshake(accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
    peer.listen()


def without_upgrade_header(peer: Peer) -> None:
    peer.send(peer.handshake().replace(b"Upgrade: websocket\r\n", b""))
    peer.listen()


def with_extension(peer: Peer) -> None:
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    peer.send(peer.handshake()[:-2] + extension + came_online("evil"))
    peer.listen()


def with_subprotocol(peer: Peer) -> None:
    peer.send(peer.handshake()[:-2] + b"Sec-WebSocket-Protocol: chat\r\n\r\n")
    peer.listen()


def with_body(peer: Peer) -> None:
    peer.send(peer.handshake()[:-2] + b"Content-Length: 5\r\n\r\nhello")
    peer.listen()


def with_chunked_body(peer: Peer) -> None:
    peer.send(peer.handshake()[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    peer.listen()


def says(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.send(data)
        peer.listen()

    return script


def hangs_up(peer: Peer) -> None:
    peer.connection.shutdown(socket.SHUT_WR)


REFUSALS: dict[str, Callable[[Peer], None]] = {
    "garbage": says(b"\x16\x03\x01garbage\r\n\r\n" * 50),
    "zeros": says(bytes(100_000)),
    "frames_instead_of_101": says(came_online("evil") * 3),
    "half_a_status_line": says(b"HTTP/1.1 101"),
    "headers_without_end": says(b"HTTP/1.1 101 Ok\r\n" + b"X-Filler: " + b"x" * 100_000),
    "wrong_accept": wrong_accept,
    "101_without_upgrade": without_upgrade_header,
    "101_with_extension": with_extension,
    "101_with_subprotocol": with_subprotocol,
    "101_with_body": with_body,
    "101_with_chunked_body": with_chunked_body,
    "200": says(http("200 OK", b"hello")),
    "200_without_end": says(b"HTTP/1.1 200 OK\r\n\r\n" + came_online("evil")),
    "401": says(http("401 Unauthorized", b"{}", "WWW-Authenticate: Basic")),
    "404": says(http("404 Not Found")),
    "503": says(http("503 Unavailable", b"", "Retry-After: 1000")),
    "hang_up": hangs_up,
    "reset": Peer.reset,
    "silence": Peer.listen,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_no_websocket_and_the_next_socket_delivers(name: str) -> None:
    with (
        Hostile(REFUSALS[name]) as server,
        watching(server, connect_timeout=0.5) as (_, came),
    ):
        assert came.one().uid == "good"
        assert len(server.sockets) == 2


def test_redirected_upgrade_is_not_followed() -> None:
    with Hostile(then=good_server) as elsewhere:

        def script(peer: Peer) -> None:
            peer.send(http("302 Found", b"", f"Location: {elsewhere.url}/"))
            peer.listen()

        with Hostile(script) as server, watching(server) as (_, came):
            assert came.one().uid == "good"
            assert len(server.sockets) == 2
        assert elsewhere.connections == 0


# ---- floods


def test_flood_of_pings_from_a_server_that_does_not_read() -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        pings = frame(b"p" * 125, PING) * 500
        while True:  # until the client has enough
            peer.send(pings)

    with Hostile(script) as server, watching(server) as (client, came):
        assert came.one().uid == "good"
        assert client.stats().reconnects == 1


def test_flood_of_messages_does_not_starve_our_pings() -> None:
    """The server reads only after each batch, and answers the ping then."""

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.connection.setblocking(True)
        batch = frame('{"type":"surprise"}') * 2000
        for _ in range(50):
            peer.send(batch)
        while True:
            opcode, payload = peer.read_frame()
            if opcode == TEXT and b'"ping"' in payload:
                break
            peer.send(batch)
        peer.send(frame('{"action":"pong"}') + came_online("bob"))
        peer.serve()

    with (
        Hostile(script) as server,
        watching(server, ping_interval=0.1, ping_timeout=5.0) as (client, came),
    ):
        assert came.one().uid == "bob"
        assert client.stats().reconnects == 0
