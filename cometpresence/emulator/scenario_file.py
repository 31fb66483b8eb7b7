"""Scenario files: who there is, who is online when, and what goes wrong, in TOML.

    timezone = "Europe/Berlin"          # UTC otherwise
    start = 2026-03-02T08:59:50         # what the emulator's clock shows first; now otherwise
    play = "alice online at 5"          # as Emulator.play() has it
    roles = ["agent", "customer"]       # or [[roles]], as the management API has them

    [[users]]
    uid = "alice"                       # and whatever else a user file may say
    role = "agent"

    [[schedules]]
    roles = "agent"                     # and, or, users = ["alice"]
    hours = ["9-12", "13-17:30"]        # 22-6 is over midnight
    days = "weekdays"                   # weekends, every day, or ["mon", "thu"]
    flapping = "1 %"                    # of the minutes somebody is online; gone for 5 to 30 s

    [[faults]]
    fault = "server_errors"             # as the Emulator's methods, with their arguments
    status = 503
    at = "12:30"                        # each day; or days = …, a date and time, or "90s", "1.5m"
    for = "10s"                         # or count = 3; otherwise as the method has it

What is wrong is refused with its path, such as ``users[3].role``, the first being ``users[0]``.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .body_rules import NEW_ROLE
from .faults import DEFAULT_COUNTS, REQUIRED, SHOTS, STANDING, is_whole, settings_of, wrong_with
from .hours import EVERY_DAY, Week, daily, micros, overlap, read_days, read_hours, read_time
from .part import Part
from .refusal import Refusal
from .roles import DEFAULT
from .scenario import read_duration, read_scenario
from .users import FIELDS, STATUSES, User, is_uid

_KEYS = ("timezone", "start", "roles", "play", "users", "schedules", "faults")
_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)\s*%", re.ASCII)
_ZONE_HINT = "one is 'Europe/Berlin' (where the system has none: pip install tzdata)"
_YEARS = range(1970, 9000)
_FAULT_KEYS = ("fault", "at", "days", "for", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Who is online at which hours."""

    roles: frozenset[str]
    uids: frozenset[str]
    week: Week
    flapping: float = 0.0  # the share of the minutes in which the connection is lost

    def has(self, user: User) -> bool:
        return user.uid in self.uids or user.role in self.roles


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """A fault at its time: `after` microseconds from the beginning, or `at` that moment, or at a
    minute `of_day`."""

    name: str
    settings: Mapping[str, Any]
    count: int | None
    length: int | None  # microseconds; None: until it has struck `count` times
    after: int | None = None
    at: int | None = None
    of_day: int | None = None
    days: frozenset[int] = EVERY_DAY

    def moments(self, zone: tzinfo, begin: int) -> Iterator[int]:
        """In microseconds of Unix time, of a scenario that begins then."""
        if self.of_day is not None:
            return daily(self.of_day, self.days, zone, begin)
        return iter([begin + self.after if self.after is not None else self.at or begin])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario file that was found to make sense."""

    zone: tzinfo
    start: int | None  # microseconds of Unix time
    roles: tuple[Mapping[str, Any], ...]
    users: tuple[Mapping[str, Any], ...]
    schedules: tuple[Schedule, ...]
    faults: tuple[PlannedFault, ...]
    play: str


def read_scenario_file(path: str | Path, *, now: int) -> Scenario:
    """ValueError with the path, the place in it, and what is wrong; OSError if it cannot be read.

    `now`, in microseconds, is when it begins if it does not say so itself.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return _Reader(Part(table), now).scenario()
    except ValueError as error:  # which TOMLDecodeError and UnicodeDecodeError are, too
        raise ValueError(f"{path}: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None


class _Reader:
    def __init__(self, file: Part, now: int) -> None:
        self._file = file
        self._now = now

    def scenario(self) -> Scenario:
        file = self._file
        file.allow(_KEYS)
        self._zone = self._read_zone()
        start = self._read_start()
        self._begin = self._now if start is None else start
        roles = self._read_roles()
        self._roles = {DEFAULT, *(role["role"] for role in roles)}
        self._users: dict[str, User] = {}
        users = self._read_users()
        schedules = tuple(self._read_schedule(part) for part in file.parts("schedules"))
        self._check_overlaps(schedules)
        return Scenario(
            zone=self._zone,
            start=start,
            roles=roles,
            users=users,
            schedules=schedules,
            faults=tuple(self._read_fault(part) for part in file.parts("faults")),
            play=self._read_play(),
        )

    def _read_zone(self) -> tzinfo:
        name = self._file.text("timezone") if "timezone" in self._file.table else "UTC"
        try:
            return UTC if name.upper() == "UTC" else ZoneInfo(name)
        except (ValueError, OSError, KeyError):  # a path, a folder, no such zone
            self._file.refuse("timezone", f"no time zone {name!r} here; {_ZONE_HINT}")

    def _read_start(self) -> int | None:
        start = self._file.table.get("start")
        if start is None:
            return None
        if not isinstance(start, datetime) or start.year not in _YEARS:
            self._file.refuse("start", "must be a date and time, such as 2026-03-02T08:59:50")
        return self._micros(start)

    def _micros(self, at: datetime) -> int:
        return micros(at if at.tzinfo else at.replace(tzinfo=self._zone))

    def _read_play(self) -> str:
        if "play" not in self._file.table:
            return ""
        words = self._file.text("play")
        try:
            read_scenario(words, lambda uid: uid.lower() in self._users)
        except ValueError as error:
            self._file.refuse("play", str(error))
        return words

    # ---- roles

    def _read_roles(self) -> tuple[Mapping[str, Any], ...]:
        roles: dict[str, Mapping[str, Any]] = {}
        for key, item in self._file.items("roles"):
            role = self._read_role(key, item)
            if role["role"] in roles:
                self._file.refuse(key, f"there are two roles {role['role']!r}")
            roles[role["role"]] = role
        return tuple(roles.values())

    def _read_role(self, key: str, item: object) -> Mapping[str, Any]:
        """A name alone, or a table."""
        if isinstance(item, str):
            if (fault := NEW_ROLE["role"](item)) is not None:
                self._file.refuse(key, f"the role {item!r} {fault}")
            return {"role": item.lower()}
        part = self._file.part(key, item)
        part.allow(NEW_ROLE)
        part.text("role")
        for name, value in part.table.items():
            _check_json(part, name)
            if (fault := NEW_ROLE[name](value)) is not None:
                part.refuse(name, fault)
        return {**part.table, "role": part.text("role").lower()}

    # ---- users

    def _read_users(self) -> tuple[Mapping[str, Any], ...]:
        parts = self._file.parts("users")
        if not parts:
            self._file.refuse("users", "there is nobody: a [[users]] with a uid is needed")
        records = []
        for part in parts:
            user = self._read_user(part)
            if user.uid in self._users:
                part.refuse("uid", f"there are two users {user.uid!r}")
            self._users[user.uid] = user
            records.append({**part.table, "uid": user.uid, "role": user.role})
        for part in parts:
            for key in ("friends", "blocked"):
                for uid in part.table.get(key, []):
                    part.find(uid, self._users, key, "user")
        return tuple(records)

    def _read_user(self, part: Part) -> User:
        part.allow(FIELDS)
        uid = part.text("uid").lower()
        if not is_uid(uid):
            part.refuse("uid", f"a uid is 1 to 100 of a-z 0-9 - _, not {uid!r}")
        user = User(uid=uid)
        for key, value in part.table.items():
            _check_json(part, key)
            try:
                user.assign({key: value})
            except Refusal as refusal:
                part.refuse(key, refusal.message)
        user.role = part.find(user.role, self._roles, "role", "role")
        status = part.table.get("status", "offline")
        if status not in STATUSES:
            part.refuse("status", f"must be one of {', '.join(STATUSES)}, not {status!r}")
        if not isinstance(part.table.get("online", False), bool):
            part.refuse("online", "must be true or false")
        return user

    # ---- schedules

    def _read_schedule(self, part: Part) -> Schedule:
        part.allow(("roles", "users", "hours", "days", "flapping"))
        roles = {part.find(name, self._roles, "roles", "role") for name in part.texts("roles")}
        uids = {part.find(uid, self._users, "users", "user") for uid in part.texts("users")}
        if not roles and not uids:
            part.refuse("", "whose schedule is it? roles or users are needed")
        if not part.texts("hours"):
            part.refuse("hours", "are needed, such as '9-17'")
        hours = []
        for text in part.texts("hours"):
            if (span := read_hours(text)) is None:
                part.refuse("hours", f"{text!r} are no hours, such as '9-17', '13-17:30', '22-6'")
            hours.append(span)
        week = Week(tuple(hours), self._read_days(part))
        if (when := overlap(week)) is not None:
            part.refuse("hours", f"they overlap, on {when}")
        return Schedule(
            roles=frozenset(roles),
            uids=frozenset(uids),
            week=week,
            flapping=self._read_flapping(part),
        )

    def _read_days(self, part: Part) -> frozenset[int]:
        if "days" not in part.table:
            return EVERY_DAY
        if (days := read_days(part.texts("days"))) is None:
            part.refuse("days", "must be weekdays, weekends, every day, or days such as mon, tue")
        return days

    def _read_flapping(self, part: Part) -> float:
        if "flapping" not in part.table:
            return 0.0
        match = _PERCENTAGE.fullmatch(str(part.table["flapping"]))
        if match is None or not 0 <= float(match[1]) <= 100:
            part.refuse("flapping", "must be a share of the minutes, such as '1 %'")
        return float(match[1]) / 100

    def _check_overlaps(self, schedules: tuple[Schedule, ...]) -> None:
        crews = [
            {user.uid for user in self._users.values() if schedule.has(user)}
            for schedule in schedules
        ]
        for (first, one), (second, other) in combinations(enumerate(schedules), 2):
            both = crews[first] & crews[second]
            if both and (when := overlap(one.week, other.week)) is not None:
                self._file.refuse(
                    f"schedules[{second}].hours",
                    f"{min(both)} has hours of schedules[{first}] then, on {when}",
                )

    # ---- faults

    def _read_fault(self, part: Part) -> PlannedFault:
        name = part.find(part.text("fault"), {*STANDING, *SHOTS}, "fault", "fault")
        settings = dict(settings_of(name))
        allowed = {*_FAULT_KEYS, *settings} - ({"for", "count"} if name in SHOTS else set())
        part.allow(allowed)
        settings |= {key: part.table[key] for key in settings.keys() & part.table.keys()}
        for key, value in settings.items():
            if (complaint := wrong_with(key, value)) is not None:
                what = "is needed, " if value is REQUIRED else "must be "
                part.refuse(key, what + complaint)
        count = part.table.get("count")
        if count is not None and (complaint := wrong_with("count", count)) is not None:
            part.refuse("count", f"must be {complaint}")
        length = self._read_length(part)
        return PlannedFault(
            name=name,
            settings=settings,
            count=DEFAULT_COUNTS.get(name) if count is None and length is None else count,
            length=length,
            **self._read_when(part),
        )

    def _read_when(self, part: Part) -> dict[str, Any]:
        at = part.table.get("at")
        if at is None:
            part.refuse("at", "when? '90s' after the beginning, '12:30', or a date and time")
        if isinstance(at, time) or (isinstance(at, str) and ":" in at):
            minute = read_time(str(at).removesuffix(":00") if isinstance(at, time) else at)
            if minute is None:
                part.refuse("at", f"{str(at)!r} is no minute of the day, such as '12:30'")
            return {"of_day": minute, "days": self._read_days(part)}
        if "days" in part.table:
            part.refuse("days", "needs a time of day in at, such as '12:30'")
        if isinstance(at, datetime):
            if (moment := self._micros(at)) < self._begin:
                part.refuse("at", f"{at} is past when the scenario begins")
            return {"at": moment}
        return {"after": self._read_duration(part, "at")}

    def _read_length(self, part: Part) -> int | None:
        if "for" not in part.table:
            return None
        if (length := self._read_duration(part, "for")) == 0:
            part.refuse("for", "must be longer than 0")
        return length

    def _read_duration(self, part: Part, key: str) -> int:
        value = part.table[key]
        if is_whole(value) or isinstance(value, float):
            value = f"{value:f}"
        duration = read_duration(value) if isinstance(value, str) else None
        if duration is None:
            part.refuse(key, "must be a time such as 90, '90s', '1.5m' or '1h'")
        return duration


def _check_json(part: Part, key: str) -> None:
    """TOML has more kinds of values than JSON, in which they are to be sent."""
    try:
        json.dumps(part.table[key], allow_nan=False)
    except (TypeError, ValueError):
        part.refuse(key, "must not have dates, times, inf or nan in it")
