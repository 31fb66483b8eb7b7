"""Ping me when somebody comes online.

python ping_me.py superhero2
"""

import sys
from contextlib import suppress

from cometpresence import PresenceClient

if len(sys.argv) != 2:
    sys.exit(__doc__)
uid = sys.argv[1]

with suppress(KeyboardInterrupt), PresenceClient.from_env() as client:
    print("waiting for", uid)
    user = client.wait_for_online(uid)  # at once, if they are here already
    print(f"\a{user.name} is online")
