"""The types of the extension by themselves: no server is needed for any of this."""

import copy
import gc
import math
import os
import pickle
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from cometpresence import _core, errors
from cometpresence._core import Client, User
from cometpresence.values import ConnectionStatus, Origin, SyncState, UserStatus

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


def test_profile_beyond_the_limit_keeps_its_named_fields() -> None:
    user = User.from_dict(BOB | {"metadata": {"x": "y" * 20_000}})
    assert (user.name, user.metadata, user.tags) == ("Bøb", {}, ())


# --- the client: arguments ------------------------------------------------------------------------


def make_client(**changes: Any) -> Client:
    arguments: dict[str, Any] = {
        "app_id": "app",
        "region": "us",
        "subscription": "all_users",
        "roles": [],
        "auto_connect": True,
        "admin_host": None,
        "client_host": None,
        "endpoint": None,
        "ca_file": None,
        "has_token_provider": False,
        "reconnect": (1.0, 30.0, 0.1, None, 60.0),
        "resync": (True, 30.0, None, False, 100),
        "queue_size": 4096,
        "max_users": 1_000_000,
        "connect_timeout": 10.0,
        "ping_interval": 15.0,
        "ping_timeout": 3.0,
        "report": lambda exception, where: None,
    }
    return Client(**(arguments | changes))


@pytest.fixture
def client() -> Iterator[Client]:
    client = make_client()
    yield client
    client.close(5.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": None},
        {"app_id": ""},
        {"app_id": 5},
        {"app_id": "a\0b"},
        {"app_id": "\udc80"},
        {"app_id": "a\r\nb"},
        {"region": None},
        {"region": "mars"},
        {"subscription": "everybody"},
        {"subscription": None},
        {"roles": "teacher"},
        {"roles": [None]},
        {"endpoint": "gopher://x"},
        {"queue_size": 0},
        {"queue_size": "many"},
        {"max_users": 2**70},
        {"connect_timeout": math.nan},
        {"connect_timeout": "long"},
        {"resync": (True, 30.0, None, False, 101)},
        {"report": None},
    ],
    ids=str,
)
def test_argument_that_cannot_work_is_a_config_error(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        make_client(**changes)
    assert raised.value.code
    assert str(raised.value) == f"[{raised.value.code}] {raised.value.message}"


def test_session_ids_say_who_we_are_and_differ(client: Client) -> None:
    other = make_client()
    try:
        product, version, rest = client.session_id.split("-", 2)
        uuid, epoch_ms = rest.rsplit("-", 1)
        assert (product, version) == ("PY", _core.VERSION)
        assert [len(part) for part in uuid.split("-")] == [8, 4, 4, 4, 12]
        assert uuid[14] == "4"
        assert len(epoch_ms) == 13
        assert other.session_id != client.session_id
    finally:
        other.close(5.0)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "SET_LIMIT_IS_COMPULSORY"),
        ({"limit": 101}, "ERROR_SET_LIMIT_EXCEEDED"),
        ({"status": "asleep"}, "INVALID_STATUS_VALUE"),
        ({"uids": ["x"] * 26}, "ERROR_SET_UIDS_EXCEEDED"),
        ({"limit": "many"}, "INVALID_ARGUMENT"),
        ({"limit": 2**70}, "INVALID_ARGUMENT"),
        ({"roles": "teacher"}, "INVALID_ARGUMENT"),
        ({"search_keyword": "a\0b"}, "INVALID_ARGUMENT"),
    ],
)
def test_filter_that_cannot_be_sent_is_a_config_error(query: dict[str, Any], code: str) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        _core.check_users_query(**query)
    assert raised.value.code == code


def test_good_filters_pass_and_unknown_ones_do_not() -> None:
    _core.check_users_query(limit=100, page=2, roles=("a", "b"), tags=[], with_tags=True, uids=None)
    with pytest.raises(TypeError):
        _core.check_users_query(colour="red")


# --- the client: without a server -----------------------------------------------------------------


def test_new_client_knows_nothing(client: Client) -> None:
    assert client.me is None
    assert client.connection_status is ConnectionStatus.DISCONNECTED
    assert client.sync_state is SyncState.AWAITING
    assert (client.generation, client.closed) == (0, False)
    assert (client.count(), client.online_count()) == (0, 0)
    assert client.copy(0, False, 100)[0] == []
    assert client.find("bob") is None
    assert client.status("bob") is UserStatus.UNKNOWN
    assert client.stats().last_rtt is None
    assert client.wait(0) is False
    assert client.drain(100) == 0


