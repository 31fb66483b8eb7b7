"""The C core alone, on a virtual clock, against a model: hypothesis invents what users, server
and network do, and shrinks what goes wrong to a few steps."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from trust.core import SECOND, Kind
from trust.core_world import CoreWorld
from trust.form import short_and_long

SHORT, LONG = 200, 5000

FAULTS_OF_EVENTS = ("duplicate", "delay")
FAULTS_THAT_LIE = ("lose", "reorder")
FAULTS_OF_REST = ("rate_limit", "server_error", "half_page", "slow_answer", "lost_request")
FAULTS_OF_SOCKETS = ("refuse_connections", "slow_upgrade", "refuse_jwt")

few = st.integers(1, 3)

total: Counter[str] = Counter()  # over all lives: how often each fault struck, and the minutes


class Life(RuleBasedStateMachine):
    @initialize(
        seed=st.integers(0, 2**32),
        queue_size=st.sampled_from([4, 32]),
        whole=st.booleans(),
        audits=st.booleans(),
        users=st.sampled_from([6, 40]),
        moving_pages=st.integers(0, 4),
        guests=st.sampled_from([0, 0, 30]),
    )
    def begin(
        self,
        seed: int,
        queue_size: int,
        whole: bool,
        audits: bool,
        users: int,
        moving_pages: int,
        guests: int,
    ) -> None:
        self.world = CoreWorld(
            seed,
            users=users,
            guests=guests,
            queue_size=queue_size,
            whole=int(whole),
            audit_after=30 * SECOND if audits else -1,
            sync_every=-1 if audits or guests else 4 * SECOND,
        )
        self.world.left["moving_pages"] = moving_pages
        self.world.run_until(lambda: self.world.core.is_synced)

    # ---- users, and time

    @rule(moves=st.integers(0, 30), milliseconds=st.integers(0, 3_000))
    def time_passes(self, moves: int, milliseconds: int) -> None:
        self._plan_moves(moves, milliseconds)
        self.world.run(milliseconds * 1000)

    @rule(moves=st.integers(1, 30), milliseconds=st.integers(1, 1_000), pages=st.integers(0, 2))
    def they_move_during_a_comparison(self, moves: int, milliseconds: int, pages: int) -> None:
        self.world.left["moving_pages"] = pages
        self.world.call(Kind.RESYNC)
        self._plan_moves(moves, milliseconds)
        self.world.run(2 * SECOND)

    @rule(
        code=st.sampled_from([1000, 1001, 1006, 1012, 4001]),
        moves=st.integers(0, 30),
        pages=st.integers(0, 4),
        is_late=st.booleans(),
    )
    def they_move_during_a_gap(self, code: int, moves: int, pages: int, is_late: bool) -> None:
        """`is_late`: what is pushed comes after the list that it tears apart."""
        self.world.left["moving_pages"] = pages
        self.world.left["delay"] = 3 * pages * is_late
        self.world.drop(code)
        self._plan_moves(moves, 3_000)
        self.world.run(4 * SECOND)

    def _plan_moves(self, moves: int, milliseconds: int) -> None:
        for _ in range(moves):
            self.world.plan(self.world.random.randrange(milliseconds * 1000 + 1), self.world.move)

    @rule(moves=st.integers(1, 10), seconds=st.sampled_from([0, 1, 30, 75]))
    def guests_move(self, moves: int, seconds: int) -> None:
        if self.world.guests.online:
            for _ in range(moves):
                self.world.plan(
                    self.world.random.randrange(SECOND),
                    lambda: self.world.guests.move(self.world.now),
                )
            self.world.run(seconds * SECOND)

    @rule(seconds=st.integers(10, 120))
    def nothing_happens(self, seconds: int) -> None:
        self.world.run(seconds * SECOND)

    @rule(moves=st.integers(1, 40))
    def all_at_once(self, moves: int) -> None:
        for _ in range(moves):
            self.world.move()

    # ---- faults

    @rule(fault=st.sampled_from(FAULTS_OF_EVENTS), count=few)
    def events_go_astray(self, fault: str, count: int) -> None:
        self.world.left[fault] += count

    @rule(fault=st.sampled_from(FAULTS_THAT_LIE), count=few)
    def events_lie(self, fault: str, count: int) -> None:
        self.world.left[fault] += count

    @rule(fault=st.sampled_from(FAULTS_OF_REST), count=few)
    def requests_fail(self, fault: str, count: int) -> None:
        self.world.left[fault] += count

    @rule(fault=st.sampled_from(FAULTS_OF_SOCKETS), count=few)
    def sockets_fail(self, fault: str, count: int) -> None:
        self.world.left[fault] += count

    @rule(pages=few)
    def pages_move(self, pages: int) -> None:
        self.world.left["moving_pages"] += pages

    @rule(code=st.sampled_from([1000, 1001, 1006, 1012, 4001]))
    def drop(self, code: int) -> None:
        self.world.drop(code)

    @rule()
    def pull_the_cable(self) -> None:
        self.world.mute()

    @rule()
    def tokens_expire(self) -> None:
        self.world.expire_tokens()

    @rule(moves=st.integers(0, 60), seconds=st.integers(1, 300))
    def platform_pushes_nothing(self, moves: int, seconds: int) -> None:
        """As beyond its cap; the count and the list are still right."""
        self.world.left["lose"] = 1_000_000
        self._plan_moves(moves, seconds * 1000)
        self.world.run(seconds * SECOND)
        self.world.left["lose"] = 0
        self.world.struck["throttled"] += 1
        self.world.struck["not synced after it"] += not self.world.core.is_synced

    # ---- callers and listeners

    @rule(
        kind=st.sampled_from([Kind.GET_USER, Kind.COUNT, Kind.AWAIT_SYNC, Kind.RESYNC]),
        timeout=st.sampled_from([-1, 2 * SECOND]),
    )
    def call(self, kind: Kind, timeout: int) -> None:
        self.world.call(kind, timeout, uid="u001")

    @rule()
    def cancel(self) -> None:
        self.world.cancel()

    @rule()
    def listener_sleeps(self) -> None:
        self.world.sleep()

    @rule(most=st.integers(1, 6))
    def listener_takes_some(self, most: int) -> None:
        self.world.listen(most)

    @rule()
    def listener_wakes_up(self) -> None:
        self.world.wake_up()

    # ---- always

    @invariant()
    def picture_is_the_servers_whenever_it_can_be(self) -> None:
        if hasattr(self, "world"):
            self.world.check_picture()
            self.world.check_guests()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.come_to_rest()
        self.world.close()
        total.update(self.world.struck)
        total["pictures checked"] += self.world.pictures_checked
        total["coalesced"] += self.world.coalesced
        total["seconds"] += self.world.now // SECOND


@pytest.fixture
def tally(capsys: pytest.CaptureFixture[str]) -> Iterator[Counter[str]]:
    total.clear()
    yield total
    with capsys.disabled():
        print(f"\n{total['seconds'] / 60:.0f} virtual minutes: {dict(total.most_common())}")


@pytest.mark.timeout(240)  # a failure is made smaller before it is told
@pytest.mark.parametrize("lives", short_and_long(SHORT, LONG, seconds=900))
def test_whatever_happens_the_core_ends_up_with_the_servers_picture(
    lives: int, tally: Counter[str]
) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=lives == SHORT,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert tally["seconds"] > lives * 60
    for fault in (*FAULTS_OF_EVENTS, *FAULTS_THAT_LIE, *FAULTS_OF_REST, *FAULTS_OF_SOCKETS):
        assert tally[fault] > 0, fault
    for seen in (
        "moving_pages",
        "torn pass",
        "blackhole",
        "expire_tokens",
        "close 4001",
        "throttled",
        "guests known",
    ):
        assert tally[seen] > 0, seen
    assert tally["pictures checked"] > 0
    assert tally["coalesced"] > 0
