"""Listener objects: how they are made, and which of their methods is called."""

import functools
import inspect
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from cometpresence import (
    AsyncPresenceClient,
    ConfigError,
    ConnectionListener,
    LoginListener,
    PresenceClient,
    PresenceScope,
    User,
    UserListener,
)
from cometpresence._core import LOGGED_OUT, OFFLINE, ONLINE
from cometpresence.listeners import FAMILIES, USERS, handlers_of

MakeClient = Callable[..., PresenceClient]

BOB = User.from_dict({"uid": "bob", "status": "available"})


def tell(listener: Any, wanted: int, *arguments: object) -> None:
    """What the core does with an event."""
    handlers_of(listener, FAMILIES)[wanted](*arguments)


# ---- how they are made


@pytest.mark.parametrize(
    "make",
    [
        lambda f: UserListener({"onUserOnline": f}),
        lambda f: UserListener({"on_user_online": f}),
        lambda f: UserListener(onUserOnline=f),
        lambda f: UserListener(on_user_online=f),
        lambda f: UserListener({"onUserOnline": f, "onUserOffline": None}),
        lambda f: UserListener({"onUserOnline": f}, on_user_offline=print),
    ],
)
def test_every_way_of_giving_a_callback(make: Callable[[Any], UserListener]) -> None:
    came: list[User] = []
    tell(make(came.append), ONLINE, BOB)
    assert came == [BOB]


def test_the_callback_of_the_other_event_is_not_called() -> None:
    came: list[User] = []
    listener = UserListener(onUserOnline=came.append)
    tell(listener, OFFLINE, BOB)
    assert came == []


@pytest.mark.parametrize("name", ["onUserOnline", "on_user_online"])
def test_a_subclass_may_override_either_spelling(name: str) -> None:
    came: list[User] = []
    listener = type("Mine", (UserListener,), {name: lambda self, user: came.append(user)})()
    tell(listener, ONLINE, BOB)
    tell(listener, OFFLINE, BOB)
    assert came == [BOB]


def test_a_subclass_with_its_own_init_need_not_call_ours() -> None:
    class Mine(UserListener):
        def __init__(self, out: list[User]) -> None:
            self.out = out

        def onUserOnline(self, user: User, /) -> None:
            self.out.append(user)

    came: list[User] = []
    tell(Mine(came), ONLINE, BOB)
    assert came == [BOB]


def test_the_most_derived_class_wins_whatever_it_spells() -> None:
    came: list[str] = []

    class Parent(UserListener):
        def on_user_online(self, user: User, /) -> None:
            came.append("parent")

    class Child(Parent):
        def onUserOnline(self, user: User, /) -> None:
            came.append("child")
            super().on_user_online(user)

    tell(Child(), ONLINE, BOB)
    assert came == ["child", "parent"]


def test_a_callback_may_come_from_a_class_behind_ours() -> None:
    came: list[User] = []

    class Mixin:
        def onUserOnline(self, user: User) -> None:
            came.append(user)

    class Mine(UserListener, Mixin): ...  # type: ignore[misc]

    tell(Mine(), ONLINE, BOB)
    assert came == [BOB]


def test_methods_are_looked_up_when_they_are_called() -> None:
    came: list[str] = []
    listener = UserListener(onUserOnline=lambda user: came.append("first"))
    handlers = handlers_of(listener, (USERS,))
    handlers[ONLINE](BOB)
    listener.on_user_online = lambda user: came.append("second")  # type: ignore[method-assign]
    handlers[ONLINE](BOB)
    listener.onUserOnline = lambda user: came.append("third")  # type: ignore[method-assign]
    handlers[ONLINE](BOB)
    assert came == ["first", "second", "third"]


def test_any_object_with_a_method_of_that_name_will_do() -> None:
    class Plain:
        def __init__(self) -> None:
            self.came: list[User] = []

        def onUserOnline(self, user: User) -> None:
            self.came.append(user)

    plain = Plain()
    tell(plain, ONLINE, BOB)
    tell(plain, OFFLINE, BOB)
    assert plain.came == [BOB]


def test_one_object_may_listen_to_everything() -> None:
    class All(UserListener, LoginListener):
        def __init__(self) -> None:
            self.came: list[object] = []

        def on_user_online(self, user: User, /) -> None:
            self.came.append(user)

        def logoutSuccess(self) -> None:
            self.came.append("out")

    listener = All()
    tell(listener, ONLINE, BOB)
    tell(listener, LOGGED_OUT)
    assert listener.came == [BOB, "out"]


# ---- what is refused


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserListener(onUserOnline=7),  # type: ignore[typeddict-item]
        lambda: UserListener({"onUserOnline": "greet"}),  # type: ignore[dict-item]
        lambda: ConnectionListener(onConnected=[]),  # type: ignore[typeddict-item]
        lambda: LoginListener({"loginSuccess": object()}),  # type: ignore[dict-item]
        lambda: UserListener(print),  # type: ignore[arg-type]
        lambda: UserListener(onUserOnline=print, on_user_online=print),
    ],
)
def test_what_is_no_callback_is_refused_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.code == "INVALID_PARAMETER"


