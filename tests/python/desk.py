"""A desk with two people, for scenarios to be about."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[[str], Path]

DESK = """
    timezone = "Europe/Berlin"
    start = 2026-03-06T08:00:00                       # a Friday
    roles = ["agent"]
    [[users]]
    uid = "alice"
    role = "agent"
    [[users]]
    uid = "bob"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Make a scenario file of a text."""

    def write(text: str) -> Path:
        path = tmp_path / "desk.toml"
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write
