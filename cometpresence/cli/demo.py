"""``cometpresence demo``: a cast of users comes and goes on a local emulator, and a client watches."""

import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click
from rich.console import Console

from .. import CometChatException, Origin, PresenceClient, PresenceEvent, User
from .demo_views import Lines, LiveTable
from .extras import import_extra

if TYPE_CHECKING:
    from ..emulator import Emulator
from .times import Seconds

__all__ = ["demo"]

WATCHER = "watcher"
CAST = (
    ("ada", "Ada Lovelace", "teacher"),
    ("alan", "Alan Turing", "teacher"),
    ("barbara", "Barbara Liskov", "teacher"),
    ("dennis", "Dennis Ritchie", "student"),
    ("donald", "Donald Knuth", "student"),
    ("edsger", "Edsger Dijkstra", "student"),
    ("frances", "Frances Allen", "student"),
    ("grace", "Grace Hopper", "support"),
    ("hedy", "Hedy Lamarr", "support"),
    ("katherine", "Katherine Johnson", "support"),
    ("margaret", "Margaret Hamilton", "moderator"),
    ("radia", "Radia Perlman", "moderator"),
)
GAP = 0.35  # seconds between two moves, on average
CATCH_UP = 5.0  # seconds the last events may take to arrive


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody comes or goes, this many seconds after the beginning."""

    after: float
    uid: str
    comes: bool


class View(Protocol):
    """How the demo shows what it sees."""

    def begin(self, emulator_url: str, users: list[User], seconds: float) -> None: ...
    def tell(self, event: PresenceEvent) -> None: ...
    def tick(self) -> None: ...
    def end(self) -> None: ...
    def conclude(self, events: int, known: frozenset[str], truth: frozenset[str]) -> None: ...


def cast_records(dice: random.Random) -> list[dict[str, Any]]:
    """The users as the emulator wants them: some online, the others last seen some time ago."""
    now = int(time.time())
    records: list[dict[str, Any]] = [{"uid": WATCHER, "name": "This demo", "role": "bot"}]
    for uid, name, role in CAST:
        seen = now - int(10 ** dice.uniform(2, 5.5))  # from minutes to days ago
        online = dice.random() < 0.4
        records.append(
            {"uid": uid, "name": name, "role": role, "online": online, "last_active_at": seen}
        )
    return records


def plan(dice: random.Random, online: set[str], seconds: float) -> Iterator[Move]:
    """Who comes and goes when: nobody twice in a row, the last one shortly before the end."""
    present = set(online)
    last = None
    after = dice.expovariate(1 / GAP)
    while after < seconds - 0.2:
        uid = dice.choice([uid for uid, *_ in CAST if uid != last])
        yield Move(after, uid, uid not in present)
        present ^= {uid}
        last = uid
        after += dice.expovariate(1 / GAP)


class _Watch:
    """Counts the events of a client, and waits for its picture to be a given one."""

    def __init__(self, client: PresenceClient, view: View) -> None:
        self.events = 0
        self._client = client
        self._view = view
        self._changed = threading.Condition()
        client.on_presence(self.take, origins=set(Origin))

    def take(self, event: PresenceEvent) -> None:
        self._view.tell(event)
        with self._changed:
            self.events += 1
            self._changed.notify_all()

    def picture(self) -> frozenset[str]:
        return frozenset(self._client.presence.online)

    def settle(self, truth: frozenset[str]) -> bool:
        """Whether the picture becomes `truth` before long."""
        with self._changed:
            return self._changed.wait_for(lambda: self.picture() == truth, CATCH_UP)


def play(emulator: "Emulator", moves: Iterator[Move], seconds: float, view: View) -> None:
    """Make the moves at their times; keep the view up to date in between."""
    begin = time.monotonic()
    for move in moves:
        pause(begin + move.after, view)
        (emulator.set_online if move.comes else emulator.set_offline)(move.uid)
    pause(begin + seconds, view)


def pause(until: float, view: View) -> None:
    """Sleep until an instant, with a tick now and then."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        view.tick()


def watch(emulator: "Emulator", dice: random.Random, seconds: float, view: View) -> bool:
    """The demo itself; True when the client saw all that happened."""
    moves = plan(dice, set(emulator.online), seconds)
    client = PresenceClient(**emulator.client_args(WATCHER))
    watcher = _Watch(client, view)
    with client:
        view.begin(emulator.url, list(client.users(sort_by="name")), seconds)
        try:
            play(emulator, moves, seconds, view)
            truth = emulator.online
            equal = watcher.settle(truth)
        finally:
            view.end()
        view.conclude(watcher.events, watcher.picture(), truth)
    return equal


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another play.")
@click.option(
    "--seconds",
    type=Seconds(0.5, 3600),
    default=10.0,
    show_default=True,
    help="How long it takes.",
)
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON on a terminal, too.")
def demo(seed: int, seconds: float, as_json: bool) -> None:
    """Watch users come and go on a local emulator."""
    make_emulator = import_extra("cometpresence.emulator", "Emulator")
    console = Console()
    view: View = LiveTable(console) if console.is_terminal and not as_json else Lines(sys.stdout)
    dice = random.Random(seed)
    try:
        with make_emulator(users=cast_records(dice), app_id="demo") as emulator:
            equal = watch(emulator, dice, seconds, view)
    except CometChatException as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if equal else 1)
