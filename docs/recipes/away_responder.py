"""Answer for people who are away: after a while only, so that a lost connection is not absence.

python away_responder.py 60 superhero2 superhero3        (seconds, team)
"""

import sys

from cometpresence import PresenceClient

if len(sys.argv) < 3:
    sys.exit(__doc__)
try:
    seconds, team = float(sys.argv[1]), set(sys.argv[2:])
except ValueError:
    sys.exit(__doc__)
away = {}


def answer_for(uid):
    """What to tell whoever writes to `uid`; None while they can answer for themselves."""
    if uid not in away:
        return None
    since = f" since {away[uid].last_active:%H:%M}" if away[uid].last_active else ""
    return f"{away[uid].name} is away{since}."


with PresenceClient.from_env(dispatch="none") as client:  # all on this thread, in order
    members = {user.uid: user for user in client.users(uids=team)}
    if strangers := team - members.keys():
        sys.exit(f"There is no user {', '.join(sorted(strangers))}.")

    @client.on_user_offline(uids=team, after=seconds)
    def leave(user):
        if user.uid not in away:  # who left while this began is told of twice
            away[user.uid] = user
            print("on:", answer_for(user.uid))

    @client.on_user_online(uids=team)
    def come_back(user):
        if away.pop(user.uid, None):
            print("off:", user.name, "is back")

    print("answering for", ", ".join(sorted(team)))
    for uid in sorted(team):
        if not client.presence.is_online(uid):
            leave(members[uid])
    client.run_forever()
