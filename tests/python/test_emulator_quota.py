"""Rate limits: how they are counted, and what is said of them."""

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator, RateLimits


def test_rate_limits_count_down_and_begin_again_with_the_minute() -> None:
    limits = RateLimits(core=2, standard=3)
    with (
        Emulator(clock="manual", rate_limits=limits) as emulator,
        Client(emulator) as client,  # two core calls
    ):
        left = []
        for _ in range(3):
            answer = client.users()
            assert answer.headers["X-Rate-Limit"] == answer.headers["X-RateLimit-Limit"] == "3"
            left.append(answer.headers["X-Rate-Limit-Remaining"])
        assert left == ["2", "1", "0"]
        for call in (("GET", "/users"), ("PUT", "/me")):
            refused = client.call(*call)
            assert (refused.status, refused.code) == (429, "ERR_TOO_MANY_REQUESTS")
            wait = int(refused.headers["Retry-After"])
            assert 1 <= wait <= 60
            reset = int(refused.headers["X-Rate-Limit-Reset"])
            assert reset == int(refused.headers["X-RateLimit-Reset"])
            assert reset % 60 == 0
            assert refused.headers["X-RateLimit-Remaining"] == "0"
        emulator.advance(wait)
        assert client.users().headers["X-Rate-Limit-Remaining"] == "2"


def test_without_rate_limits_nothing_is_counted() -> None:
    with Emulator() as emulator, Client(emulator) as client:
        assert not [name for name in client.users().headers if name.startswith("X-Rate")]


@pytest.mark.parametrize("limits", [{"core": 0}, {"standard": -1}], ids=str)
def test_a_rate_limit_of_nothing_is_an_error(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RateLimits(**limits)
