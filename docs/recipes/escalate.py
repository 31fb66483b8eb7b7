"""Call a deputy when whoever is on call has been offline for too long.

python escalate.py 5 superhero2 superhero3 superhero4        (minutes, on call, deputies)
"""

import sys

from cometpresence import PresenceClient

minutes, on_call, *deputies = float(sys.argv[1]), *sys.argv[2:]
called = None


with PresenceClient.from_env() as client:

    @client.on_user_offline(uids={on_call}, after=minutes * 60)
    def escalate(user):
        global called
        called = next((uid for uid in deputies if client.presence.is_online(uid)), None)
        name = client.presence[called].name if called else "everybody, for no deputy is online"
        print(f"{user.name} is away since {user.last_active:%H:%M}: calling {name}")

    @client.on_user_online(uids={on_call})
    def stand_down(user):
        global called
        if called:
            print(f"{user.name} is back: thank you, {client.presence[called].name}")
        called = None

    state = (
        "online" if client.presence.is_online(on_call) else "OFFLINE, and nobody knows since when"
    )
    print(f"{on_call} is {state}")
    client.run_forever()
