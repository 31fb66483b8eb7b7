"""What a step of the doctor comes to."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "State", "Trouble", "warning"]


class State(Enum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it if it is not well."""

    detail: str
    fix: str = ""
    state: State = State.OK


class Trouble(Exception):
    """A step failed; `fix` says in words what to do."""

    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.fix = fix


def warning(detail: str, fix: str) -> Finding:
    """It works, but."""
    return Finding(detail, fix, State.WARNING)
