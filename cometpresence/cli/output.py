"""What commands print: lines of JSON for programs, text for people, and no surprise for either."""

import json
import select
import sys
import time
import unicodedata
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import click

from .. import User

__all__ = [
    "about",
    "clock",
    "counted",
    "json_option",
    "last_seen",
    "length",
    "printable",
    "reader_is_gone",
    "span",
    "write_line",
]

_STEERS_TERMINALS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # escapes, text that runs backwards, …
_HARMLESS = "\u200c\u200d"  # joiners: part of names and of family pictures


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--json and --no-json; the command gets ``as_json``, True unless people are looking."""
    return click.option(
        "--json/--no-json",
        "as_json",
        default=None,
        callback=lambda ctx, parameter, value: not sys.stdout.isatty() if value is None else value,
        help="Lines of JSON, as when the output is no terminal; or a table in any case.",
    )(command)


def write_line(record: dict[str, object]) -> None:
    """One line of JSON, at once."""
    is_unicode = "utf" in (sys.stdout.encoding or "").lower()
    click.echo(json.dumps(record, ensure_ascii=not is_unicode))


def about(user: User) -> dict[str, object]:
    """What every command says of a user in JSON; ``last_active_at`` is Unix seconds."""
    return {
        "uid": user.uid,
        "name": user.name,
        "role": user.role,
        "status": user.status.value,
        "last_active_at": user.last_active_at,
    }


def printable(text: str) -> str:
    """Text that a stranger chose, such as a name, without what would steer the terminal."""
    return "".join(
        "\ufffd"
        if unicodedata.category(char) in _STEERS_TERMINALS and char not in _HARMLESS
        else char
        for char in text
    )


def counted(number: int, what: str) -> str:
    """``1 change``, ``2,000 changes``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def last_seen(user: User) -> str:
    """When somebody was last here; by the server's clock."""
    if user.is_online:
        return "now"
    if not user.last_active_at:
        return "never"
    return f"{span(time.time() - user.last_active_at)} ago"


def span(seconds: float) -> str:
    """A length of time, in its largest unit."""
    for size, unit in ((31_557_600, "y"), (86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(1, round(seconds))} s"


def length(seconds: float) -> str:
    """The same in its two largest units, and rounded: 7,199.5 seconds are 2 h."""
    sizes = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    for (size, unit), (part, part_unit) in pairwise(sizes):
        whole, rest = divmod(round(seconds / part), size // part)
        if whole:
            return f"{whole} {unit} {rest} {part_unit}" if rest else f"{whole} {unit}"
    return f"{seconds:.0f} s"


def clock(at: float) -> str:
    """A time of day here, with the date when it was another day; `at` is Unix seconds."""
    then = datetime.fromtimestamp(at).astimezone()
    is_today = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M:%S" if is_today else "%d %b %H:%M")


def reader_is_gone() -> bool:
    """Whether nobody will ever read our output, as after ``| head -1``."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except OSError:  # no descriptor of the system's
        return False
    return bool(poll.poll(0))