def test_assigning_what_is_not_callable_is_refused() -> None:
    with pytest.raises(ConfigError, match="onUserOnline must be callable, not int"):
        UserListener().onUserOnline = 7  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserListener(onUserOnlin=print),  # type: ignore[call-arg]
        lambda: UserListener({"onUserOnlin": print}),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_ones(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError, match=r"does not know onUserOnlin; it knows .*onUserOnline"):
        make()


async def nobody_awaits_me(user: User) -> None: ...


@pytest.mark.parametrize(
    "listener",
    [
        None,
        7,
        "listener",
        object(),
        type("Broken", (), {"onUserOnline": "not callable"})(),
        type("Later", (), {"onUserOnline": staticmethod(nobody_awaits_me)})(),
    ],
)
def test_what_is_no_listener_is_refused_at_once(
    client_without_server: MakeClient, listener: Any
) -> None:
    client = client_without_server(dispatch="none")
    with pytest.raises(ConfigError) as caught:
        client.add_listener(listener)
    assert caught.value.code == "INVALID_PARAMETER"


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ({"onUserOnline": print}, r"UserListener\(\{…\}\)"),
        ({"on_disconnected": print}, r"ConnectionListener\(\{…\}\)"),
        ({"loginSuccess": print}, r"LoginListener\(\{…\}\)"),
        ({}, r"UserListener\(\{…\}\)"),
        (UserListener, r"UserListener\(…\)"),
        (print, "UserListener, ConnectionListener or LoginListener"),
    ],
)
def test_what_is_nearly_a_listener_is_refused_with_the_fix(
    client_without_server: MakeClient, given: Any, fix: str
) -> None:
    with pytest.raises(ConfigError, match=fix):
        client_without_server().add_listener(given)


@pytest.mark.parametrize("handler", [7, "greet", object(), nobody_awaits_me])
def test_what_is_no_handler_is_refused_at_once(
    client_without_server: MakeClient, handler: Any
) -> None:
    client = client_without_server(dispatch="none")
    for attach in (
        client.on_user_online,
        client.on_user_offline,
        client.on_presence,
        client.on_presence_batch,
        client.on_connected,
        client.on_connecting,
        client.on_disconnected,
        client.on_synced,
        client.on_degraded,
        client.on_error,
    ):
        with pytest.raises(ConfigError):
            attach(handler)
        with pytest.raises(ConfigError):
            attach()(handler)


def nothing() -> None: ...


def one(it: object) -> None: ...


def any_number(*they: object, **more: object) -> None: ...


class Bot:
    def wants_two(self, it: object, other: object) -> None: ...


def one_of_two(it: object, /, but_not_this: int = 0) -> None: ...


def named(it: object, *, wanted: object) -> None: ...


@functools.wraps(named)
def adds_what_is_missing(it: object) -> None:
    named(it, wanted=True)


@functools.wraps(nothing)
def hides_what_it_takes(*told: object) -> None: ...


class Odd:
    """Nobody can say what it takes."""

    __signature__ = "not one"

    def __call__(self, it: object) -> None: ...


class CallsAnother:
    __call__ = staticmethod(one)


class CallsItsClass:
    @classmethod
    def __call__(cls, it: object) -> None: ...


class CallsWhatItHolds:
    __call__ = functools.partial(one)


def says_otherwise(*told: object) -> None: ...


says_otherwise.__signature__ = inspect.signature(nothing)  # type: ignore[attr-defined]


RIGHT = (
    *(CallsAnother(), CallsItsClass(), CallsWhatItHolds(), says_otherwise),
    *(one, any_number, one_of_two, adds_what_is_missing, hides_what_it_takes),
    *(print, Exception, [].append, functools.partial(named, wanted=True), Odd(), Mock()),
)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("on_user_online", "user"),
        ("on_user_offline", "user"),
        ("on_presence", "event"),
        ("on_presence_batch", "events"),
        ("on_connected", "generation"),
        ("on_disconnected", "disconnect"),
        ("on_synced", "report"),
        ("on_degraded", "reason"),
    ],
)
@pytest.mark.parametrize(
    "wrong", [nothing, named, functools.partial(one, BOB), lambda: None, Bot().wants_two]
)
@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
def test_a_handler_that_cannot_take_what_it_is_told_is_refused_at_once(
    kind: type[Any], name: str, told: str, wrong: Any
) -> None:
    attach = getattr(kind("app", region="us"), name)
    refusal = rf"\b{name}'s handler is called with \({told}\), and .*: let it take just these"
    with pytest.raises(ConfigError, match=refusal):
        attach(wrong)
    with pytest.raises(ConfigError, match=refusal):
        attach()(wrong)
    for right in RIGHT:
        assert attach(right) is right


