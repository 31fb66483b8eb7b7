"""Ends in one of several ways, and never closes its client."""

import sys
import threading
from ast import literal_eval

from cometpresence import PresenceClient

client = PresenceClient(**literal_eval(sys.argv[1]))
how = sys.argv[2]
asleep = threading.Event()


@client.on_user_online(uids={"superhero2"})
def sleep(user: object) -> None:
    print("asleep", flush=True)
    asleep.set()
    threading.Event().wait(60)


client.login()
client.wait_synced(timeout=10)
print("connected", flush=True)
if how == "asleep":
    asleep.wait(10)
print("the end", flush=True)
if how == "raises":
    raise ZeroDivisionError
if how == "sys.exit":
    sys.exit(7)
