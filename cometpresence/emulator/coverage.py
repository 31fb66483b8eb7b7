"""What the emulator emulates, and how it knows: one table of everything a client can meet.

The emulator looks things up in it, to notice in the journal what it was not taught; a test walks
the routes, options, settings and frames of the code and compares; the tests with the official SDK
compare what that sends with what is called verified here.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache


class Evidence(StrEnum):
    """Why we believe that CometChat does it like this."""

    VERIFIED = "verified with the official SDK"
    DOCUMENTED = "from the docs"
    CHOICE = "our choice"
    UNSUPPORTED = "not supported"


class Kind(StrEnum):
    """What sort of thing an entry is about."""

    ENDPOINT = "endpoint"
    HEADER = "header"
    QUERY = "query option"
    MEMBER = "member of a body"
    SETTING = "setting"
    FRAME = "frame"
    SUBSCRIPTION = "subscription"
    WEBHOOK = "webhook"
    BEHAVIOUR = "behaviour"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a client can send, ask for or be sent.

    `of` says whose it is: the endpoint of a query option, the direction of a header or a frame,
    the module in which a behaviour is decided.
    """

    kind: Kind
    name: str
    of: str
    evidence: Evidence
    note: str = ""

    @property
    def is_supported(self) -> bool:
        return self.evidence is not Evidence.UNSUPPORTED

    def facts(self) -> dict[str, str]:
        """For JSON: the words, as the table prints them."""
        return {name: str(value) for name, value in asdict(self).items()}


def entries(kind: Kind | None = None, of: str | None = None) -> Iterator[Entry]:
    """The table, or the part of it that is of this kind and of that owner."""
    from .coverage_table import TABLE

    for entry in TABLE:
        if kind in (None, entry.kind) and of in (None, entry.of):
            yield entry


@cache
def supported(kind: Kind, of: str | None = None) -> frozenset[str]:
    """The names of what is emulated."""
    return frozenset(entry.name for entry in entries(kind, of) if entry.is_supported)