def test_a_debounced_handler_must_take_the_user(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    with pytest.raises(ConfigError, match=r"on_user_offline's handler is called with \(user\)"):
        client_without_server().on_user_offline(nothing, after=30)


@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
def test_handlers_that_are_told_two_things_must_take_both(kind: type[Any]) -> None:
    client = kind("app", region="us")
    for attach, told in (
        (client.on_connecting, "attempt, delay"),
        (client.on_error, "exception, where"),
    ):
        with pytest.raises(ConfigError, match=rf"is called with \({told}\), and one does not fit"):
            attach(one)
        assert attach(any_number) is any_number


@pytest.mark.parametrize("kind", [PresenceClient, AsyncPresenceClient])
def test_a_token_provider_must_need_no_arguments(kind: type[Any]) -> None:
    with pytest.raises(ConfigError, match=r"token provider .* let it take no arguments"):
        kind("app", region="us", token_provider=one)


def test_a_predicate_must_take_the_event(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    with pytest.raises(ConfigError, match=r"predicate is called with \(event\), and nothing"):
        client_without_server().wait_for(nothing, timeout=0)  # type: ignore[arg-type]


def test_callbacks_of_listeners_must_take_what_they_are_told(
    client_without_server: Callable[..., PresenceClient],
) -> None:
    client = client_without_server()
    with pytest.raises(ConfigError, match=r"on_user_online is called with \(user\), and nothing"):
        client.add_listener(UserListener(onUserOnline=nothing))
    with pytest.raises(ConfigError, match=r"on_connected is called with \(\), and one"):
        client.add_listener(ConnectionListener(onConnected=one))
    client.add_listener(ConnectionListener(onConnected=nothing))


@pytest.mark.parametrize(
    "filters",
    [
        {"uids": "alice"},
        {"uids": [7]},
        {"roles": "teacher"},
        {"id": 0.5},
        {"id": 7, "uids": ["a"]},
    ],
)
def test_wrong_filters_are_refused_at_once(
    client_without_server: MakeClient, filters: dict[str, Any]
) -> None:
    client = client_without_server(dispatch="none")
    with pytest.raises(ConfigError):
        client.on_user_online(print, **filters)
    with pytest.raises(ConfigError):
        client.on_user_online(**filters)(print)


def test_an_unknown_filter_is_refused(client_without_server: MakeClient) -> None:
    with pytest.raises(TypeError, match=r"filter: role; there are .*\broles\b.*\bafter\b"):
        client_without_server().on_user_online(print, role="teacher")


# ---- subscriptions


def test_a_subscription_ends_by_remove_by_with_and_by_id(client_without_server: MakeClient) -> None:
    client = client_without_server(dispatch="none")
    removed = client.add_listener(UserListener(), id="removed")
    removed.remove()
    removed.remove()
    with client.add_listener(UserListener(), id="left") as left:
        assert left.active
    by_id = client.add_listener(UserListener(), id="by id")
    assert client.remove_listener("by id") is True
    assert client.remove_listener("by id") is False
    assert [s.active for s in (removed, left, by_id)] == [False, False, False]
    assert [s.id for s in (removed, left, by_id)] == ["removed", "left", "by id"]


def test_the_same_id_ends_the_former_subscription_which_cannot_end_the_new_one(
    client_without_server: MakeClient,
) -> None:
    client = client_without_server(dispatch="none")
    former = client.add_listener(UserListener(), id="X")
    latter = client.add_listener(UserListener(), id="X")
    assert (former.active, latter.active) == (False, True)
    former.remove()
    assert latter.active
    assert client.remove_listener("X") is True


def test_ids_made_up_are_never_the_same(client_without_server: MakeClient) -> None:
    client = client_without_server(dispatch="none")
    ids = {client.add_listener(UserListener()).id for _ in range(3)}
    assert len(ids) == 3


def test_on_methods_return_the_function(client_without_server: MakeClient) -> None:
    client = client_without_server(dispatch="none")

    def handler(*arguments: object) -> None: ...

    assert client.on_user_online(handler) is handler
    assert client.on_user_online(uids={"a"})(handler) is handler
    assert client.on_synced(handler) is handler
    assert client.on_synced()(handler) is handler
    assert client.on_error(handler) is handler
    assert client.on_error()(handler) is handler


# ---- nobody subscribed to


def test_listening_without_a_subscription_warns_once_and_names_the_fix(
    client_without_server: MakeClient,
) -> None:
    client = client_without_server(presence=PresenceScope.none())
    client.add_listener(ConnectionListener())
    client.on_connected(print)
    with pytest.warns(UserWarning, match="subscribe_presence_for_all_users") as caught:
        client.on_user_online(print)
    assert caught[0].filename == __file__
    client.on_presence(print)  # a warning would be an error here
    client.add_listener(UserListener())
