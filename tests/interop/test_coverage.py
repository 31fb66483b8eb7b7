"""What the coverage table calls verified is what the official SDK was seen to use, no less, no more.

One tour with the SDK through everything presence has; what it used is read in the journal.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from interop.official_sdk import PATIENCE, SCHOOL, OfficialSDK

from cometpresence.emulator import Emulator
from cometpresence.emulator.coverage import Evidence, Kind, entries
from cometpresence.emulator.notices import endpoint_name

# Together every option of UsersRequestBuilder.
FILTERED = {
    **{"setLimit": 30, "setSearchKeyword": "b", "searchIn": ["uid", "name"], "setStatus": "online"},
    **{"setRoles": ["teacher"], "setTags": ["vip"], "setUIDs": ["bob"], "friendsOnly": True},
    **{"hideBlockedUsers": True, "withTags": True, "sortBy": "name", "sortByOrder": "desc"},
}


@pytest.fixture(scope="module")
def journal() -> Iterator[list[Mapping[str, Any]]]:
    """Of a tour; only what was answered well counts."""
    with Emulator(tls=True, users=SCHOOL, chat_on_one_port=True) as emulator:
        for subscription in (None, "friends", "roles"):
            with OfficialSDK(emulator) as sdk:
                sdk.init(subscribe=subscription, roles=["teacher"])
                sdk.login("carol")
        with OfficialSDK(emulator) as sdk:
            tour(emulator, sdk)
        yield emulator.journal


def tour(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    emulator.set_online("bob")
    sdk.event("onUserOnline", uid="bob")
    [[bob]] = sdk.users(**FILTERED)
    assert bob["uid"] == sdk.call("getUser", uid="bob")["uid"] == "bob"
    assert sdk.call("getOnlineUserCount") == 2
    for wanted in ("/user_sessions", "pong"):  # after 5 s, after 15 s
        emulator.wait_for(
            lambda entry, wanted=wanted: (
                entry.get("type") == wanted
                or (entry["dir"] == "out" and str(entry.get("path")).endswith(wanted))
            ),
            timeout=PATIENCE,
        )
    sdk.call("logout")


def verified(kind: Kind, of: str | None = None) -> set[str]:
    return {entry.name for entry in entries(kind, of) if entry.evidence is Evidence.VERIFIED}


def answered(journal: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The requests that were answered with success."""
    good = {entry.get("request") for entry in journal if entry.get("status") == 200}
    return [entry for entry in journal if entry.get("request") in good and entry["dir"] == "in"]


def endpoint_of(request: Mapping[str, Any]) -> str:
    """By the table's names, which have {uid} for a user."""
    parts = ["{uid}" if before == "users" else part for before, part in pairs(request["path"])]
    if request["path"] == "/":
        return f"{request['method']} /?{next(iter(request['query']))}"
    return endpoint_name(request["method"], "/" + "/".join(parts))


def pairs(path: str) -> Iterator[tuple[str, str]]:
    parts = path.strip("/").split("/")
    return zip(["", *parts], parts, strict=False)


def headers_of(entry: Mapping[str, Any]) -> set[str]:
    return {name.lower() for name in entry["headers"]}


def test_endpoints(journal: list[Mapping[str, Any]]) -> None:
    seen = {endpoint_of(request) for request in answered(journal)}
    assert any(entry.get("event") == "socket_authenticated" for entry in journal)
    assert seen | {"GET /"} == verified(Kind.ENDPOINT)


def test_headers(journal: list[Mapping[str, Any]]) -> None:
    seen = set[str]().union(*map(headers_of, answered(journal)))
    table = {entry.name.lower(): entry for entry in entries(Kind.HEADER, "request")}
    assert seen & set(table) == {name.lower() for name in verified(Kind.HEADER, "request")}
    assert not verified(Kind.HEADER, "answer")


def test_query_options(journal: list[Mapping[str, Any]]) -> None:
    seen = {
        option
        for request in answered(journal)
        if endpoint_of(request) == "GET /users"
        for option in request["query"]
    }
    assert seen == verified(Kind.QUERY)


def test_members_of_bodies(journal: list[Mapping[str, Any]]) -> None:
    [body, *_] = (
        request["body"]
        for request in answered(journal)
        if endpoint_of(request) == "POST /users/{uid}/auth_tokens"
    )
    assert set(body) == verified(Kind.MEMBER)


def test_settings(journal: list[Mapping[str, Any]]) -> None:
    """Read from what became of them: where it went, and what it repeated."""
    requests = {endpoint_of(request): request for request in answered(journal)}
    [started] = [entry for entry in journal if entry.get("event") == "started"]
    host = urlsplit(started["url"]).netloc
    effects = {
        "CLIENT_API_HOST": requests["GET /users"]["headers"]["Host"] == host,
        "CHAT_API_VERSION": requests["GET /users"]["path"] == "/v3.0/users",
        "ANALYTICS_HOST": requests["POST /v1/ping"]["headers"]["Host"] == host,
        "ANALYTICS_VERSION": "POST /v1/ping" in requests,
        "settingsHash": "settingsHash".lower() in headers_of(requests["POST /v1/ping"]),
        "settingsHashReceivedAt": "settingsHashReceivedAt".lower()
        in headers_of(requests["POST /v1/ping"]),
        "WS_API_VERSION": "POST /?/api/v1.0/online-members" in requests,
        **dict.fromkeys(
            ("CHAT_HOST", "CHAT_WSS_PORT"),
            any(
                entry.get("event") == "socket_opened"
                and entry["headers"]["Host"] == host
                and entry["path"] == f"/?:{host.rpartition(':')[2]}"
                for entry in journal
            ),
        ),
    }
    assert {name for name, happened in effects.items() if happened} == verified(Kind.SETTING)


def test_frames(journal: list[Mapping[str, Any]]) -> None:
    frames = [(entry["dir"], entry["type"]) for entry in journal if entry["kind"] == "ws"]
    assert {t for d, t in frames if d == "in"} - {"close"} == verified(
        Kind.FRAME, "from the client"
    )
    assert {t for d, t in frames if d == "out"} == verified(Kind.FRAME, "from the server")


def test_subscriptions(journal: list[Mapping[str, Any]]) -> None:
    frames = [
        entry["frame"] for entry in journal if (entry["dir"], entry.get("type")) == ("in", "auth")
    ]
    seen = {frame["body"].get("presenceSubscription", "(absent)") for frame in frames}
    assert seen == verified(Kind.SUBSCRIPTION)


def test_nothing_that_it_used_is_unknown_to_us(journal: list[Mapping[str, Any]]) -> None:
    assert [entry for entry in journal if entry.get("event") == "not_emulated"] == []
