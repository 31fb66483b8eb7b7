"""Lists of users: options, limits, pages; the same with CometChat's words and with ours."""

from collections.abc import Callable
from typing import Any

import pytest
from python.conftest import MakeClient
from python.refusals import code_of

from cometpresence import (
    AppSettingsBuilder,
    CometChatException,
    ConfigError,
    PresenceClient,
    User,
    UsersRequest,
    UsersRequestBuilder,
    UserStatus,
)
from cometpresence.emulator import Emulator

EVERYBODY = {"alice", "bob", "carol", "dave", "erin"}


@pytest.fixture
def client(plain_emulator: Emulator, make_client: MakeClient) -> PresenceClient:
    """Logged in without a socket, so that nothing is asked but by the test."""
    settings = AppSettingsBuilder().autoEstablishSocketConnection(False).build()
    client = make_client(plain_emulator, settings=settings)
    client.login()
    return client


def uids(client: PresenceClient, **filters: Any) -> set[str]:
    return {user.uid for user in client.users(**filters)}


def queries(emulator: Emulator) -> list[dict[str, str]]:
    """The lists of users that were asked for, in order."""
    return [
        entry["query"]
        for entry in emulator.journal
        if entry["kind"] == "rest" and entry["dir"] == "in" and entry["path"].endswith("/users")
    ]


# ---- wrong values


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda b: b.setLimit(0), "SET_LIMIT_IS_COMPULSORY"),
        (lambda b: b.setLimit(-1), "INVALID_SET_LIMIT"),
        (lambda b: b.setLimit(101), "ERROR_SET_LIMIT_EXCEEDED"),
        (lambda b: b.setLimit(10**30), None),
        (lambda b: b.setLimit(True), "INVALID_SET_LIMIT"),
        (lambda b: b.setLimit("30"), "INVALID_SET_LIMIT"),
        (lambda b: b.setLimit(30.0), "INVALID_SET_LIMIT"),
        (lambda b: b.setLimit(None), "INVALID_SET_LIMIT"),
        (lambda b: b.setStatus("away"), "INVALID_STATUS_VALUE"),
        (lambda b: b.setStatus("Online"), "INVALID_STATUS_VALUE"),
        (lambda b: b.setStatus(1), "INVALID_STATUS_VALUE"),
        (lambda b: b.setStatus(UserStatus.UNKNOWN), "INVALID_STATUS_VALUE"),
        (lambda b: b.setUIDs([f"u{n}" for n in range(26)]), "ERROR_SET_UIDS_EXCEEDED"),
        (lambda b: b.setUIDs("alice"), "INVALID_SET_UIDS"),
        (lambda b: b.setUIDs(["alice", 7]), "INVALID_SET_UIDS"),
        (lambda b: b.setUIDs([""]), "INVALID_SET_UIDS"),
        (lambda b: b.setUIDs([]), "INVALID_SET_UIDS"),
        (lambda b: b.setRoles(set()), "INVALID_SET_ROLES"),
        (lambda b: b.setTags(()), "INVALID_SET_TAGS"),
        (lambda b: b.setRole(7), "INVALID_SET_ROLE"),
        (lambda b: b.setRole(""), "MISSING_PARAMETERS"),
        (lambda b: b.setRoles("teacher"), "INVALID_SET_ROLES"),
        (lambda b: b.setTags(7), "INVALID_SET_TAGS"),
        (lambda b: b.setTags({"vip": 1}), "INVALID_SET_TAGS"),
        (lambda b: b.setSearchKeyword(7), "INVALID_SEARCH_KEYWORD"),
        (lambda b: b.searchIn("uid"), "INVALID_SEARCH_IN"),
        (lambda b: b.friendsOnly(1), "INVALID_FRIENDS_ONLY"),
        (lambda b: b.hideBlockedUsers("yes"), "INVALID_HIDE_BLOCKED_USERS"),
        (lambda b: b.withTags(None), "INVALID_WITH_TAGS"),
        (lambda b: b.sortBy(7), "INVALID_SORT_BY"),
        (lambda b: b.sortByOrder(7), "INVALID_SORT_BY_ORDER"),
        (lambda b: b.setPage("1"), "INVALID_SET_PAGE"),
        (lambda b: b.setPage(True), "INVALID_SET_PAGE"),
        (lambda b: b.build(), "SET_LIMIT_IS_COMPULSORY"),
    ],
)
def test_wrong_values_are_refused_at_once_with_the_vendors_code(
    make: Callable[[Any], object], code: str | None
) -> None:
    refused = code_of(lambda: make(UsersRequestBuilder()))
    assert code is None or refused == code


