"""Raise the alarm while fewer people of a role are online than there must be.

Whoever is back within the grace time, in seconds, was never missed.

python coverage_alarm.py teacher 2 30        (role, people, grace time)
"""

import sys

from cometpresence import PresenceClient, PresenceScope

if len(sys.argv) != 4:
    sys.exit(__doc__)
try:
    role, needed, grace = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
except ValueError:
    sys.exit(__doc__)
present = set()
alarmed = False

client = PresenceClient.from_env(presence=PresenceScope.roles(role))


def check():
    global alarmed
    count = len(present - {client.uid})  # a bot is no cover
    if count < needed and not alarmed:
        print(f"ALARM: {count} of {needed} of the role {role} online")
    if count >= needed and alarmed:
        print(f"covered again: {count} of the role {role} online")
    alarmed = count < needed


@client.on_synced
def begin(report):
    present.update(client.presence.online)
    check()


@client.on_user_online
def come(user):
    present.add(user.uid)
    check()


@client.on_user_offline(after=grace)
def go(user):
    present.discard(user.uid)
    check()


print("watching the role", role)
client.run_forever()
