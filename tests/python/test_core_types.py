"""The types of the extension by themselves: no server is needed for any of this."""

import copy
import gc
import math
import pickle
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from cometpresence import errors
from cometpresence._core import User
from cometpresence.values import UserStatus

BOB = {
    "uid": "bob",
    "name": "Bøb",
    "avatar": "https://example.invalid/bob.png",
    "link": "https://example.invalid/bob",
    "role": "student",
    "status": "available",
    "statusMessage": "brb",
    "lastActiveAt": 1_700_000_000,
    "tags": ["vip", "early"],
    "metadata": {"seat": 7, "deep": {"list": [1, 2.5, None, True, "€"]}},
    "blockedByMe": True,
    "hasBlockedMe": False,
    "deactivatedAt": 0,
    "createdAt": 1_600_000_000,
    "updatedAt": 1_600_000_001,
}

SPELLINGS = {  # attribute: (value, the vendor's attribute, the vendor's getter)
    "uid": ("bob", "uid", "getUid"),
    "name": ("Bøb", "name", "getName"),
    "avatar": ("https://example.invalid/bob.png", "avatar", "getAvatar"),
    "link": ("https://example.invalid/bob", "link", "getLink"),
    "role": ("student", "role", "getRole"),
    "status": ("online", "status", "getStatus"),
    "status_message": ("brb", "statusMessage", "getStatusMessage"),
    "last_active_at": (1_700_000_000, "lastActiveAt", "getLastActiveAt"),
    "tags": (("vip", "early"), "tags", "getTags"),
    "metadata": (BOB["metadata"], "metadata", "getMetadata"),
    "blocked_by_me": (True, "blockedByMe", "getBlockedByMe"),
    "has_blocked_me": (False, "hasBlockedMe", "getHasBlockedMe"),
    "deactivated_at": (0, "deactivatedAt", "getDeactivatedAt"),
}


# --- User -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", SPELLINGS)
def test_user_has_each_member_in_all_its_spellings(attribute: str) -> None:
    bob = User.from_dict(BOB)
    value, vendors, getter = SPELLINGS[attribute]
    assert getattr(bob, attribute) == value
    assert getattr(bob, vendors) == value
    assert getattr(bob, getter)() == value


@pytest.mark.parametrize("attribute", SPELLINGS)
def test_both_spellings_of_a_getter_are_one_function(attribute: str) -> None:
    getter = SPELLINGS[attribute][2]
    assert getattr(User, f"get_{attribute}") is getattr(User, getter)


def test_user_with_nothing_but_a_uid_has_empty_members() -> None:
    user = User.from_dict({"uid": "x"})
    assert (user.name, user.avatar, user.role, user.status_message) == ("", None, None, None)
    assert (user.tags, user.metadata, user.status) == ((), {}, UserStatus.OFFLINE)
    assert (user.last_active_at, user.deactivated_at, user.created_at) == (None, None, None)
    assert (user.blocked_by_me, user.has_blocked_me, user.is_online) == (False, False, False)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("available", UserStatus.ONLINE),
        ("online", UserStatus.ONLINE),
        ("anything", UserStatus.ONLINE),
        ("offline", UserStatus.OFFLINE),
        ("", UserStatus.OFFLINE),
        ("unknown", UserStatus.UNKNOWN),  # our own word, as to_dict() gives it
    ],
)
def test_servers_words_fold_to_online_and_offline(word: str, status: UserStatus) -> None:
    user = User.from_dict({"uid": "x", "status": word})
    assert user.status is status
    assert user.is_online == (status is UserStatus.ONLINE)


def test_metadata_is_a_fresh_dict_at_each_use() -> None:
    bob = User.from_dict(BOB)
    bob.metadata["seat"] = 8
    assert bob.metadata["seat"] == 7


def test_whole_numbers_up_to_two_to_the_53rd_are_ints() -> None:
    numbers = {"a": 1, "b": -(2**53), "c": 1.0, "d": 0.5, "e": 1e300}
    metadata = User.from_dict({"uid": "x", "metadata": numbers}).metadata
    assert metadata == numbers
    assert [type(value) for value in metadata.values()] == [int, int, int, float, float]


@pytest.mark.parametrize(
    ("last_active_at", "last_active"),
    [
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (0, None),
        (None, None),
        (-5, None),
        (2**53, None),
        ("soon", None),
    ],
)
def test_last_active_is_an_aware_datetime_or_none(
    last_active_at: object, last_active: datetime | None
) -> None:
    assert User.from_dict({"uid": "x", "lastActiveAt": last_active_at}).last_active == last_active


