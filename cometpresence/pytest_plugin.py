"""Fixtures for the tests of a bot: a local CometChat, and clients that watch it.

pytest finds them by itself where ``cometpresence[emulator]`` is installed:

    def test_the_bot_greets_who_comes(comet_emulator, comet_client):
        said = queue.SimpleQueue()
        greet_arrivals(comet_client, say=said.put)              # the bot
        comet_emulator.play("alice online at 0, offline at 5; bob online at 7")
        assert said.get(timeout=5) == "hello Alice"
        comet_emulator.advance(7)
        assert said.get(timeout=5) == "hello Bob"

The manual clock is the emulator's: timestamps and scenarios keep to it, the bot does not.  A
handler with ``after=30`` waits for 30 real seconds, so let a test make it ``after=0.05``.

`comet_emulator` also sets the environment, so that a bot that makes its own client by
``PresenceClient.from_env()``, or by ``CometChat.init()``, finds the emulator; so do programs the
test starts.  Every test has an emulator of its own, which takes milliseconds.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from .client import PresenceClient
from .cometchat import forget_default_client
from .errors import AuthError

if TYPE_CHECKING:
    from .emulator import Emulator

__all__ = [
    "CAST",
    "CometConnect",
    "comet_client",
    "comet_connect",
    "comet_emulator",
    "comet_emulator_options",
    "comet_uid",
]

CAST: Final[tuple[Mapping[str, Any], ...]] = (
    {"uid": "bot", "name": "Bot", "friends": ["alice", "bob"]},
    {"uid": "alice", "name": "Alice"},
    {"uid": "bob", "name": "Bob"},
    {"uid": "carol", "name": "Carol", "role": "support"},
    {"uid": "dave", "name": "Dave", "role": "support"},
    {"uid": "erin", "name": "Erin", "role": "moderator"},
)
"""The users of `comet_emulator`, all offline, unless `comet_emulator_options` names others."""


class CometConnect(Protocol):
    """What the fixture `comet_connect` is: ``comet_connect("alice", **arguments)``."""

    def __call__(self, uid: str, /, **kw: Any) -> PresenceClient:
        """A client logged in as `uid`, connected and synchronised; closed after the test.

        `kw` are further arguments of PresenceClient.
        """


@pytest.fixture
def comet_uid() -> str:
    """The bot's uid, "bot".  Override it to be somebody else."""
    return "bot"


@pytest.fixture
def comet_emulator_options() -> Mapping[str, Any]:
    """Arguments for the Emulator, such as ``{"users": […], "tls": True}``.  None; override it.

    What it does not say stays: ``clock="manual"``, and the users bot, alice, bob, carol and dave
    (of the role "support") and erin ("moderator"), unless there is a `scenario`, which has users.
    """
    return {}


@pytest.fixture
def comet_emulator(
    comet_uid: str, comet_emulator_options: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> "Iterator[Emulator]":
    """A local CometChat of this test's own, which PresenceClient.from_env() and CometChat find.

    Its clock is manual: ``comet_emulator.play("alice online at 0, offline at 5")`` and
    ``comet_emulator.advance(5)``.  After the test CometChat is as before init().
    """
    try:
        from .emulator import Emulator
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is missing: pip install 'cometpresence[emulator]'", False)
    cast = {} if comet_emulator_options.get("scenario") else {"users": CAST}
    with Emulator(**{"clock": "manual", **cast, **comet_emulator_options}) as emulator:
        for name, value in _environment(emulator, comet_uid).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        forget_default_client()
        yield emulator
        forget_default_client()


@pytest.fixture
def comet_client(comet_uid: str, comet_connect: CometConnect) -> PresenceClient:
    """The bot's client: logged in to `comet_emulator` as `comet_uid`, connected, synchronised."""
    return comet_connect(comet_uid)


@pytest.fixture
def comet_connect(comet_emulator: "Emulator") -> Iterator[CometConnect]:
    """Clients of other users: ``comet_connect("alice")`` logs in, connects and synchronises.

    Whoever has a client is online, as with an app of their own.  Closed after the test.
    """
    with ExitStack() as clients:

        def connect(uid: str, /, **kw: Any) -> PresenceClient:
            client = PresenceClient(**{**comet_emulator.client_args(uid), **kw})
            try:
                return clients.enter_context(client)
            except AuthError as error:
                if error.code == "ERR_UID_NOT_FOUND":
                    error.add_note(
                        "The fixture comet_uid says who the bot is, comet_emulator_options "
                        "which users there are; comet_emulator.add_user() adds one."
                    )
                raise

        yield connect


def _environment(emulator: "Emulator", uid: str) -> dict[str, str | None]:
    """What leads a client here; None: must not be set."""
    return {
        "COMETPRESENCE_EMULATOR": emulator.url,
        "COMETPRESENCE_CA_FILE": emulator.ca_file,
        "COMETCHAT_APP_ID": emulator.app_id,
        "COMETCHAT_REGION": emulator.region,
        "COMETCHAT_UID": uid,
        "COMETCHAT_AUTH_KEY": emulator.auth_key,
        "COMETCHAT_AUTH_TOKEN": None,
    }