def test_wrong_values_of_users_are_refused_before_the_first_page(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    assert code_of(lambda: client.users(limit=101)) == "ERROR_SET_LIMIT_EXCEEDED"
    assert code_of(lambda: client.users(statuss="online")) == "INVALID_PARAMETER"
    assert queries(plain_emulator) == []


# ---- what is asked


def test_every_option_reaches_the_server_as_documented(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    documented = (
        client.users_request()
        .setLimit(100)
        .setSearchKeyword("a b&c")
        .setStatus("online")
        .hideBlockedUsers(True)
        .setRoles(["teacher", "student"])
        .setRole("default")
        .setTags(["vip", "a b"])
        .friendsOnly(True)
        .withTags(True)
        .setUIDs(["bob", "carol"])
        .sortBy("STATUS")
        .sortByOrder("Asc")
        .searchIn(["uid", "name"])
        .setPage(3)
    )
    ours = (
        client.users_request()
        .set_limit(100)
        .set_search_keyword("a b&c")
        .set_status(UserStatus.ONLINE)
        .hide_blocked_users()
        .set_roles(("teacher", "student"))
        .set_role("default")
        .set_tags(["vip", "a b"])
        .friends_only()
        .with_tags()
        .set_uids(["bob", "carol"])
        .sort_by("status")
        .sort_by_order("asc")
        .search_in(["uid", "name"])
        .set_page(3)
    )
    documented.build().fetchNext()
    ours.build().fetch_next()
    first, second = queries(plain_emulator)
    assert first == second
    assert first == {
        "per_page": "100",
        "searchKey": "a b&c",
        "status": "available",
        "hideBlockedUsers": "1",
        "roles": "teacher,student,default",
        "tags": "vip,a b",
        "friendsOnly": "1",
        "withTags": "1",
        "uids": "bob,carol",
        "sortBy": "status",
        "sortOrder": "asc",
        "searchIn": "uid,name",
        "page": "4",
    }


def test_flags_that_are_false_and_a_blank_keyword_are_left_out(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    builder = client.users_request().set_limit(5).friends_only(False).with_tags(False)
    builder.hide_blocked_users(False).set_search_keyword("x").set_search_keyword("  ").set_page(-3)
    builder.build().fetch_next()
    assert queries(plain_emulator) == [{"per_page": "5", "page": "1"}]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, EVERYBODY),
        ({"status": "online"}, {"alice", "erin"}),
        ({"status": "offline"}, {"bob", "carol", "dave"}),
        ({"role": "student"}, {"bob", "carol"}),
        ({"roles": ["student", "support"]}, {"bob", "carol", "dave"}),
        ({"roles": ["student"], "role": "support"}, {"bob", "carol", "dave"}),
        ({"friends_only": True}, {"bob"}),
        ({"tags": ["vip"]}, {"bob"}),
        ({"uids": ["dave", "erin"]}, {"dave", "erin"}),
        ({"search_keyword": "Carol"}, {"carol"}),
        ({"page": 1, "limit": 3, "sort_by": "name"}, {"dave", "erin"}),
    ],
)
def test_filters_choose_users(
    emulator: Emulator, make_client: MakeClient, filters: dict[str, Any], expected: set[str]
) -> None:
    client = make_client(emulator)
    client.login()
    client.connect()
    client.wait_synced(timeout=10)  # alice is online herself
    assert uids(client, **filters) == expected


# ---- pages