def test_users_are_equal_when_all_fields_are_and_hash_by_uid() -> None:
    bob = User.from_dict(BOB)
    assert bob == User.from_dict(BOB)
    for field in BOB:
        if field != "uid":
            other = User.from_dict(BOB | {field: "offline" if field == "status" else None})
            changed = other.to_dict() != bob.to_dict()
            assert (bob == other) != changed, field
            assert (bob != other) == changed, field
            assert hash(bob) == hash(other)
    assert bob != "bob"
    assert len({bob, User.from_dict(BOB)}) == 1


def test_dict_and_back_is_the_same_user() -> None:
    bob = User.from_dict(BOB)
    assert bob.to_dict() == BOB | {"status": "online"}
    assert User.from_dict(bob.to_dict()) == bob
    assert User.from_dict(MappingProxyType(BOB)) == bob
    assert User.from_dict({"uid": "x"}).to_dict() == {
        "uid": "x",
        "status": "offline",
        "blockedByMe": False,
        "hasBlockedMe": False,
    }


def test_to_dict_is_made_of_plain_builtins() -> None:
    assert all(
        type(value) in (str, int, bool, list, dict)
        for value in User.from_dict(BOB).to_dict().values()
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_users_can_be_pickled(protocol: int) -> None:
    for user in (User.from_dict(BOB), User.from_dict({"uid": "x", "status": "unknown"})):
        again = pickle.loads(pickle.dumps(user, protocol))
        assert again == user
        assert again.status is user.status


def test_users_can_be_copied() -> None:
    bob = User.from_dict(BOB)
    assert copy.copy(bob) == copy.deepcopy(bob) == bob


def test_nobody_changes_a_user_or_its_type() -> None:
    bob = User.from_dict(BOB)
    for name in ("uid", "status", "lastActiveAt", "something_new"):
        with pytest.raises(AttributeError):
            setattr(bob, name, "x")
    with pytest.raises(TypeError):
        User.uid = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        User()  # type: ignore[call-arg,unused-ignore]
    with pytest.raises(TypeError):
        type("Sub", (User,), {})


def test_user_needs_no_garbage_collector() -> None:
    assert not gc.is_tracked(User.from_dict(BOB))


def test_repr_of_a_user_is_short() -> None:
    assert repr(User.from_dict(BOB)) == "<User 'bob' online>"


def test_numeric_uid_becomes_its_digits() -> None:
    assert User.from_dict({"uid": 42}).uid == "42"


@pytest.mark.parametrize("data", [{}, {"uid": ""}, {"uid": None}, {"name": "x"}, {"uid": ["x"]}])
def test_user_without_a_uid_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        User.from_dict(data)
    assert raised.value.code == "INVALID_UID"


@pytest.mark.parametrize(
    "data",
    [
        {"uid": "a\0b"},
        {"uid": "\ud800"},
        {"uid": "x", "metadata": {"a": math.nan}},
        {"uid": "x", "metadata": {"a": math.inf}},
        {"uid": "x", "metadata": {"\0": 1}},
    ],
)
def test_what_json_cannot_say_is_a_value_error(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(?i)utf-8|json"):
        User.from_dict(data)


def test_nesting_without_end_is_a_value_error() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(ValueError, match="deep"):
        User.from_dict({"uid": "x", "metadata": endless})


@pytest.mark.parametrize("data", [None, 5, "bob", ["uid"], {"uid": object()}, {1: 2}, b"bob"])
def test_what_is_no_dict_of_json_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        User.from_dict(data)


def test_a_large_profile_is_kept_whole() -> None:
    user = User.from_dict(BOB | {"metadata": {"x": "y" * 20_000}})
    assert (user.name, user.metadata) == ("Bøb", {"x": "y" * 20_000})


# --- errors ---------------------------------------------------------------------------------------

BUILTINS = {
    "ConfigError": ValueError,
    "AuthError": PermissionError,
    "TLSError": ConnectionError,
    "NotConnectedError": ConnectionError,
    "ConnectionLost": ConnectionError,
    "RequestTimeout": TimeoutError,
    "ClientClosed": RuntimeError,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_have_a_base_and_a_builtin_and_survive_pickling(name: str) -> None:
    cls = getattr(errors, name)
    error = cls("ERR_X", "it broke", {"a": 1})
    assert isinstance(error, errors.CometChatException)
    assert isinstance(error, BUILTINS.get(name, Exception))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (again.code, again.message, again.details) == ("ERR_X", "it broke", {"a": 1})
    assert str(again) == "[ERR_X] it broke"


def test_rate_limited_says_how_long() -> None:
    again = pickle.loads(pickle.dumps(errors.RateLimited("ERR_X", "slow down", None, 2.5)))
    assert again.retry_after == 2.5
