"""The extension's Client by itself: no server is needed for any of this."""

import gc
import math
import os
import re
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cometpresence import _core, errors
from cometpresence._core import Client, User
from cometpresence.values import ConnectionStatus, Origin, SyncState, UserStatus

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
        "allow_plaintext": False,
        "watched": (),
        "watched_every": 30.0,
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
    ("changes", "servers"),
    [
        (
            {"app_id": "App1", "region": "EU"},
            (
                "https://app1.api-eu.cometchat.io/v3.0",
                "https://app1.apiclient-eu.cometchat.io/v3.0",
            ),
        ),
        (
            {"admin_host": "a.example:8443", "client_host": "b.example/path"},
            ("https://a.example:8443", "https://b.example/path"),
        ),
        ({"endpoint": "http://127.0.0.1:7000"}, ("http://127.0.0.1:7000/v3.0",) * 2),
    ],
)
def test_it_says_where_its_servers_are(changes: Any, servers: tuple[str, str]) -> None:
    client = make_client(**changes)
    assert client.servers == servers
    client.close(5.0)


def test_it_says_with_which_libraries_it_runs() -> None:
    assert _core.LIBRARIES.keys() == {"libwebsockets", "OpenSSL"}
    assert all(re.search(r"[0-9]\.[0-9]", version) for version in _core.LIBRARIES.values())


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
        ({"limit": "many"}, "INVALID_PARAMETER"),
        ({"limit": 2**70}, "INVALID_PARAMETER"),
        ({"roles": "teacher"}, "INVALID_PARAMETER"),
        ({"search_keyword": "a\0b"}, "INVALID_PARAMETER"),
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
