"""parse_webhook(): what CometChat posts, and what anybody else might."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cometpresence
from cometpresence import AuthError, Origin, PresenceEvent, ProtocolError, UserStatus, parse_webhook

BOB = {"uid": "bob", "name": "Bob B", "status": "offline", "role": "teacher", "lastActiveAt": 5}
CURRENT: dict[str, Any] = {
    "trigger": "user_connection_status_changed",
    "data": {
        "timestamp": 1_700_000_000_123,
        "user": BOB,
        "status": "offline",
        "currentConnection": {"action": "disconnected", "platform": "javascript"},
        "userPresenceChanged": True,
    },
    "appId": "app",
    "region": "us",
    "webhook": "w",
}
LEGACY: dict[str, Any] = {
    "trigger": "after_connection_status_changed",
    "data": {
        "user": BOB | {"status": "online"},
        "event": {"type": "connected", "timestamp": 1_700_000_000_999},
    },
    "appId": "app",
    "webhook": "w",
}
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def parsed(document: Any, headers: dict[str, str] | None = None, **kw: Any) -> PresenceEvent:
    return parse_webhook(json.dumps(document).encode(), headers or {}, **kw)


def current(**data: Any) -> dict[str, Any]:
    return CURRENT | {"data": CURRENT["data"] | data}


def test_the_current_form_is_an_event() -> None:
    before = time.monotonic()
    event = parsed(CURRENT)
    assert (event.user.uid, event.user.name, event.user.role) == ("bob", "Bob B", "teacher")
    assert event.user.status is UserStatus.OFFLINE
    assert (event.online, event.previous) == (False, UserStatus.ONLINE)
    assert (event.at, event.user.last_active_at) == (AT, 1_700_000_000)
    assert (event.origin, event.seq, event.generation, event.coalesced) == (Origin.LIVE, 0, 0, 0)
    assert before - 0.001 <= event.received_at <= time.monotonic() + 0.001


def test_the_legacy_form_is_an_event_too() -> None:
    event = parsed(LEGACY)
    assert (event.user.uid, event.online, event.at) == ("bob", True, AT)
    assert event.previous is UserStatus.UNKNOWN


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
def test_either_unit_of_time_is_seconds_afterwards(unit: int) -> None:
    event = parsed(current(timestamp=1_700_000_000 * unit))
    assert (event.at, event.user.last_active_at) == (AT, 1_700_000_000)
    bare = {key: value for key, value in CURRENT["data"].items() if key != "timestamp"}
    user = BOB | {"lastActiveAt": 1_600_000_000 * unit}
    event = parsed(CURRENT | {"data": bare | {"user": user}})
    assert (event.at, event.user.last_active_at) == (None, 1_600_000_000)


def test_another_device_is_no_change() -> None:
    event = parsed(current(status="online", userPresenceChanged=False))
    assert event.previous is event.user.status is UserStatus.ONLINE


def test_text_and_every_kind_of_bytes_will_do() -> None:
    text = json.dumps(CURRENT)
    for body in (text, text.encode(), bytearray(text.encode()), memoryview(text.encode())):
        assert parse_webhook(body).user.uid == "bob"  # type: ignore[arg-type]


# ---- headers


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_the_right_name_and_password_are_let_in(name: str) -> None:
    credentials = b64encode("näme:pass:word".encode()).decode()
    event = parsed(CURRENT, {name: f"Basic {credentials}"}, basic_auth=("näme", "pass:word"))
    assert event.user.uid == "bob"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic " + b64encode(b"name:wrong").decode(),
        "Bearer " + b64encode(b"name:secret-word").decode(),
        "Basic name:secret-word",
        "Basic \ud800",
    ],
)
def test_a_wrong_name_or_password_is_refused_before_the_body_is_read(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    with pytest.raises(AuthError) as refusal:
        parse_webhook(b"not even JSON", headers, basic_auth=("name", "secret-word"))
    assert refusal.value.code == "ERR_NO_AUTH"
    assert "secret-word" not in repr(refusal.value) + str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("Content-Type", "application/json", True),
        ("content-type", "application/json; charset=utf-8", True),
        ("Content-Type", "application/vnd.comet+json", True),
        ("Content-Type", "text/html", False),
        ("Content-Type", "application/x-www-form-urlencoded", False),
        ("Content-Encoding", "identity", True),
        ("Content-Encoding", "gzip", False),
    ],
)
def test_the_headers_must_fit_the_body(name: str, value: str, fine: bool) -> None:
    if fine:
        assert parsed(CURRENT, {name: value}).user.uid == "bob"
        return
    with pytest.raises(ProtocolError):
        parsed(CURRENT, {name: value})


# ---- whatever anybody posts


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (CURRENT | {"trigger": "message_sent"}, "is about message_sent"),
        (CURRENT | {"trigger": "x\ny"}, "is about something else"),
        ({"data": CURRENT["data"]}, "has no trigger"),
        ({"trigger": CURRENT["trigger"]}, "has no data"),
        (current(user={"name": "Nobody"}), "who its user is"),
        (current(timestamp="x"), "a timestamp that is no time"),
        (current(user={"uid": "bob"}, status=None, currentConnection=None), "came or went"),
        ([CURRENT], "has no trigger"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_document_is_a_protocol_error(document: Any, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as refusal:
        parsed(document)
    assert refusal.value.code == "ERR_WEBHOOK"
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"a=b", b'{"trigger": "\\u0000"}', b"[" * 100_000, b" " * 300_000],
    ids=lambda body: repr(body[:8]),
)
def test_what_is_not_json_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        parse_webhook(body)


def test_a_lone_surrogate_in_text_is_a_protocol_error_or_harmless() -> None:
    with pytest.raises(ProtocolError):
        parse_webhook('{"trigger": "\ud800"}')


@pytest.mark.parametrize("body", [None, 5, object()])
def test_no_body_at_all_is_a_type_error(body: Any) -> None:
    with pytest.raises(TypeError):
        parse_webhook(body)


# From a list: what hypothesis makes of all Unicode takes seconds to make the first time.
VALUES = st.sampled_from(
    [
        *(None, True, False, 0, -1, 7, 2**53, 2**63, 10**400, 1e308, 1_700_000_000_123),
        *("", "online", "offline", "available", "connected", "disconnected", "\x00", "\ud800"),
        *("x" * 5000, [], {}, [[]], {"uid": "bob"}, {"uid": 7, "status": "away"}, {"uid": {}}),
        *({"type": "connected", "timestamp": "1"}, {"type": "disconnected"}, {"action": "x"}),
    ]
)
NAMES = ("user", "status", "timestamp", "event", "currentConnection", "userPresenceChanged")


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_any_data_is_an_event_or_a_protocol_error(data: dict[str, Any]) -> None:
    try:
        event = parsed(CURRENT | {"data": data})
    except ProtocolError:
        return
    assert event.user.uid
    assert event.user.status in (UserStatus.ONLINE, UserStatus.OFFLINE)
    assert event.at is None or event.at.tzinfo is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_webhook(body)


def test_it_is_one_of_the_public_names() -> None:
    assert "parse_webhook" in cometpresence.__all__
    assert "parse_webhook" in dir(cometpresence)
