"""Three days of a support team, as a recorder would have written them: the same each time."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cometpresence.history.moments import as_moment
from cometpresence.history.schema import OFFLINE, ONLINE
from cometpresence.history.tape import Tape

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 11, 18, 5, 30, tzinfo=BERLIN)
END = datetime(2026, 11, 20, 19, 40, tzinfo=BERLIN)
OUTAGES = (  # a deployment at night, and a provider that had a bad morning
    (datetime(2026, 11, 18, 23, 10, tzinfo=BERLIN), datetime(2026, 11, 19, 1, 45, tzinfo=BERLIN)),
    (datetime(2026, 11, 20, 9, 50, tzinfo=BERLIN), datetime(2026, 11, 20, 11, 5, tzinfo=BERLIN)),
)
TEAM = (  # uid, name, hours of work by the clock, how often away
    ("ada", "Ada Lovelace", (6.0, 14.2), 2),
    ("alan", "Alan Turing", (9.4, 18.6), 3),
    ("barbara", "Barbara Liskov", (8.0, 16.5), 1),
    ("dennis", "Dennis Ritchie", (13.7, 22.3), 2),
    ("edsger", "Edsger Dijkstra", (7.9, 12.1), 1),
    ("frances", "Frances Allen", (14.0, 22.0), 4),
    ("grace", "Grace Hopper", (21.8, 30.2), 2),
    ("hedy", "Hedy Lamarr", (10.5, 17.0), 5),
    ("katherine", "Katherine Johnson", (6.2, 14.1), 2),
    ("margaret", "Margaret Hamilton", (21.9, 30.0), 1),
    ("radia", "Radia Perlman", (0.0, 24.0), 3),
    ("router", "Router bot", (0.0, 24.0), 0),
)


def moves() -> list[tuple[datetime, str, str, int]]:
    """Who comes and goes when, in order; presences of one user that overlap are one."""
    dice = random.Random(4)
    found = []
    for uid, name, (begins, ends), breaks in TEAM:
        counted: dict[datetime, int] = {}
        for day in range(-1, 4):
            midnight = BEGIN.replace(hour=0, minute=0) + timedelta(days=day)
            if ends - begins < 24 and dice.random() < 0.12:
                continue  # a day off
            edges = [begins + dice.gauss(0, 0.15), ends + dice.gauss(0, 0.2)]
            for _ in range(breaks):
                pause = dice.uniform(begins + 0.5, ends - 1)
                edges += [pause, pause + dice.choice([0.15, 0.3, 0.75])]
            if ends - begins == 24:
                edges[:2] = [begins, ends]
            edges.sort()
            for number, edge in enumerate(edges):
                at = midnight + timedelta(hours=edge)
                counted[at] = counted.get(at, 0) + (1 if number % 2 == 0 else -1)
        online = 0
        for at in sorted(counted):
            before, online = online, online + counted[at]
            if (before > 0) != (online > 0):
                found.append((at, uid, name, ONLINE if online > 0 else OFFLINE))
    return sorted(found)


def write_sample(path: Path) -> None:
    """The file, with a watch for each stretch between two outages."""
    tape = Tape(path, "demo")
    begins = [BEGIN, *(end for _, end in OUTAGES)]
    ends = [*(start for start, _ in OUTAGES), END]
    online: dict[str, str] = {}
    left = moves()
    with tape.writing():
        for begin, end in zip(begins, ends, strict=True):
            watched = []
            while left and left[0][0] < end:
                at, uid, name, status = left.pop(0)
                if at <= begin:
                    online.pop(uid, None) if status == OFFLINE else online.update({uid: name})
                else:
                    watched.append((at, uid, name, status))
            moment = as_moment(begin, "begin")
            tape.begin_watch(moment)
            tape.compare(online, lambda uid: OFFLINE, moment)
            for at, uid, name, status in watched:
                tape.write(uid, name, status, as_moment(at, "at"))
                online.pop(uid, None) if status == OFFLINE else online.update({uid: name})
            tape.vouch(as_moment(end, "end"))
            tape.end_watch()
    tape.close()


if __name__ == "__main__":
    import sys

    write_sample(Path(sys.argv[1]))
    print(f"from {BEGIN.astimezone(UTC)} to {END.astimezone(UTC)}")
