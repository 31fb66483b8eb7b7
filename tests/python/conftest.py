"""What the tests of the client share: an emulator, clients that are closed, inboxes to wait on."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from python.loops import loop_factory, run_if_coroutine

from cometpresence import PresenceClient
from cometpresence.emulator import Emulator

__all__ = ["CAST", "MakeClient", "loop_factory"]

CAST = [
    {"uid": "alice", "name": "Alice A", "role": "teacher", "friends": ["bob"]},
    {
        "uid": "bob",
        "name": "Bob B",
        "role": "student",
        "avatar": "https://example.invalid/bob.png",
        "link": "https://example.invalid/bob",
        "statusMessage": "brb",
        "tags": ["vip", "early"],
        "metadata": {"seat": 7, "nested": {"deep": [1, 2]}},
        "lastActiveAt": 1_600_000_000,
    },
    {"uid": "carol", "name": "Carol C", "role": "student", "lastActiveAt": 1_600_000_500},
    {"uid": "dave", "name": "Dave D", "role": "support"},
    {"uid": "erin", "name": "Erin E", "role": "teacher", "online": True},
]


@pytest.fixture(params=["plain", "tls"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(users=CAST, tls=request.param == "tls") as emulator:
        yield emulator


@pytest.fixture
def plain_emulator() -> Iterator[Emulator]:
    """For what does not depend on the transport."""
    with Emulator(users=CAST) as emulator:
        yield emulator


@pytest.fixture
def tls_emulator() -> Iterator[Emulator]:
    """For what plain hides."""
    with Emulator(users=CAST, tls=True) as emulator:
        yield emulator


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    return run_if_coroutine(pyfuncitem) or None


class MakeClient(Protocol):
    def __call__(self, emulator: Emulator, uid: str = "alice", **kw: Any) -> PresenceClient: ...


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Clients of an emulator, closed after the test."""
    made: list[PresenceClient] = []

    def make(emulator: Emulator, uid: str = "alice", **kw: Any) -> PresenceClient:
        client = PresenceClient(**(emulator.client_args(uid) | kw))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client_without_server() -> Iterator[Callable[..., PresenceClient]]:
    """Clients that never log in, closed after the test."""
    made: list[PresenceClient] = []

    def make(**kw: Any) -> PresenceClient:
        made.append(PresenceClient("app", region="us", **kw))
        return made[-1]

    yield make
    for client in made:
        client.close()
