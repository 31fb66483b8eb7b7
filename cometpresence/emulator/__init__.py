"""A local CometChat for presence: REST and WebSocket on one port, with state you can see and steer.

    with Emulator() as emulator:
        client = PresenceClient(**emulator.client_args("superhero1"))
        emulator.set_online("superhero2")

It follows PROTOCOL.md and shares no code with the client half of this package, so that each
checks the other.  Where the protocol leaves a choice to the server, the choice is marked
"Our choice" in the code that makes it.
"""

from .emulator import Emulator
from .faults import Fault
from .quota import RateLimits
from .webhooks import Webhook

__all__ = ["Emulator", "Fault", "RateLimits", "Webhook"]
