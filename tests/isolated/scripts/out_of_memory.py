"""Each allocation of Python's fails once in what the extension makes of what the core has: that is
a MemoryError, raised or told to on_error, and the next attempt succeeds."""

import _testcapi
import sys
from ast import literal_eval
from collections.abc import Callable

from cometpresence import Origin, PresenceClient

client = PresenceClient(**literal_eval(sys.argv[1]), dispatch="none")
client.login()
client.connect()
client.wait_synced(timeout=20)
user = client.get_user("superhero2")
told: list[BaseException] = []
seen: list[object] = []
client.on_error(lambda error, where: told.append(error))


def fails(way: Callable[[], object], number: int) -> bool:
    """Whether its `number`th allocation was to fail, and did it no other harm."""
    told.clear()
    _testcapi.set_nomemory(number, number + 1)
    try:
        way()
    except MemoryError:
        return True
    finally:
        _testcapi.remove_mem_hooks()
    assert all(isinstance(error, MemoryError) for error in told), told
    return bool(told)


def be_told() -> None:
    while client.drain():
        pass


def prepare() -> None:
    be_told()
    seen.clear()
    client.on_user_online(seen.append, origins=set(Origin), id="all")


ways: dict[str, Callable[[], object]] = {
    "fields": lambda: (user.tags, user.metadata, user.last_active, hash(user), repr(user)),
    "equal": lambda: client.get_user("superhero2") == user,
    "all": lambda: client._core.copy(0, False, 10),
    "stats": client.stats,
    "drain": be_told,
}
for name, way in ways.items():
    prepare()
    way()
    failed, number, in_a_row = 0, 1, 0
    while in_a_row < 20:  # what others allocate meanwhile may be what fails
        prepare()
        if fails(way, number):
            failed, in_a_row = failed + 1, 0
        else:
            in_a_row += 1
        number += 1
    print(name, failed > 0, flush=True)
prepare()
be_told()
print("saw", *sorted(user.uid for user in seen), flush=True)  # type: ignore[attr-defined]
client.close()