def test_pages_come_one_after_the_other_and_then_nothing(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    request = client.users_request().set_limit(2).sort_by("name").build()
    assert isinstance(request, UsersRequest)
    assert request.pages == 0
    pages = [[user.uid for user in request.fetch_next()] for _ in range(5)]
    assert pages == [["alice", "bob"], ["carol", "dave"], ["erin"], [], []]
    assert request.pages == 3
    asked = [query["page"] for query in queries(plain_emulator)]
    assert asked == ["1", "2", "3", "4", "4"]


def test_a_page_that_failed_is_asked_for_again(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    request = client.users_request().set_limit(2).sort_by("name").build()
    with plain_emulator.server_errors(count=1), pytest.raises(CometChatException):
        request.fetch_next()
    assert [user.uid for user in request.fetch_next()] == ["alice", "bob"]


def test_the_iterator_stops_at_the_last_page(
    client: PresenceClient, plain_emulator: Emulator
) -> None:
    assert len(list(client.users(limit=2))) == 5
    assert len(queries(plain_emulator)) == 3


def test_a_builder_can_build_requests_that_walk_apart(client: PresenceClient) -> None:
    builder = client.users_request().set_limit(2).sort_by("name")
    one, other = builder.build(), builder.build()
    assert one.fetch_next() == other.fetch_next() != one.fetch_next()


# ---- users


def test_a_user_has_every_documented_field(client: PresenceClient) -> None:
    bob = client.get_user("bob")
    [listed] = client.users(uids=["bob"], with_tags=True)
    for user in (bob, listed):
        assert user.uid == user.getUid() == "bob"
        assert user.name == user.getName() == "Bob B"
        assert user.avatar == user.getAvatar() == "https://example.invalid/bob.png"
        assert user.link == user.getLink() == "https://example.invalid/bob"
        assert user.role == user.getRole() == "student"
        assert user.status == user.getStatus() == "offline"
        assert user.statusMessage == user.getStatusMessage() == "brb"
        assert user.lastActiveAt == user.getLastActiveAt() == 1_600_000_000
        assert user.metadata == user.getMetadata() == {"seat": 7, "nested": {"deep": [1, 2]}}
        assert user.blockedByMe is user.getBlockedByMe() is False
        assert user.hasBlockedMe is user.getHasBlockedMe() is False
        assert not user.deactivatedAt
    assert listed.tags == listed.getTags() == ("vip", "early")


def test_an_unknown_user_is_an_error_with_the_servers_code(client: PresenceClient) -> None:
    with pytest.raises(CometChatException) as caught:
        client.get_user("nobody")
    assert caught.value.code == "ERR_UID_NOT_FOUND"


@pytest.mark.parametrize("uid", ["", None, 7])
def test_a_missing_uid_is_refused_at_once(client: PresenceClient, uid: Any) -> None:
    assert code_of(lambda: client.get_user(uid)) in ("MISSING_PARAMETERS", "INVALID_PARAMETER")


@pytest.mark.parametrize("setter", ["set_uids", "set_roles", "set_tags", "search_in"])
def test_an_item_with_a_comma_would_be_several_and_is_refused(setter: str) -> None:
    with pytest.raises(ConfigError, match="comma"):
        getattr(UsersRequestBuilder(), setter)(["a,b"])


def test_a_limit_beyond_every_number_in_c_is_just_too_high() -> None:
    with pytest.raises(ConfigError) as refusal:
        UsersRequestBuilder().set_limit(10**30)
    assert refusal.value.code == "ERROR_SET_LIMIT_EXCEEDED"


def test_a_page_asked_for_during_another_is_empty_at_once() -> None:
    def fetch(**query: Any) -> tuple[list[User], int]:
        inner.append(request.fetch_next())
        return [User.from_dict({"uid": "bob"})], 1

    inner: list[list[User]] = []
    request = UsersRequestBuilder(fetch).set_limit(1).build()
    assert [user.uid for user in request.fetch_next()] == ["bob"]
    assert inner == [[]]


def test_a_large_profile_comes_whole_to_who_asked_for_it(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    metadata = {"x": "y" * 20_000}
    plain_emulator.add_user("large", metadata=metadata)
    client = make_client(plain_emulator, "alice")
    client.login()
    assert client.get_user("large").metadata == metadata
    assert [user.metadata for user in client.users(uids=["large"])] == [metadata]
