"""A handler wants to end the process; the main thread ends it a little later."""

import sys
import threading
from ast import literal_eval

from cometpresence import PresenceClient

client = PresenceClient(**literal_eval(sys.argv[1]))
came = threading.Event()


@client.on_user_online(uids={"superhero2"})
def end(user: object) -> None:
    came.set()
    sys.exit(3)


client.on_error(lambda error, where: print("told", type(error).__name__, flush=True))
client.login()
client.wait_synced(timeout=10)
print("connected", flush=True)
assert came.wait(10)
print("alive", client.get_user("superhero2").uid, flush=True)
