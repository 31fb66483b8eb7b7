"""The official SDK, unmodified, against our emulator alone: is it a CometChat to somebody else?"""

from typing import Any

import pytest
from interop import documented
from interop.official_sdk import PATIENCE, SCHOOL, OfficialSDK, SDKError, presence_body

from cometpresence.emulator import Emulator


def uids(pages: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[user["uid"] for user in page] for page in pages]


def test_the_documented_snippet_works(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init(subscribe="all")
    sdk.login("alice")
    sdk.call("script", source=documented.LISTENER)
    emulator.set_online("bob")
    text, arguments = sdk.event("console.log")["parts"]
    assert text == "On User Online:"
    assert arguments["onlineUser"]["uid"] == "bob"
    assert arguments["onlineUser"]["status"] == "online"

    mark = sdk.mark()
    emulator.set_offline("bob")
    text, arguments = sdk.event("console.log", after=mark)["parts"]
    assert text == "On User Offline:"
    assert arguments["offlineUser"]["uid"] == "bob"
    assert arguments["offlineUser"]["status"] == "offline"

    mark = sdk.mark()
    sdk.call("script", source=documented.REMOVAL)
    sdk.call("addUserListener", listener="another")
    emulator.set_online("bob")
    sdk.event("onUserOnline", after=mark)  # the other one heard it, so it came
    assert len(sdk.events("console.log")) == 2


def test_last_active_at_is_the_time_of_the_frame(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    for move, event, action in [
        (emulator.set_online, "onUserOnline", "online"),
        (emulator.set_offline, "onUserOffline", "offline"),
    ]:
        move("dave")
        user = sdk.event(event, uid="dave")["user"]
        body = presence_body(emulator, "dave", action)
        assert user["lastActiveAt"] == body["timestamp"] != body["user"]["lastActiveAt"]


def test_one_sdk_sees_another_come_and_go(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    with OfficialSDK(emulator) as other:
        other.init(subscribe=None)
        other.login("bob")
        assert sdk.event("onUserOnline", uid="bob")["user"]["name"] == "Bob B"
        assert other.call("logout") is not None
    sdk.event("onUserOffline", uid="bob")


@pytest.mark.parametrize(
    ("subscription", "heard"),
    [
        ({"subscribe": "all"}, {"bob", "carol", "dave", "erin", "frank"}),
        ({"subscribe": "roles", "roles": ["teacher"]}, {"bob", "erin"}),
        ({"subscribe": "roles", "roles": ["teacher", "default"]}, {"bob", "dave", "erin"}),
        ({"subscribe": "friends"}, {"bob", "carol"}),
    ],
    ids=["all users", "one role", "two roles", "friends"],
)
def test_presence_comes_as_subscribed(
    emulator: Emulator, sdk: OfficialSDK, subscription: dict[str, Any], heard: set[str]
) -> None:
    sdk.init(**subscription)
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    for uid in ["dave", "erin", "frank", "carol", "bob"]:
        emulator.set_online(uid)
    sdk.event("onUserOnline", uid="bob")  # the last one, and wanted by everybody
    assert {line["user"]["uid"] for line in sdk.events("onUserOnline")} == heard


def test_without_a_subscription_nothing_comes(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init(subscribe=None)
    sdk.login("alice")
    sdk.call("addUserListener", listener="L")
    emulator.set_online("bob")
    assert sdk.call("getUser", uid="bob")["status"] == "online"  # an answer, so time has passed
    assert not sdk.events("onUserOnline")


@pytest.mark.parametrize(
    ("build", "pages"),
    [
        ({}, [["alice", "bob", "carol", "dave", "erin", "frank"]]),
        ({"setLimit": 4}, [["alice", "bob", "carol", "dave"], ["erin", "frank"]]),
        ({"setLimit": 3}, [["alice", "bob", "carol"], ["dave", "erin", "frank"]]),
        ({"setLimit": 2, "setPage": 1}, [["carol", "dave"], ["erin", "frank"]]),
        ({"setStatus": "online"}, [["alice", "bob"]]),
        ({"setStatus": "offline"}, [["carol", "dave", "erin", "frank"]]),
        ({"setRole": "teacher"}, [["bob", "erin"]]),
        ({"setRoles": ["teacher", "default"]}, [["bob", "dave", "erin"]]),
        ({"setSearchKeyword": "n & e"}, [["erin"]]),
        ({"setSearchKeyword": "bob b", "searchIn": ["name"]}, [["bob"]]),
        ({"setSearchKeyword": "bob b", "searchIn": ["uid"]}, []),
        ({"setUIDs": ["erin", "carol", "nobody"]}, [["carol", "erin"]]),
        ({"friendsOnly": True}, [["bob", "carol"]]),
        ({"hideBlockedUsers": True}, [["alice", "bob", "carol", "dave", "erin"]]),
        ({"setTags": ["vip"]}, [["bob", "carol"]]),
        ({"setTags": ["new here"], "withTags": True}, [["carol"]]),
        (
            {"sortBy": "name", "sortByOrder": "desc"},
            [["frank", "erin", "dave", "carol", "bob", "alice"]],
        ),
        ({"setRoles": ["student"], "setStatus": "offline", "friendsOnly": True}, [["carol"]]),
    ],
    ids=str,
)
def test_users_are_listed_as_asked(
    emulator: Emulator, sdk: OfficialSDK, build: dict[str, Any], pages: list[list[str]]
) -> None:
    sdk.init()
    sdk.login("alice")
    emulator.set_online("bob")
    assert uids(sdk.users(**{"setLimit": 30, "sortBy": "name"} | build)) == pages


def test_online_users_come_first_unless_sorted_otherwise(
    emulator: Emulator, sdk: OfficialSDK
) -> None:
    sdk.init()
    sdk.login("alice")
    emulator.set_online("erin")
    assert uids(sdk.users(setLimit=30)) == [["alice", "erin", "bob", "carol", "dave", "frank"]]


def test_a_user_has_what_was_said_of_them(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    frank = sdk.call("getUser", uid="frank")
    assert frank["name"] == "Frank F"
    assert frank["role"] == "student"
    assert frank["metadata"] == {"seat": 4}
    assert frank["status"] == "offline"
    assert "lastActiveAt" not in frank  # never seen
    assert (frank["blockedByMe"], frank["hasBlockedMe"]) == (True, False)
    assert sdk.call("getUser", uid="dave")["lastActiveAt"] == 1_700_000_000


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ({"uid": "alice", "authKey": "wrong"}, "AUTH_ERR_APIKEY_NOT_FOUND"),
        ({"uid": "nobody", "authKey": None}, "ERR_UID_NOT_FOUND"),
        ({"authToken": "wrong"}, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ],
    ids=["key", "uid", "token"],
)
def test_refusals_reach_the_sdk(
    emulator: Emulator, sdk: OfficialSDK, credentials: dict[str, Any], code: str
) -> None:
    sdk.init()
    if credentials.get("authKey", "") is None:
        credentials = credentials | {"authKey": emulator.auth_key}
    with pytest.raises(SDKError) as refusal:
        sdk.call("login", **credentials)
    assert refusal.value.code == code


def test_an_unknown_user_is_an_error(sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.login("alice")
    with pytest.raises(SDKError) as refusal:
        sdk.call("getUser", uid="nobody")
    assert refusal.value.code == "ERR_UID_NOT_FOUND"


def test_the_sdk_counts_who_is_online() -> None:
    with (
        Emulator(tls=True, users=SCHOOL, chat_on_one_port=True) as emulator,
        OfficialSDK(emulator) as sdk,
    ):
        sdk.init()
        sdk.login("alice")
        emulator.set_online("bob")
        assert sdk.call("getOnlineUserCount") == 2


def test_disconnect_is_offline_and_connect_online_again(
    emulator: Emulator, sdk: OfficialSDK
) -> None:
    with OfficialSDK(emulator) as watcher:
        watcher.init()
        watcher.login("bob")
        watcher.call("addUserListener", listener="L")
        sdk.init()
        sdk.login("alice")
        watcher.event("onUserOnline", uid="alice")
        sdk.call("disconnect")
        watcher.event("onUserOffline", uid="alice")
        mark = watcher.mark()
        sdk.call("connect")
        watcher.event("onUserOnline", uid="alice", after=mark)


def test_a_lost_socket_comes_back(emulator: Emulator, sdk: OfficialSDK) -> None:
    sdk.init()
    sdk.call("addConnectionListener", listener="C")
    sdk.login("alice")
    sdk.event("onConnected")
    mark = sdk.mark()
    emulator.close_all(1001)
    sdk.event("onDisconnected", after=mark)
    sdk.event("inConnecting", after=mark)  # five seconds later
    sdk.event("onConnected", after=mark)
    emulator.wait_for_client()
    sdk.call("addUserListener", listener="L")
    emulator.set_online("bob")
    sdk.event("onUserOnline", uid="bob")


def test_its_pings_are_answered(emulator: Emulator, sdk: OfficialSDK) -> None:
    """After 15 s it pings, and drops a socket that owes it a pong for 3 s."""
    sdk.init()
    sdk.call("addConnectionListener", listener="C")
    sdk.login("alice")
    emulator.wait_for(lambda entry: entry.get("type") == "pong", timeout=PATIENCE)
    sdk.call("addUserListener", listener="L")
    emulator.set_online("bob")
    sdk.event("onUserOnline", uid="bob")
    assert not sdk.events("onDisconnected")
