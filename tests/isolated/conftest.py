"""What tests of the built package share: it is built once."""

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

collect_ignore = ["bot_project"]  # has no place in our run: its own has it


def run(*command: str | Path) -> None:
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT)
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def make_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Interpreters in virtual environments of their own, which have what is asked for and no more."""

    def make(*install: str | Path) -> Path:
        home = tmp_path_factory.mktemp("empty")
        venv.create(home, with_pip=False)
        python = home / "bin/python"
        run(sys.executable, "-m", "pip", "--python", python, "install", "--no-compile", *install)
        return python

    return make
