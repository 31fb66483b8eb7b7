"""Greet people on arrival, once a day; restarting the bot greets nobody twice.

python greet_once_a_day.py greeted.db
"""

import shelve
import sys
from contextlib import suppress
from datetime import date

from cometpresence import PresenceClient

if len(sys.argv) != 2:
    sys.exit(__doc__)


def greet(name):
    print(f"Good morning, {name}!")  # your own code comes here


with PresenceClient.from_env() as client, shelve.open(sys.argv[1]) as greeted:
    print("greeting")
    with suppress(KeyboardInterrupt):
        for event in client.events(snapshot=True):  # begins with who is online
            user, today = event.user, date.today()
            if event.online and user.uid != client.uid and greeted.get(user.uid) != today:
                greeted[user.uid] = today
                greeted.sync()
                greet(user.name)
