"""The short form of each test runs with the others, the long one by `make trust-long`."""

from typing import Any

import pytest


def short_and_long(short: Any, long: Any, *, seconds: float) -> list[Any]:
    """Two parameters; `seconds`: how long the test with the second may take."""
    marks = [pytest.mark.long, pytest.mark.timeout(seconds)]
    return [pytest.param(short, id="short"), pytest.param(long, id="long", marks=marks)]
