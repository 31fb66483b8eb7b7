"""Chaos, then quiet: no ghosts, nobody missed, and what was told alternated.

`make chaos SEEDS=200` runs the long form with more seeds.
"""

import os

import pytest
from trust.chaos import FAULTS, Chaos
from trust.form import short_and_long

SEEDS = int(os.environ.get("CHAOS_SEEDS", "3"))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("seconds", short_and_long(12, 60, seconds=150))
@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_chaos_the_picture_is_the_servers(
    seed: int, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Chaos(seed).run(seconds)
    with capsys.disabled():
        print(f"\nseed {seed}, {seconds} s: {outcome.summary()}")
    assert outcome.faults == []
    assert outcome.ghosts == set()
    assert outcome.missed == set()
    assert outcome.picture == outcome.truth == outcome.told
    for fault in (*FAULTS, "slow handler"):
        assert outcome.fired[fault] > 0, f"{fault} never fired"
