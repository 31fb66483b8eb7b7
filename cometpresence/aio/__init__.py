"""CometChat presence on asyncio: imported when somebody asks for it, as asyncio is."""

from .client import AsyncPresenceClient
from .stream import EventStream

__all__ = ["AsyncPresenceClient", "EventStream"]
