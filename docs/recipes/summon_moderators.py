"""Summon moderators: those online at once, and if they are too few, the next ones who come.

python summon_moderators.py teacher 2 "fight in room 7"
"""

import sys
from contextlib import suppress

from cometpresence import PresenceClient, PresenceScope

if len(sys.argv) != 4:
    sys.exit(__doc__)
role, needed, reason = sys.argv[1], int(sys.argv[2]), sys.argv[3]
summoned = set()


def summon(user):
    print(f"{user.name}, please come: {reason}")  # your own code comes here


with (
    suppress(KeyboardInterrupt),
    PresenceClient.from_env(presence=PresenceScope.roles(role)) as client,
):
    print("online:", len(client.presence.online - {client.uid}))
    for event in client.events(snapshot=True):  # begins with who is online
        if event.online and event.user.uid not in summoned | {client.uid}:
            summoned.add(event.user.uid)
            summon(event.user)
        if len(summoned) == needed:
            break
