"""A bot in a project of its own, which installs the built package and has it test the bot."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "bot_project"


@pytest.mark.timeout(180)
def test_a_bots_own_tests_need_no_set_up(
    wheel: Path, make_python: Callable[..., Path], tmp_path: Path
) -> None:
    python = make_python(f"{wheel}[emulator]", "pytest")
    project = shutil.copytree(PROJECT, tmp_path / "bot")
    result = subprocess.run(
        [python, "-X", "dev", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=project,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=60,
    )
    assert "4 passed" in result.stdout, result.stdout
