"""Header injection: no argument of the public API brings a line end or a NUL onto the wire.

A table over those arguments; which there are is read off the signatures, so none is forgotten.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python.hostile import Hostile

import cometpresence.cometchat
from cometpresence import (
    AppSettingsBuilder,
    AsyncPresenceClient,
    CometChat,
    CometChatException,
    PresenceClient,
    PresenceScope,
    UsersRequestBuilder,
)

BREACHES = {
    "CRLF": "x\r\nX-Injected: yes",
    "CR": "x\rX-Injected: yes",
    "LF": "x\nX-Injected: yes",
    "NUL": "x\0X-Injected: yes",
    "at the end": "x\r\n",
    "at the beginning": "\r\nX-Injected: yes",
}

Use = Callable[[Hostile, str], object]


def log_in(server: Hostile, **kw: Any) -> None:
    client = PresenceClient(**(server.client_args() | kw))
    try:
        client.login()
    finally:
        client.close()


def with_client(use: Callable[[PresenceClient, str], object]) -> Use:
    def run(server: Hostile, bad: str) -> None:
        client = PresenceClient(**server.client_args())
        try:
            use(client, bad)
        finally:
            client.close()

    return run


def with_async_client(use: Callable[[AsyncPresenceClient, str], Any]) -> Use:
    async def on_a_loop(server: Hostile, bad: str) -> None:
        client = AsyncPresenceClient(**server.client_args())
        try:
            await use(client, bad)
        finally:
            await client.close()

    return lambda server, bad: asyncio.run(on_a_loop(server, bad))


async def log_in_and_get_user(client: AsyncPresenceClient, bad: str) -> None:
    await client.login()
    await client.get_user(bad)


def with_settings(use: Callable[[AppSettingsBuilder, str], AppSettingsBuilder]) -> Use:
    def run(server: Hostile, bad: str) -> None:
        builder = use(AppSettingsBuilder().setRegion("us"), bad)
        PresenceClient(settings=builder.build(), app_id="app").close()

    return run


def with_request(use: Callable[[UsersRequestBuilder, str], UsersRequestBuilder]) -> Use:
    def run(server: Hostile, bad: str) -> None:
        client = PresenceClient(**server.client_args())
        try:
            client.login()
            use(client.users_request(), bad).build().fetch_next()
        finally:
            client.close()

    return run


def face(server: Hostile, app_id: str = "app") -> None:
    CometChat.init(app_id, AppSettingsBuilder().setRegion("us").build())


def face_login(server: Hostile, uid: str, auth_key: str) -> None:
    face(server)
    CometChat.login(uid, auth_key)


def face_get_user(server: Hostile, bad: str) -> None:
    face_login(server, "alice", "key")
    CometChat.getUser(bad)


ARGUMENTS: dict[str, Use] = {
    "PresenceClient(app_id)": lambda server, bad: log_in(server, app_id=bad),
    "PresenceClient(region)": lambda server, bad: log_in(server, region=bad),
    "PresenceClient(uid)": lambda server, bad: log_in(server, uid=bad),
    "PresenceClient(auth_key)": lambda server, bad: log_in(server, auth_key=bad),
    "PresenceClient(auth_token)": lambda server, bad: log_in(
        server, uid=None, auth_key=None, auth_token=bad
    ),
    "PresenceClient(token_provider)": lambda server, bad: log_in(
        server, uid=None, auth_key=None, token_provider=lambda: bad
    ),
    "PresenceClient(endpoint)": lambda server, bad: log_in(server, endpoint=server.url + bad),
    "PresenceClient(ca_file)": lambda server, bad: log_in(server, ca_file=bad),
    "PresenceClient.login(uid)": with_client(lambda client, bad: client.login(bad, "key")),
    "PresenceClient.login(auth_key)": with_client(lambda client, bad: client.login("alice", bad)),
    "PresenceClient.login(auth_token)": with_client(
        lambda client, bad: client.login(auth_token=bad)
    ),
    "PresenceClient.get_user(uid)": with_client(
        lambda client, bad: (client.login(), client.get_user(bad))
    ),
    "AsyncPresenceClient.login(uid)": with_async_client(
        lambda client, bad: client.login(bad, "key")
    ),
    "AsyncPresenceClient.login(auth_key)": with_async_client(
        lambda client, bad: client.login("alice", bad)
    ),
    "AsyncPresenceClient.login(auth_token)": with_async_client(
        lambda client, bad: client.login(auth_token=bad)
    ),
    "AsyncPresenceClient.get_user(uid)": with_async_client(log_in_and_get_user),
    "AppSettingsBuilder.set_region(region)": with_settings(
        lambda builder, bad: builder.set_region(bad)
    ),
    "AppSettingsBuilder.override_admin_host(host)": with_settings(
        lambda builder, bad: builder.override_admin_host(bad)
    ),
    "AppSettingsBuilder.override_client_host(host)": with_settings(
        lambda builder, bad: builder.override_client_host(bad)
    ),
    "AppSettingsBuilder.subscribe_presence_for_roles(roles)": with_settings(
        lambda builder, bad: builder.subscribe_presence_for_roles([bad])
    ),
    "PresenceScope.roles(roles)": lambda server, bad: log_in(
        server, presence=PresenceScope.roles("teacher", bad)
    ),
    "PresenceScope.watching(uids)": lambda server, bad: log_in(
        server, presence=PresenceScope.none().watching(["bob", bad])
    ),
    "CometChat.init(app_id)": lambda server, bad: face(server, bad),
    "CometChat.login(uid)": lambda server, bad: face_login(server, bad, "key"),
    "CometChat.login(auth_key)": lambda server, bad: face_login(server, "alice", bad),
    "CometChat.get_user(uid)": face_get_user,
    "UsersRequestBuilder.set_status(status)": with_request(
        lambda builder, bad: builder.set_status(bad)
    ),
    "UsersRequestBuilder.set_role(role)": with_request(lambda builder, bad: builder.set_role(bad)),
    "UsersRequestBuilder.set_roles(roles)": with_request(
        lambda builder, bad: builder.set_roles([bad])
    ),
    "UsersRequestBuilder.set_search_keyword(keyword)": with_request(
        lambda builder, bad: builder.set_search_keyword(bad)
    ),
    "UsersRequestBuilder.search_in(fields)": with_request(
        lambda builder, bad: builder.search_in([bad])
    ),
    "UsersRequestBuilder.set_tags(tags)": with_request(
        lambda builder, bad: builder.set_tags([bad])
    ),
    "UsersRequestBuilder.set_uids(uids)": with_request(
        lambda builder, bad: builder.set_uids([bad])
    ),
    "UsersRequestBuilder.sort_by(field)": with_request(lambda builder, bad: builder.sort_by(bad)),
    "UsersRequestBuilder.sort_by_order(order)": with_request(
        lambda builder, bad: builder.sort_by_order(bad)
    ),
}

# What stays in the process: names of listeners, and which of the events to hand out.
LOCAL = {
    *(f"{method}(id)" for method in ("add_listener", "remove_listener")),
    *(f"{of}_{who}_listener(id)" for of in ("add", "remove") for who in ("user", "connection")),
    *(f"{of}_login_listener(id)" for of in ("add", "remove")),
    *("events(uids)", "events(roles)", "wait_for_online(uid)", "wait_for_offline(uid)"),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    with Hostile() as server:
        monkeypatch.setenv("COMETPRESENCE_EMULATOR", server.url)
        default = cometpresence.cometchat._Default()  # a CometChat nobody has used yet
        monkeypatch.setattr(cometpresence.cometchat, "_default", default)
        yield server
        if default.client is not None:
            default.client.close()


@pytest.mark.parametrize("breach", BREACHES)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_line_end_or_a_nul_in_an_argument_is_refused(
    argument: str, breach: str, server: Hostile
) -> None:
    with pytest.raises(CometChatException) as caught:
        ARGUMENTS[argument](server, BREACHES[breach])
    assert isinstance(caught.value, ValueError), caught.value  # refused here, not by the server
    assert not [line for request in server.requests for line in request.lines if "Inject" in line]
    assert not [request.target for request in server.requests if "Inject" in request.target]


def test_the_same_arguments_without_them_are_sent(server: Hostile) -> None:
    """Else the table would show nothing."""
    for argument in ("PresenceClient(uid)", "PresenceClient(auth_key)", "PresenceClient(app_id)"):
        ARGUMENTS[argument](server, "alice")
    assert server.names().count("POST /users/alice/auth_tokens") == 3


def test_the_table_has_every_argument_that_takes_text() -> None:
    found = set()
    for kind in (PresenceClient, AsyncPresenceClient, AppSettingsBuilder, PresenceScope, CometChat):
        found |= arguments_of(kind)
    found |= arguments_of(UsersRequestBuilder)
    inherited = {f"Async{name}" for name in ARGUMENTS if name.startswith("PresenceClient(")}
    assert found - set(ARGUMENTS) - inherited == set()


def arguments_of(kind: type) -> set[str]:
    """Class.method(argument) for each that takes text, but for those that stay here."""
    found = set()
    for name, method in inspect.getmembers(kind, inspect.isroutine):
        if name != "__init__" and (name.startswith("_") or name != name.lower()):
            continue  # the vendor's spelling is the same function
        if name == "__init__" and kind is PresenceScope:
            continue  # made by its class methods
        for argument in inspect.signature(method).parameters.values():
            if "str" in str(argument.annotation) and f"{name}({argument.name})" not in LOCAL:
                where = "" if name == "__init__" else f".{name}"
                found.add(f"{kind.__name__}{where}({argument.name})")
    return found
