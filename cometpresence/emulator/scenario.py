"""Scenarios: who comes and goes when, in words.

    alice online at 0, offline at 5
    bob online at 1.5m; carol online, offline at 1h

Commas, semicolons and line ends separate steps.  A step is a uid, ``online`` or ``offline``, and
``at`` with a time in seconds, or with its unit: ``90``, ``90s``, ``1.5m``, ``1h``.  A step without
a uid is about the user of the one before; one without a time is at the time of the one before, and
the first at 0.  Steps need not be in the order of their times.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NoReturn

from .clock import MICROSECONDS

_WORD = re.compile(r"[^\s,;]+")
_SEPARATOR = re.compile(r"[,;\n]")
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]+)?)([smh]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_STATUSES = ("online", "offline")


class Step(NamedTuple):
    """One user's coming or going, `at` microseconds after the scenario's beginning."""

    at: int
    uid: str
    online: bool


def read_scenario(text: str, knows: Callable[[str], bool]) -> list[Step]:
    """The steps of `text`, in the order in which they happen; ValueError points at a wrong word.

    `knows` tells whether there is a user of a uid.
    """
    steps: list[Step] = []
    for words in _sentences(text):
        steps.append(_read_step(words, steps[-1] if steps else None, knows))
    if not steps:
        raise ValueError('a scenario has one step at least, such as "alice online at 0"')
    return sorted(steps, key=lambda step: step.at)


class _Words:
    """The words of one step, taken one after the other."""

    def __init__(self, text: str, words: list[re.Match[str]]) -> None:
        self._text = text
        self._words = words
        self._taken = 0

    def next(self) -> str:
        """The next word, "" after the last."""
        return self._words[self._taken][0] if self._taken < len(self._words) else ""

    def take(self) -> str:
        word = self.next()
        self._taken += 1
        return word

    def refuse(self, complaint: str) -> NoReturn:
        """Point at the next word, or behind the last."""
        if self._taken < len(self._words):
            start, end = self._words[self._taken].span()
        else:
            start = self._words[-1].end()
            end = start + 1
        begin = self._text.rfind("\n", 0, start) + 1
        line = self._text[begin:].partition("\n")[0]
        raise ValueError(
            f"{complaint}\n    {line}\n    {' ' * (start - begin)}{'^' * (end - start)}"
        )


def _sentences(text: str) -> Iterator[_Words]:
    """The steps as words; what is empty, as between a comma and a line end, is none."""
    begin = 0
    for end in [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]:
        if words := list(_WORD.finditer(text, begin, end)):
            yield _Words(text, words)
        begin = end + 1


def _read_step(words: _Words, before: Step | None, knows: Callable[[str], bool]) -> Step:
    uid = before.uid if before else ""
    if words.next() not in _STATUSES:
        if not knows(words.next()):
            words.refuse(f"there is no user called {words.next()}; add_user() makes one")
        uid = words.take().lower()
    elif not uid:
        words.refuse("the first step must begin with a uid")
    if words.next() not in _STATUSES:
        words.refuse('"online" or "offline" must come here')
    online = words.take() == "online"
    at = before.at if before else 0
    if words.next():
        at = _read_time(words)
    if words.next():
        words.refuse("the next step must be separated by a comma, a semicolon or a line end")
    return Step(at, uid, online)


def read_duration(text: str) -> int | None:
    """Microseconds; None if it is no duration."""
    time = _TIME.fullmatch(text)
    return None if time is None else round(float(time[1]) * _SECONDS[time[2]] * MICROSECONDS)


def _read_time(words: _Words) -> int:
    if words.next() != "at":
        words.refuse('"at" must come here, with a time, or a comma and the next step')
    words.take()
    time = read_duration(words.next())
    if time is None:
        words.refuse("a time must come here, such as 5, 0.5, 5s, 1.5m or 1h")
    words.take()
    return time
