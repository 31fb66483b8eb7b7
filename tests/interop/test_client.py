"""The official SDK and our client on one emulator: each must see what the other does."""

import queue
from typing import Any

import pytest
from interop.official_sdk import PATIENCE, OfficialSDK, presence_body

from cometpresence import PresenceClient, PresenceScope, User
from cometpresence.emulator import Emulator


def test_our_listeners_see_the_sdk_come_and_go(emulator: Emulator, sdk: OfficialSDK) -> None:
    seen: queue.Queue[tuple[str, User]] = queue.Queue()
    arguments = emulator.client_args("bob")
    with PresenceClient(**arguments, presence=PresenceScope.all_users()) as client:

        @client.on_user_online(uids={"alice"})
        def came(user: User) -> None:
            seen.put(("online", user))

        @client.on_user_offline(uids={"alice"})
        def went(user: User) -> None:
            seen.put(("offline", user))

        sdk.init()
        sdk.login("alice")
        for action in ["online", "offline"]:
            if action == "offline":
                sdk.call("logout")
            heard, user = seen.get(timeout=PATIENCE)
            body = presence_body(emulator, "alice", action)
            assert (heard, user.uid, user.status) == (action, "alice", action)
            assert user.last_active_at == body["timestamp"] != body["user"]["lastActiveAt"]
    assert seen.empty()


@pytest.mark.parametrize(
    ("scope", "subscription"),
    [
        (PresenceScope.all_users(), {"subscribe": "all"}),
        (PresenceScope.roles("teacher"), {"subscribe": "roles", "roles": ["teacher"]}),
        (PresenceScope.friends(), {"subscribe": "friends"}),
    ],
    ids=["all users", "roles", "friends"],
)
def test_both_hear_of_the_same_users(
    emulator: Emulator, sdk: OfficialSDK, scope: PresenceScope, subscription: dict[str, Any]
) -> None:
    """Logged in as the same user, so that friends are the same ones."""
    seen: queue.Queue[tuple[str, str, int | None]] = queue.Queue()
    moves = [
        (uid, online) for uid in ["erin", "frank", "carol", "dave", "bob"] for online in (1, 0)
    ]
    sdk.init(**subscription)
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    with PresenceClient(**emulator.client_args("alice"), presence=scope) as client:
        client.on_user_online(
            lambda user: seen.put(("onUserOnline", user.uid, user.last_active_at))
        )
        client.on_user_offline(
            lambda user: seen.put(("onUserOffline", user.uid, user.last_active_at))
        )
        for number, (uid, online) in enumerate(moves):
            (emulator.set_online if online else emulator.set_offline)(
                uid, at=1_800_000_000 + number
            )
        sdk.event("onUserOffline", uid="bob")  # the last one, and wanted by everybody
        theirs = [
            (line["event"], line["user"]["uid"], line["user"]["lastActiveAt"])
            for line in sdk.events("onUserOnline", "onUserOffline")
        ]
        assert [seen.get(timeout=PATIENCE) for _ in theirs] == theirs
    assert seen.empty()


def test_the_sdk_sees_our_client_come_and_go(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    with PresenceClient(**emulator.client_args("bob"), presence=PresenceScope.all_users()):
        user = sdk.event("onUserOnline", uid="bob")["user"]
        assert user["status"] == "online"
    user = sdk.event("onUserOffline", uid="bob")["user"]
    assert user["status"] == "offline"
    assert user["lastActiveAt"] == presence_body(emulator, "bob", "offline")["timestamp"]


FILTERS: list[dict[str, Any]] = [
    {},
    {"setLimit": 2},
    {"setLimit": 4, "setPage": 1},
    {"setStatus": "online"},
    {"setStatus": "offline"},
    {"setRole": "teacher"},
    {"setRoles": ["teacher", "default"]},
    {"setSearchKeyword": "n & e"},
    {"setSearchKeyword": "bob b", "searchIn": ["name"]},
    {"setSearchKeyword": "bob b", "searchIn": ["uid"]},
    {"setUIDs": ["erin", "carol", "nobody"]},
    {"friendsOnly": True},
    {"hideBlockedUsers": True},
    {"setTags": ["vip"]},
    {"setTags": ["new here", "vip"], "withTags": True},
    {"sortBy": "name", "sortByOrder": "desc"},
    {"sortBy": "status", "sortByOrder": "asc", "setLimit": 4},
    {"setRoles": ["student"], "setStatus": "offline", "friendsOnly": True},
]


@pytest.mark.parametrize("build", FILTERS, ids=str)
def test_both_list_the_same_users(
    emulator: Emulator, sdk: OfficialSDK, build: dict[str, Any]
) -> None:
    build = {"setLimit": 30} | build
    sdk.init()
    sdk.login("alice")
    emulator.set_online("bob")
    emulator.set_online("frank")
    emulator.set_offline("frank")
    with PresenceClient(
        **emulator.client_args("alice"), presence=PresenceScope.all_users()
    ) as client:
        builder = client.users_request()
        for method, argument in build.items():
            builder = getattr(builder, method)(argument)
        request = builder.build()
        ours = []
        while page := request.fetchNext():
            ours.append(
                [(user.uid, user.name, user.status, user.lastActiveAt, user.role) for user in page]
            )
        theirs = [
            [
                (user["uid"], user["name"], user["status"], user.get("lastActiveAt"), user["role"])
                for user in page
            ]
            for page in sdk.users(**build)
        ]
    assert ours == theirs


def test_both_count_the_same_users_online(sdk: OfficialSDK, emulator: Emulator) -> None:
    """The SDK's own count knows no port (PROTOCOL 9.5), so its list is what we compare with."""
    sdk.init()
    sdk.login("alice")
    emulator.set_online("erin")
    with PresenceClient(
        **emulator.client_args("bob"), presence=PresenceScope.all_users()
    ) as client:
        online = [
            user["uid"] for page in sdk.users(setLimit=30, setStatus="online") for user in page
        ]
        assert client.online_user_count() == len(online)
        assert client.presence.online == set(online) == {"alice", "bob", "erin"}
