"""Who was online for how long on which day: record until Ctrl-C, then print the report.

This is personal data: tell the people whom you record, and keep it no longer than you need.

python attendance.py attendance.db Europe/Berlin
"""

import sys
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cometpresence import PresenceClient, PresenceHistory, PresenceRecorder

if len(sys.argv) != 3:
    sys.exit(__doc__)
HOUR = timedelta(hours=1)
path = sys.argv[1]
try:
    zone = ZoneInfo(sys.argv[2])
except (ZoneInfoNotFoundError, OSError, ValueError):
    sys.exit(f"{sys.argv[2]} is no time zone known here; a name is such as Europe/Berlin or UTC")

with (
    PresenceClient.from_env() as client,
    PresenceRecorder(client, path, retention=31 * 24 * HOUR.total_seconds()),
):
    print("recording; Ctrl-C ends it")
    client.run_forever()

with PresenceHistory(path) as history:
    for row in history.time_online(tz=zone):
        unknown = f", {row.unknown / HOUR:.2f} h unknown" if row.unknown else ""
        print(f"{row.day}  {row.name:20} {row.online / HOUR:6.2f} h{unknown}")
