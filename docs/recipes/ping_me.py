"""Ping me when somebody comes online.

python ping_me.py superhero2
"""

import sys
from contextlib import suppress

from cometpresence import CometChatException, PresenceClient

if len(sys.argv) != 2:
    sys.exit(__doc__)
uid = sys.argv[1]

with suppress(KeyboardInterrupt), PresenceClient.from_env() as client:
    try:
        client.get_user(uid)
    except CometChatException as error:  # a typing error would never come online
        sys.exit(f"{uid}: {error.message}")
    print("waiting for", uid)
    user = client.wait_for_online(uid)  # at once, if they are here already
    print(f"\a{user.name} is online")
