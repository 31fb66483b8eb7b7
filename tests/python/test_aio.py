"""AsyncPresenceClient: what blocks elsewhere is a coroutine here, and no thread waits for it."""

import asyncio
import gc
import inspect
import resource
import threading
from typing import Any

import pytest
from python.conftest import MakeClient
from python.inbox import PATIENCE
from python.loops import Inbox, begun, client_of, soon, until

from cometpresence import (
    AsyncPresenceClient,
    AuthError,
    ClientClosed,
    CometChatException,
    ConfigError,
    ConnectionStatus,
    Origin,
    PresenceClient,
    PresenceScope,
    Reconnect,
    RequestTimeout,
    SyncState,
    UsersRequestBuilder,
)
from cometpresence.emulator import Emulator

QUICK = Reconnect(base=0.02, cap=0.1, floor=0.0)


# ---- life


@pytest.mark.usefixtures("loop_factory")
async def test_entering_logs_in_connects_and_synchronises(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        assert client.presence.state is SyncState.SYNCED
        assert client.connection_status is ConnectionStatus.CONNECTED
        assert set(client.presence.online) == emulator.online
        assert client.uid == "alice"
    assert client.connection_status is ConnectionStatus.DISCONNECTED
    assert "closed" in repr(client)
    emulator.wait_for(lambda entry: "alice" not in emulator.online)


async def test_no_thread_is_started_for_it(plain_emulator: Emulator) -> None:
    before = set(threading.enumerate())
    async with client_of(plain_emulator) as client:
        client.on_user_online(Inbox())
        await asyncio.gather(*(client.get_user("bob") for _ in range(20)))
        waits = asyncio.create_task(client.wait_for_online("bob"))
        plain_emulator.set_online("bob")
        await soon(waits)
        assert set(threading.enumerate()) == before


async def test_who_cannot_enter_is_closed(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator, auth_key="wrong")
    with pytest.raises(AuthError):
        async with client:
            raise AssertionError("never entered")
    with pytest.raises(ClientClosed):
        await client.login()


async def test_entering_can_be_cancelled(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    with plain_emulator.blackhole():
        [enters] = await begun(client.__aenter__())
        enters.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(enters)
    assert "closed" in repr(client)


async def test_closing_is_idempotent_and_can_be_done_from_many_tasks(
    plain_emulator: Emulator,
) -> None:
    client = await client_of(plain_emulator).__aenter__()
    await asyncio.gather(*(client.aclose() for _ in range(5)))
    await client.aclose()
    assert AsyncPresenceClient.close is AsyncPresenceClient.aclose


async def test_one_that_was_never_used_closes_too() -> None:
    client = AsyncPresenceClient("app", region="us")
    await soon(client.aclose())
    with pytest.raises(ClientClosed):
        client.events()


async def test_closing_ends_whatever_is_awaited(plain_emulator: Emulator) -> None:
    client = await client_of(plain_emulator).__aenter__()
    waits = await begun(
        client.wait_for_online("bob"),
        client.wait_for(lambda event: True),
        client.run_forever(),
    )
    await soon(client.aclose())
    online, event, forever = await soon(asyncio.gather(*waits, return_exceptions=True))
    assert isinstance(online, ClientClosed)
    assert isinstance(event, ClientClosed)
    assert forever is None


async def test_one_that_is_dropped_says_so_and_is_closed(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    await client.login()
    core = client._core
    with pytest.warns(ResourceWarning, match="unclosed <AsyncPresenceClient"):
        del client
    await until(lambda: core.close(0.0))
    plain_emulator.wait_for(lambda entry: "alice" not in plain_emulator.online)


async def test_one_that_could_not_be_made_has_nothing_to_close() -> None:
    with pytest.raises(ConfigError):
        AsyncPresenceClient("")
    gc.collect()


@pytest.mark.usefixtures("loop_factory")
async def test_a_session_step_by_step(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    me = await client.login()
    assert (me.uid, client.uid) == ("alice", "alice")
    await client.connect()
    report = await client.wait_synced(timeout=PATIENCE)
    assert report.online == 2
    await client.disconnect()
    plain_emulator.set_online("bob")
    await client.connect()
    assert (await client.wait_for_online("bob", timeout=PATIENCE)).name == "Bob B"
    assert (await client.resync(timeout=PATIENCE)).online == 3
    assert await client.online_user_count() == 3
    await client.logout()
    with pytest.raises(AuthError):
        await client.get_user("bob")
    await client.aclose()


async def test_a_client_may_be_made_before_there_is_a_loop(plain_emulator: Emulator) -> None:
    made: list[AsyncPresenceClient] = []
    maker = threading.Thread(target=lambda: made.append(client_of(plain_emulator)))
    maker.start()
    maker.join()
    async with made[0] as client:
        assert "erin" in client.presence.online


def test_it_is_made_from_the_environment(
    plain_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMETPRESENCE_EMULATOR", plain_emulator.url)
    monkeypatch.setenv("COMETCHAT_APP_ID", plain_emulator.app_id)
    monkeypatch.setenv("COMETCHAT_REGION", "us")
    monkeypatch.setenv("COMETCHAT_UID", "alice")
    monkeypatch.setenv("COMETCHAT_AUTH_KEY", plain_emulator.auth_key)

    async def enter() -> str | None:
        async with AsyncPresenceClient.from_env(presence=PresenceScope.friends()) as client:
            return client.uid

    assert asyncio.run(enter()) == "alice"


# ---- run_forever


async def test_running_for_ever_ends_with_the_client(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    connected = Inbox()
    client.on_synced(connected)
    runs = asyncio.create_task(client.run_forever())
    await connected.wait_for(1)
    await client.aclose()
    await soon(runs)


async def test_running_for_ever_ends_when_the_server_refuses_us(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator, reconnect=Reconnect(base=0.01, max_attempts=1)) as client:
        [runs] = await begun(client.run_forever())
        with plain_emulator.refuse_connections():
            plain_emulator.kill_tcp()
            with pytest.raises(CometChatException):
                await soon(runs)


async def test_running_for_ever_lives_through_a_restart(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator, reconnect=QUICK) as client:
        runs = asyncio.create_task(client.run_forever())
        again = Inbox()
        client.on_connected(again)
        plain_emulator.close_all(1012)
        assert await again.wait_for(1) == [2]
        assert not runs.done()
        runs.cancel()


# ---- asking the server


@pytest.mark.usefixtures("loop_factory")
async def test_many_ask_at_once(plain_emulator: Emulator) -> None:
    uids = ["alice", "bob", "carol", "dave", "erin"] * 10
    async with client_of(plain_emulator) as client:
        users = await asyncio.gather(*map(client.get_user, uids))
    assert [user.uid for user in users] == uids


async def test_what_the_server_refuses_is_raised(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        with pytest.raises(CometChatException) as caught:
            await client.get_user("nobody")
        assert caught.value.code == "ERR_UID_NOT_FOUND"
        with pytest.raises(ConfigError):
            await client.get_user("")


async def test_users_come_page_by_page(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        assert {user.uid async for user in client.users(limit=2)} == {
            *("alice", "bob", "carol", "dave", "erin")
        }
        assert [user.uid async for user in client.users(role="support")] == ["dave"]
        with pytest.raises(ConfigError):
            client.users(colour="red")
        request = client.users_request().set_limit(3).build()
        pages = [len(await request.afetch_next()) for _ in range(3)]
        assert pages == [3, 2, 0]
        with pytest.raises(CometChatException, match="afetch_next"):
            request.fetch_next()


async def test_two_cannot_fetch_the_same_page(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        request = client.users_request().set_limit(3).build()
        pages = await asyncio.gather(request.afetch_next(), request.afetch_next())
        assert sorted(map(len, pages)) == [0, 3]


async def test_a_blocking_request_says_how_to_await_it(plain_emulator: Emulator) -> None:
    with pytest.raises(CometChatException, match=r"AsyncPresenceClient\.users_request"):
        await UsersRequestBuilder().set_limit(30).build().afetch_next()


async def test_every_call_ends_in_time(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator, connect_timeout=0.2) as client:
        with plain_emulator.blackhole():
            with pytest.raises(RequestTimeout):
                await client.get_user("bob")
            with pytest.raises(RequestTimeout):
                await client.wait_for_online("bob", timeout=0.05)


# ---- waiting for somebody


@pytest.mark.usefixtures("loop_factory")
async def test_a_wait_ends_when_they_come_and_when_they_go(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        comes = asyncio.create_task(client.wait_for_online("bob"))
        [goes] = await begun(client.wait_for_offline("ERIN"))
        plain_emulator.set_online("bob")
        plain_emulator.set_offline("erin")
        assert (await soon(comes)).is_online
        assert not (await soon(goes)).is_online
        assert (await client.wait_for_online("bob", timeout=0)).uid == "bob"
        with pytest.raises(RequestTimeout):
            await client.wait_for_online("bob", timeout=0.05, fresh=True)


async def test_waiting_for_an_event(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        [waits] = await begun(client.wait_for(lambda event: event.user.uid == "bob"))
        for uid in ("carol", "dave", "bob"):
            plain_emulator.set_online(uid)
        event = await soon(waits)
        assert (event.user.uid, event.online, event.origin) == ("bob", True, Origin.LIVE)
        with pytest.raises(RequestTimeout):
            await client.wait_for(lambda event: False, timeout=0.05)
        with pytest.raises(ConfigError):
            await client.wait_for(7)  # type: ignore[arg-type]


async def test_what_a_predicate_raises_ends_the_wait(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        [waits] = await begun(client.wait_for(lambda event: bool(1 // 0)))
        plain_emulator.set_online("bob")
        with pytest.raises(ZeroDivisionError):
            await soon(waits)


async def test_two_thousand_wait_at_once_and_each_is_woken(plain_emulator: Emulator) -> None:
    uids = [f"user{i}" for i in range(200)]
    for uid in uids:
        plain_emulator.add_user(uid)
    async with client_of(plain_emulator) as client:
        waits = await begun(*map(client.wait_for_online, uids * 10))
        for uid in uids:
            plain_emulator.set_online(uid)
        assert [user.uid for user in await soon(asyncio.gather(*waits))] == uids * 10


async def test_who_gives_up_waiting_leaves_nothing_behind(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:

        async def give_up(times: int) -> int:
            for _ in range(times // 100):
                tasks = await begun(*(client.wait_for_online("bob") for _ in range(100)))
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            await client.connect()  # takes its turn behind all that was cancelled
            gc.collect()
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        before = await give_up(2_000)
        assert await give_up(10_000) - before < 2_000  # KiB
        assert client._bell._answers == {}
        plain_emulator.set_online("bob")
        assert (await soon(client.wait_for_online("bob"))).uid == "bob"


# ---- tokens


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_a_token_provider_may_be_a_coroutine_function(
    plain_emulator: Emulator, kind: str
) -> None:
    def fresh() -> str:
        return plain_emulator.auth_token("alice")

    async def fresh_later() -> str:
        await asyncio.sleep(0)
        return fresh()

    client = client_of(
        plain_emulator,
        auth_key=None,
        token_provider=fresh if kind == "plain" else fresh_later,
        reconnect=QUICK,
    )
    async with client:
        assert client.uid == "alice"
        again = Inbox()
        client.on_connected(again)
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1012)
        await again.wait_for(1)
        assert (await client.get_user("bob")).uid == "bob"


async def test_what_a_token_provider_raises_is_reported(plain_emulator: Emulator) -> None:
    async def fail() -> str:
        raise OSError("no token today")

    errors = Inbox()
    async with client_of(plain_emulator, token_provider=fail, reconnect=QUICK) as client:
        client.on_error(errors)
        plain_emulator.expire_tokens()
        plain_emulator.close_all(1012)
        error, where = (await errors.wait_for(1))[0]
        assert (str(error), where) == ("no token today", "token_provider")


# ---- loops


def test_a_client_belongs_to_one_loop(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    first = asyncio.new_event_loop()
    first.run_until_complete(client.login())

    async def elsewhere() -> None:
        with pytest.raises(CometChatException, match=r"another loop.*asyncio\.run") as caught:
            await client.get_user("bob")
        assert caught.value.code == "OTHER_EVENT_LOOP"
        with pytest.raises(CometChatException):
            client.events()

    asyncio.run(elsewhere())
    first.run_until_complete(client.aclose())
    first.close()


def test_after_its_loop_a_client_can_only_be_closed(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    asyncio.run(client.login())

    async def later() -> None:
        with pytest.raises(CometChatException, match="loop that is closed"):
            await client.connect()
        await client.aclose()
        assert "closed" in repr(client)

    asyncio.run(later())


def test_outside_a_loop_it_says_what_to_use(plain_emulator: Emulator) -> None:
    client = client_of(plain_emulator)
    with pytest.raises(CometChatException, match="PresenceClient") as caught:
        client.events()
    assert caught.value.code == "NO_EVENT_LOOP"
    asyncio.run(client.aclose())


async def test_the_loop_does_what_wait_and_drain_do_elsewhere(plain_emulator: Emulator) -> None:
    async with client_of(plain_emulator) as client:
        for call in (client.wait, client.drain):
            with pytest.raises(CometChatException, match=r"dispatch=.none"):
                call()


async def test_a_blocking_client_warns_once_that_the_loop_stands_still(
    plain_emulator: Emulator, make_client: MakeClient
) -> None:
    client = make_client(plain_emulator)
    with pytest.warns(UserWarning, match="AsyncPresenceClient does not block") as warned:
        client.login()
    client.connect()
    assert [warning.filename for warning in warned] == [__file__]
    await asyncio.to_thread(make_client(plain_emulator, "bob").login)


# ---- the same names


def public(cls: type) -> dict[str, Any]:
    return {name: getattr(cls, name) for name in dir(cls) if not name.startswith("_")}


def test_both_clients_have_the_same_names() -> None:
    ours, theirs = public(AsyncPresenceClient), public(PresenceClient)
    assert ours.keys() - theirs.keys() == {"aclose"}
    assert theirs.keys() <= ours.keys()


def test_they_take_the_same_arguments() -> None:
    """But for dispatch, and for functions that may be coroutine functions."""
    differ = {"dispatch", "token_provider", "predicate"}

    def arguments(function: Any) -> list[inspect.Parameter]:
        parameters = inspect.signature(function).parameters.values()
        return [parameter for parameter in parameters if parameter.name not in differ]

    for name, function in public(PresenceClient).items():
        if callable(function) and name not in ("from_env",):
            assert arguments(function) == arguments(getattr(AsyncPresenceClient, name)), name
    assert arguments(AsyncPresenceClient) == arguments(PresenceClient)


def test_every_public_member_says_what_it_does() -> None:
    for name, value in public(AsyncPresenceClient).items():
        assert inspect.getdoc(value), name
