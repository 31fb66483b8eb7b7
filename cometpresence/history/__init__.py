"""Presence written down, and read again: who was online when.

Off unless you ask for it, because it is personal data: a PresenceRecorder writes a client's
presence into a SQLite file, and PresenceHistory answers questions about it.
"""

from .history import PresenceHistory
from .recorder import PresenceRecorder
from .records import Headcount, OnlineTime, Session, Shift, Span

__all__ = [
    "Headcount",
    "OnlineTime",
    "PresenceHistory",
    "PresenceRecorder",
    "Session",
    "Shift",
    "Span",
]
