"""Records, and prints each change once flush() has returned; killed by a test."""

import ast
import sys

from cometpresence import PresenceClient, PresenceEvent, PresenceRecorder

path, arguments = sys.argv[1:]
with (
    PresenceClient(**ast.literal_eval(arguments)) as client,
    PresenceRecorder(client, path) as recorder,
):

    @client.on_presence
    def acknowledge(event: PresenceEvent) -> None:
        recorder.flush()
        print(event.user.uid, event.user.status.value, flush=True)

    print("recording", flush=True)
    client.run_forever()
