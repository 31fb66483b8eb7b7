"""Answer for people who are away: after a while only, so that a lost connection is not absence.

python away_responder.py 60 superhero2 superhero3
"""

import sys

from cometpresence import PresenceClient

seconds, team = float(sys.argv[1]), set(sys.argv[2:])
away = {}


def answer_for(uid):
    """What to tell whoever writes to `uid`; None while they can answer for themselves."""
    if uid not in away:
        return None
    return f"{away[uid].name} is away since {away[uid].last_active:%H:%M}."


with PresenceClient.from_env() as client:

    @client.on_user_offline(uids=team, after=seconds)
    def leave(user):
        away[user.uid] = user
        print("on:", answer_for(user.uid))

    @client.on_user_online(uids=team)
    def come_back(user):
        if away.pop(user.uid, None):
            print("off:", user.name, "is back")

    print("answering for", ", ".join(sorted(team)))
    client.run_forever()
