"""A scenario file, as it happens."""

import random
from collections.abc import Iterator
from functools import partial

from .faults import SHOTS
from .hours import Span, flaps
from .mischief import Mischief
from .scenario_file import PlannedFault, Scenario, Schedule
from .users import User
from .world import World


class Performance:
    """Keeps in the agenda what comes next of each schedule and fault.

    The same seed flaps the same: each user in each shift has dice of their own, whatever others do.
    """

    def __init__(self, world: World, mischief: Mischief, scenario: Scenario, seed: int) -> None:
        self._world = world
        self._mischief = mischief
        self._scenario = scenario
        self._seed = seed
        self._shifts_of: dict[str, int] = {}  # how many a user is in now, by uid

    def begin(self) -> None:
        """By the clock as it is now; what is due happens at once."""
        now, zone = self._world.clock.micros(), self._scenario.zone
        self._shifts_of.clear()
        for schedule in self._scenario.schedules:
            self._await_shift(schedule, schedule.week.shifts(zone, now))
        for fault in self._scenario.faults:
            self._await_fault(fault, fault.moments(zone, now))
        if self._scenario.play:
            self._world.play(self._scenario.play)
        self._world.agenda.catch_up(now)

    # ---- schedules

    def _await_shift(self, schedule: Schedule, shifts: Iterator[Span]) -> None:
        if (shift := next(shifts, None)) is not None:
            begin = partial(self._begin_shift, schedule, shift, shifts)
            self._world.agenda.add(shift.begin, begin)

    def _begin_shift(self, schedule: Schedule, shift: Span, shifts: Iterator[Span]) -> None:
        """For those who have a role now; of one that has begun already, what is left of it."""
        crew = [user for user in self._world.users if schedule.has(user)]
        span = Span(max(shift.begin, self._world.clock.micros()), shift.end)
        for user in crew:
            self._shifts_of[user.uid] = self._shifts_of.get(user.uid, 0) + 1
            self._world.show(user, online=True)
            if schedule.flapping:
                dice = random.Random(f"{self._seed} {user.uid} {shift.begin}")
                self._await_flap(user, flaps(dice, schedule.flapping, span))
        self._world.agenda.add(shift.end, partial(self._end_shift, schedule, crew, shifts))

    def _end_shift(self, schedule: Schedule, crew: list[User], shifts: Iterator[Span]) -> None:
        """Who goes goes last: another shift of theirs may begin at the same time."""
        self._await_shift(schedule, shifts)
        for user in crew:
            self._shifts_of[user.uid] -= 1
        self._world.agenda.add(self._world.clock.micros(), partial(self._go, crew))

    def _go(self, crew: list[User]) -> None:
        for user in crew:
            if not self._shifts_of[user.uid]:
                self._world.show(user, online=False)

    # ---- flapping

    def _await_flap(self, user: User, gaps: Iterator[Span]) -> None:
        if (gap := next(gaps, None)) is not None:
            self._world.agenda.add(gap.begin, partial(self._lose, user, gap, gaps))

    def _lose(self, user: User, gap: Span, gaps: Iterator[Span]) -> None:
        """Who was sent offline by hand stays so."""
        if user.online:
            self._world.show(user, online=False)
            self._world.agenda.add(gap.end, partial(self._world.show, user, online=True))
        self._await_flap(user, gaps)

    # ---- faults

    def _await_fault(self, fault: PlannedFault, moments: Iterator[int]) -> None:
        if (at := next(moments, None)) is not None:
            self._world.agenda.add(at, partial(self._strike, fault, at, moments))

    def _strike(self, fault: PlannedFault, at: int, moments: Iterator[int]) -> None:
        if fault.name in SHOTS:
            self._mischief.by_name(fault.name, fault.settings)
        else:
            started = self._mischief.start(fault.name, fault.settings, fault.count)
            if fault.length is not None:
                self._world.agenda.add(at + fault.length, started.stop)
        self._await_fault(fault, moments)
