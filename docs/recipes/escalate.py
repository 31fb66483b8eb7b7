"""Call a deputy when whoever is on call has been offline for too long.

python escalate.py 5 superhero2 superhero3 superhero4        (minutes, on call, deputies)
"""

import sys

from cometpresence import CometChatException, PresenceClient

if len(sys.argv) < 3:
    sys.exit(__doc__)
try:
    minutes, on_call, *deputies = float(sys.argv[1]), *sys.argv[2:]
except ValueError:
    sys.exit(__doc__)
called = None  # or a deputy; "": everybody

with PresenceClient.from_env(dispatch="none") as client:  # all on this thread, in order
    try:
        watched = client.get_user(on_call)
    except CometChatException as error:  # a typing error would never escalate
        sys.exit(f"{on_call}: {error.message}")

    @client.on_user_offline(uids={on_call}, after=minutes * 60)
    def escalate(user):
        global called
        if called is not None:  # who left while this began is told of twice
            return
        called = next((uid for uid in deputies if client.presence.is_online(uid)), "")
        name = client.presence[called].name if called else "everybody, for no deputy is online"
        since = f" since {user.last_active:%H:%M}" if user.last_active else ""
        print(f"{user.name} is away{since}: calling {name}")

    @client.on_user_online(uids={on_call})
    def stand_down(user):
        global called
        if called:
            print(f"{user.name} is back: thank you, {client.presence[called].name}")
        called = None

    print("watching", watched.name)
    if not client.presence.is_online(on_call):  # since when, no matter: it is dark now
        escalate(watched)
    client.run_forever()