@pytest.mark.parametrize("uid", ["", "a\0b", "\ud800", "x" * 100_000])
def test_uid_that_cannot_be_is_unknown(client: Client, uid: str) -> None:
    assert client.find(uid) is None
    assert client.status(uid) is UserStatus.UNKNOWN


def test_uid_that_is_no_str_is_a_type_error(client: Client) -> None:
    for look in (client.find, client.status):
        with pytest.raises(TypeError):
            look(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("handlers", [{_core.ONLINE: None}, {_core.ONLINE: "f"}, {99: print}])
def test_listener_that_cannot_be_called_is_refused(client: Client, handlers: Any) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        client.add_listener("x", handlers, 1 << Origin.LIVE.value)
    assert raised.value.code == "INVALID_LISTENER"
    assert client.remove_listener("x") is False


def test_removing_a_listener_tells_whether_there_was_one(client: Client) -> None:
    client.add_listener("1", {_core.ONLINE: print}, 2)
    assert client.remove_listener(1) is False  # type: ignore[arg-type]
    assert client.remove_listener("1") is True
    assert client.remove_listener("1") is False


def test_replaced_removed_and_cleared_listeners_are_let_go(client: Client) -> None:
    def handler() -> Callable[[object], None]:
        return lambda user: None

    refs = []
    for id in ("a", "a", "b", "c"):
        function = handler()
        refs.append(weakref.ref(function))
        client.add_listener(id, {_core.ONLINE: function, _core.OFFLINE: function}, 2)
        del function
    assert [ref() is None for ref in refs] == [True, False, False, False]
    client.remove_listener("b")
    client.clear_listeners()
    assert [ref() is None for ref in refs] == [True, True, True, True]


def test_listener_may_call_back_while_it_is_let_go(client: Client) -> None:
    class Goodbye:
        def __call__(self, user: User) -> None: ...

        def __del__(self) -> None:
            client.add_listener("again", {_core.OFFLINE: print}, 2)

    client.add_listener("x", {_core.ONLINE: Goodbye()}, 2)
    client.clear_listeners()
    assert client.remove_listener("again") is True


def test_cycle_of_client_and_listener_is_collected() -> None:
    class Owner:
        def __init__(self) -> None:
            self.core = make_client(report=self.report)
            self.core.add_listener("x", {_core.ONLINE: self.heard}, 2)

        def heard(self, user: User) -> None: ...

        def report(self, exception: BaseException, where: str) -> None: ...

    gone = weakref.ref(Owner())
    gc.collect()
    assert gone() is None


def test_blocking_calls_without_a_login_say_so(client: Client) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.get_user("bob", 5.0),
        lambda: client.get_users(5.0, limit=10),
        lambda: client.online_user_count(5.0),
        client.connect,
    ]
    for call in calls:
        with pytest.raises(errors.CometChatException) as raised:
            call()
        assert raised.value.code == "USER_NOT_LOGED_IN"


def test_close_is_final_and_idempotent() -> None:
    client = make_client()
    assert client.close(5.0) is True
    assert client.close(5.0) is True
    assert client.closed
    assert client.wait(None) is False
    assert client.drain(100) == 0
    assert client.count() == 0
    with pytest.raises(errors.ClientClosed):
        client.get_user("bob", 5.0)


def test_forked_child_is_refused_and_the_parent_goes_on(client: Client) -> None:
    child = os.fork()
    if child == 0:
        os._exit(_calls_not_refused(client))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.count() == 0


def _calls_not_refused(client: Client) -> int:
    calls: list[Callable[[], object]] = [
        lambda: client.login("bob", "key", None, 1.0),
        lambda: client.get_user("bob", 1.0),
        lambda: client.connect(),
        lambda: client.close(1.0),
        lambda: client.add_listener("x", {}, 2),
        lambda: client.clear_listeners(),
        lambda: client.remove_listener("x"),
        lambda: client.fileno(),
        lambda: client.wait(0),
        lambda: client.drain(1),
        lambda: client.find("bob"),
        lambda: client.status("bob"),
        lambda: client.count(),
        lambda: client.copy(0, False, 1),
        lambda: client.stats(),
        lambda: client.me,
        lambda: client.sync_state,
        lambda: client.closed,
    ]
    refused = 0
    for call in calls:
        try:
            call()
        except errors.ClientClosed as error:
            refused += "another process" in str(error)
    return len(calls) - refused


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
