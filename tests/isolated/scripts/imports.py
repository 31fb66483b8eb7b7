"""A whole session, then a look at what it has imported."""

import sys
import threading
from ast import literal_eval
from contextlib import suppress

before = set(sys.modules)

from cometpresence import AuthError, PresenceClient, User  # noqa: E402

arguments = literal_eval(sys.argv[1])
came = threading.Event()
with PresenceClient(**arguments) as client:

    @client.on_user_online(uids={"superhero2"})
    def arrived(user: User) -> None:
        user.metadata, user.last_active, user.to_dict(), user.tags
        print("saw", user.uid, flush=True)
        came.set()

    print("listening", flush=True)
    assert came.wait(10)
    assert len(list(client.users())) == 5
    client.get_user("superhero2")
    client.online_user_count()
    client.logout()
with suppress(AuthError):
    PresenceClient(**(arguments | {"auth_key": "wrong"})).login()
assert User.from_dict({"uid": "a", "metadata": {"b": [1, 2.5]}}).metadata == {"b": [1, 2.5]}
unwanted = """json ssl http urllib aiohttp asyncio socket select uuid pathlib email importlib.metadata
    click rich concurrent multiprocessing subprocess"""
print("brought in:", sorted(set(unwanted.split()) & (set(sys.modules) - before)))
