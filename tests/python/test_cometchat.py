"""The face for readers of CometChat's documentation: process-wide, blocking, in their words."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE, Inbox
from python.refusals import code_of

import cometpresence.cometchat
from cometpresence import (
    AppSettings,
    AppSettingsBuilder,
    AuthError,
    CometChat,
    CometChatException,
    ConfigError,
    ConnectionListener,
    ConnectionStatus,
    LoginListener,
    User,
    UserListener,
    UsersRequestBuilder,
    UserStatus,
)
from cometpresence.emulator import Emulator


@pytest.fixture(autouse=True)
def face(monkeypatch: pytest.MonkeyPatch) -> Iterator[cometpresence.cometchat._Default]:
    """A CometChat nobody has used yet."""
    face = cometpresence.cometchat._Default()
    monkeypatch.setattr(cometpresence.cometchat, "_default", face)
    yield face
    if face.client is not None:
        face.client.close()


def found_through_the_environment(
    emulator: Emulator, face: cometpresence.cometchat._Default, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", emulator.url)
    if emulator.ca_file is not None:
        monkeypatch.setenv("COMETPRESENCE_CA_FILE", emulator.ca_file)
    yield emulator
    if face.client is not None:
        face.client.close()  # while there is somebody to say farewell to


@pytest.fixture
def app(
    emulator: Emulator, face: cometpresence.cometchat._Default, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    yield from found_through_the_environment(emulator, face, monkeypatch)


@pytest.fixture
def plain_app(
    plain_emulator: Emulator,
    face: cometpresence.cometchat._Default,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Emulator]:
    yield from found_through_the_environment(plain_emulator, face, monkeypatch)


def everybody() -> AppSettings:
    return AppSettingsBuilder().subscribePresenceForAllUsers().setRegion("us").build()


def init_and_login(emulator: Emulator, uid: str = "alice") -> User:
    CometChat.init(emulator.app_id, everybody())
    return CometChat.login(uid, emulator.auth_key)


# ---- the documented page


def test_the_documented_snippet(app: Emulator) -> None:
    printed = Inbox()
    print = printed
    APP_ID, AUTH_KEY = app.app_id, app.auth_key

    settings = (AppSettingsBuilder()
                .subscribePresenceForAllUsers()
                .setRegion("us")
                .build())  # fmt: skip
    CometChat.init(APP_ID, settings)
    me = CometChat.login("alice", AUTH_KEY)

    CometChat.addUserListener("UNIQUE_LISTENER_ID", UserListener(
        onUserOnline=lambda user: print(user.getName(), user.status, user.lastActiveAt),
        onUserOffline=lambda user: print(user.uid, "last seen", user.lastActiveAt)))  # fmt: skip

    app.wait_for_client()
    app.set_online("bob", at=1_800_000_000)
    app.set_offline("bob", at=1_800_000_001)
    assert [line for line in printed.wait_for(2) if "alice" not in line] == [
        ("Bob B", "online", 1_800_000_000),
        ("bob", "last seen", 1_800_000_001),
    ]
    CometChat.removeUserListener("UNIQUE_LISTENER_ID")

    request = UsersRequestBuilder().setLimit(30).build()
    listed = {}
    for user in request.fetchNext():
        listed[user.uid] = (user.status, user.lastActiveAt)
    assert request.fetchNext() == []
    assert listed.keys() == {"alice", "bob", "carol", "dave", "erin"}
    assert listed["bob"] == ("offline", 1_800_000_001)
    assert me.uid == "alice"
    CometChat.logout()
    assert CometChat.getLoggedinUser() is None


def test_the_same_in_snake_case(app: Emulator) -> None:
    came = Inbox()
    settings = AppSettingsBuilder().subscribe_presence_for_all_users().set_region("us").build()
    assert CometChat.init(app.app_id, settings) is True
    me = CometChat.login("alice", app.auth_key)
    assert CometChat.get_logged_in_user() == me
    CometChat.add_user_listener("UNIQUE_LISTENER_ID", UserListener(on_user_online=came))
    app.wait_for_client()
    app.set_online("bob")
    came.wait_until(lambda users: "bob" in {user.uid for user in users})
    CometChat.remove_user_listener("UNIQUE_LISTENER_ID")
    users = UsersRequestBuilder().set_limit(30).set_status("online").build().fetch_next()
    assert {user.uid for user in users} == {"alice", "bob", "erin"}
    assert CometChat.get_user("bob").is_online
    assert CometChat.get_online_user_count() == 3
    CometChat.logout()


@pytest.mark.parametrize(
    ("subscribe", "seen"),
    [
        (lambda builder: builder.subscribePresenceForRoles(["student"]), {"bob", "carol"}),
        (lambda builder: builder.subscribePresenceForFriends(), {"bob"}),
    ],
)
def test_the_other_subscriptions(
    app: Emulator, subscribe: Callable[[AppSettingsBuilder], Any], seen: set[str]
) -> None:
    came = Inbox()
    CometChat.addUserListener("X", UserListener(onUserOnline=came))
    CometChat.init(app.app_id, subscribe(AppSettingsBuilder().setRegion("us")).build())
    CometChat.login("alice", app.auth_key)
    app.wait_for_client()
    for uid in ("dave", "carol", "bob"):
        app.set_online(uid)
    came.wait_until(lambda users: "bob" in {user.uid for user in users})
    assert set(came.uids()) == seen


# ---- before and after


@pytest.mark.parametrize(
    "call",
    [
        lambda: CometChat.login("alice", "key"),
        lambda: CometChat.login("token"),
        lambda: CometChat.logout(),
        lambda: CometChat.connect(),
        lambda: CometChat.disconnect(),
        lambda: CometChat.getUser("bob"),
        lambda: CometChat.getOnlineUserCount(),
        lambda: CometChat.getLoggedinUser(),
        lambda: UsersRequestBuilder().setLimit(30).build().fetchNext(),
    ],
)
def test_without_init_calls_say_so(call: Callable[[], object]) -> None:
    assert code_of(call) == "COMETCHAT_INITIALIZATION_NOT_DONE"


def test_without_init_the_status_is_disconnected() -> None:
    assert CometChat.getConnectionStatus() == "disconnected"
    assert CometChat.CONNECTION_STATUS is ConnectionStatus
    assert CometChat.USER_STATUS is UserStatus
    assert CometChat.USER_STATUS.ONLINE == "online"


@pytest.mark.parametrize(
    ("app_id", "settings", "code"),
    [
        ("", everybody(), "MISSING_PARAMETERS"),
        (None, everybody(), "MISSING_PARAMETERS"),
        (7, everybody(), "INVALID_PARAMETER"),
        ("app", None, "INVALID_PARAMETER"),
        ("app", AppSettingsBuilder(), "INVALID_PARAMETER"),
        ("app", AppSettingsBuilder().build(), "MISSING_PARAMETERS"),
        ("app", AppSettingsBuilder().setRegion("mars").build(), "INVALID_REGION"),
    ],
)
def test_a_wrong_init_is_refused_at_once(app_id: Any, settings: Any, code: str) -> None:
    assert code_of(lambda: CometChat.init(app_id, settings)) == code
    assert code_of(CometChat.connect) == "COMETCHAT_INITIALIZATION_NOT_DONE"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("",), "MISSING_PARAMETERS"),
        ((None,), "MISSING_PARAMETERS"),
        ((None, "key"), "MISSING_PARAMETERS"),
        (("", "key"), "MISSING_PARAMETERS"),
        (("alice", ""), "MISSING_PARAMETERS"),
        ((7, "key"), "INVALID_PARAMETER"),
        (("alice", 7), "INVALID_PARAMETER"),
    ],
)
def test_missing_credentials_are_refused_and_nothing_is_sent(
    plain_app: Emulator, arguments: tuple[Any, ...], code: str
) -> None:
    CometChat.init(plain_app.app_id, everybody())
    assert code_of(lambda: CometChat.login(*arguments)) == code
    assert not [entry for entry in plain_app.journal if entry["kind"] == "rest"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("alice", "wrong-key"), "AUTH_ERR_APIKEY_NOT_FOUND"),
        (("nobody",), "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"),
    ],
)
def test_a_refused_login_is_told_to_the_caller_and_to_listeners_once(
    plain_app: Emulator, arguments: tuple[Any, ...], code: str
) -> None:
    failures = Inbox()
    CometChat.addLoginListener("L", LoginListener(loginFailure=failures))
    CometChat.init(plain_app.app_id, everybody())
    with pytest.raises(AuthError) as caught:
        CometChat.login(*arguments)
    assert caught.value.code == code
    assert failures.one().code == code
    asked = [e for e in plain_app.journal if (e["kind"], e["dir"]) == ("rest", "in")]
    assert len(asked) == 1
    assert CometChat.getLoggedinUser() is None


def test_logging_in_twice_is_answered_from_memory_and_somebody_else_replaces(
    plain_app: Emulator,
) -> None:
    me = init_and_login(plain_app)
    before = len([entry for entry in plain_app.journal if entry["kind"] == "rest"])
    assert CometChat.login("alice", plain_app.auth_key) == me
    assert CometChat.getLoggedinUser() == CometChat.getLoggedInUser() == me
    asked = [e for e in plain_app.journal if e["kind"] == "rest" and "/users" not in e["path"]]
    assert len(asked) <= before
    assert CometChat.login("bob", plain_app.auth_key).uid == "bob"
    user = CometChat.getLoggedinUser()
    assert user is not None
    assert user.uid == "bob"


def test_a_login_while_another_is_under_way_is_refused(plain_app: Emulator) -> None:
    CometChat.init(plain_app.app_id, everybody())
    outcomes = Inbox()

    def login() -> None:
        try:
            outcomes(CometChat.login("alice", plain_app.auth_key).uid)
        except CometChatException as error:
            outcomes(error.code)

    with plain_app.blackhole():
        threads = [threading.Thread(target=login) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert outcomes.one() == "LOGIN_IN_PROGRESS"
    assert sorted(outcomes.wait_for(2)) == ["LOGIN_IN_PROGRESS", "alice"]
    for thread in threads:
        thread.join(PATIENCE)


# ---- connecting


def test_without_auto_connect_the_socket_waits_for_connect(plain_app: Emulator) -> None:
    heard = Inbox()
    CometChat.addConnectionListener(
        "C",
        ConnectionListener(
            inConnecting=lambda: heard("inConnecting"),
            onConnected=lambda: heard("onConnected"),
            onDisconnected=lambda: heard("onDisconnected"),
        ),
    )
    settings = AppSettingsBuilder().setRegion("us").autoEstablishSocketConnection(False).build()
    CometChat.init(plain_app.app_id, settings)
    CometChat.login("alice", plain_app.auth_key)
    assert CometChat.getConnectionStatus() == "disconnected"
    assert heard.letters == []
    CometChat.connect()
    heard.wait_for(2)
    assert CometChat.getConnectionStatus() == "connected"
    CometChat.disconnect()
    assert heard.wait_for(3) == ["inConnecting", "onConnected", "onDisconnected"]
    assert CometChat.getConnectionStatus() == "disconnected"
    CometChat.removeConnectionListener("C")
    CometChat.connect()
    plain_app.wait_for_client()
    assert len(heard.letters) == 3


def test_overridden_hosts_are_where_requests_go(
    tls_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = tls_emulator
    monkeypatch.setenv("COMETPRESENCE_CA_FILE", str(emulator.ca_file))
    host = emulator.url.removeprefix("https://")
    settings = (
        AppSettingsBuilder()
        .subscribePresenceForAllUsers()
        .setRegion("us")
        .overrideAdminHost(host)
        .overrideClientHost(host)
        .build()
    )
    CometChat.init(emulator.app_id, settings)
    assert CometChat.login("alice", emulator.auth_key).uid == "alice"
    emulator.wait_for_client()
    assert CometChat.getUser("bob").uid == "bob"
    CometChat.logout()


# ---- listeners


def test_listeners_may_come_first_and_outlive_logouts_and_init(
    plain_app: Emulator, make_client: MakeClient
) -> None:
    came, logins = Inbox(), Inbox()
    CometChat.addUserListener("U", UserListener(onUserOnline=came))
    CometChat.addLoginListener(
        "L",
        LoginListener(
            loginSuccess=lambda user: logins(user.uid), logoutSuccess=lambda: logins("out")
        ),
    )
    for uid in ("bob", "carol"):  # the second time after a logout, the third after another init
        init_and_login(plain_app)
        plain_app.wait_for_client()
        plain_app.set_online(uid)
        came.wait_until(lambda users, uid=uid: uid in {user.uid for user in users})  # type: ignore[misc]
        CometChat.logout()
    assert logins.wait_for(4) == ["alice", "out", "alice", "out"]


def test_the_same_id_replaces_and_goes_to_the_end_and_kinds_have_ids_of_their_own(
    plain_app: Emulator,
) -> None:
    order = Inbox()
    first = CometChat.addUserListener("1", UserListener(onUserOnline=lambda user: order("A1")))
    CometChat.addUserListener("2", UserListener(onUserOnline=lambda user: order("B")))
    CometChat.addConnectionListener("1", ConnectionListener(onConnected=lambda: None))
    CometChat.addLoginListener("1", LoginListener())
    init_and_login(plain_app)
    second = CometChat.addUserListener("1", UserListener(onUserOnline=lambda user: order("A2")))
    assert (first.active, second.active) == (False, True)
    first.remove()
    CometChat.removeConnectionListener("1")
    CometChat.removeLoginListener("1")
    assert second.active
    plain_app.wait_for_client()
    order.letters.clear()
    plain_app.set_online("bob")
    assert order.wait_for(2)[-2:] == ["B", "A2"]
    second.remove()
    assert not second.active


def test_removing_an_unknown_id_is_silent() -> None:
    CometChat.removeUserListener("nobody")
    CometChat.removeConnectionListener("nobody")
    CometChat.removeLoginListener("nobody")
    CometChat.remove_user_listener(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("add", "listener"),
    [
        (CometChat.addUserListener, None),
        (CometChat.addUserListener, print),
        (CometChat.addUserListener, ConnectionListener()),
        (CometChat.addConnectionListener, UserListener()),
        (CometChat.addLoginListener, object()),
    ],
)
def test_what_is_no_listener_is_refused_before_init_too(add: Any, listener: Any) -> None:
    assert code_of(lambda: add("X", listener)) == "INVALID_PARAMETER"


@pytest.mark.parametrize("id", ["", None, 7])
def test_a_listener_needs_an_id(id: Any) -> None:
    with pytest.raises(CometChatException):
        CometChat.addUserListener(id, UserListener())


def test_listening_without_a_subscription_warns(plain_app: Emulator) -> None:
    CometChat.init(plain_app.app_id, AppSettingsBuilder().setRegion("us").build())
    with pytest.warns(UserWarning, match="subscribe_presence_for_all_users") as caught:
        CometChat.addUserListener("X", UserListener())
    assert caught[0].filename == __file__


def test_every_call_returns_inside_a_listener(plain_app: Emulator) -> None:
    answers = Inbox()

    def ask_everything(user: User) -> None:
        if user.uid != "bob":
            return
        answers(CometChat.getUser("carol").uid)
        answers(len(UsersRequestBuilder().setLimit(30).build().fetchNext()))
        answers(CometChat.getOnlineUserCount())
        answers(CometChat.login("alice", plain_app.auth_key).uid)
        CometChat.disconnect()
        CometChat.connect()
        CometChat.removeUserListener("X")
        CometChat.logout()
        answers(CometChat.getLoggedinUser())

    CometChat.addUserListener("X", UserListener(onUserOnline=ask_everything))
    init_and_login(plain_app)
    plain_app.wait_for_client()
    plain_app.set_online("bob")
    assert answers.wait_for(5) == ["carol", 5, 3, "alice", None]


# ---- event loops


@pytest.mark.parametrize(
    "call",
    [
        lambda: CometChat.init("app", everybody()),
        lambda: CometChat.login("alice", "key"),
        lambda: CometChat.logout(),
        lambda: CometChat.connect(),
        lambda: CometChat.disconnect(),
        lambda: CometChat.getUser("bob"),
        lambda: CometChat.getOnlineUserCount(),
        lambda: UsersRequestBuilder().setLimit(30).build().fetchNext(),
    ],
)
def test_a_running_event_loop_is_not_blocked(call: Callable[[], object]) -> None:
    async def main() -> None:
        call()

    with pytest.raises(CometChatException, match=r"asyncio\.to_thread") as caught:
        asyncio.run(main())
    assert caught.value.code == "EVENT_LOOP_RUNNING"
    assert "AsyncPresenceClient" in caught.value.message


def test_another_thread_may_block_beside_an_event_loop(plain_app: Emulator) -> None:
    async def main() -> str:
        user = await asyncio.to_thread(init_and_login, plain_app)
        return user.uid

    assert asyncio.run(main()) == "alice"


def test_a_forgotten_auth_key_is_no_auth_token(plain_app: Emulator) -> None:
    CometChat.init(plain_app.app_id, everybody())
    sent = len(plain_app.journal)
    with pytest.raises(ConfigError, match="auth key") as refusal:
        CometChat.login("alice", None)  # type: ignore[arg-type]
    assert refusal.value.code == "MISSING_PARAMETERS"
    assert len(plain_app.journal) == sent


def test_classes_are_found_where_the_documentation_has_them() -> None:
    assert isinstance(CometChat.UserListener({"onUserOnline": print}), UserListener)
    assert CometChat.AppSettingsBuilder is AppSettingsBuilder
    assert CometChat.UsersRequestBuilder is UsersRequestBuilder


def test_a_mapping_is_a_listener_as_a_plain_object_is_in_javascript(plain_app: Emulator) -> None:
    init_and_login(plain_app)
    plain_app.wait_for_client()
    heard = Inbox()
    CometChat.addUserListener("plain", {"onUserOnline": heard})  # type: ignore[arg-type]
    plain_app.set_online("bob")
    assert heard.one().uid == "bob"
    with pytest.raises(ConfigError, match="onUserOnlin"):
        CometChat.addUserListener("typo", {"onUserOnlin": print})  # type: ignore[arg-type]
