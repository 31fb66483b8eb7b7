"""What CONTRIBUTING.md and SECURITY.md name is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["CONTRIBUTING.md", "SECURITY.md"]
FOLDERS = r"tests|csrc|cometpresence|docs|\.github|\.ci"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_exists(page: str) -> None:
    named = set(re.findall(rf"`((?:{FOLDERS})/[^`\s]*)`", text_of(page)))
    assert len(named) > 5
    assert not {name for name in named if not (ROOT / name).exists()}


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_exists(page: str) -> None:
    makefiles = [ROOT / "Makefile", *ROOT.glob("*.mk")]
    rules = "".join(path.read_text(encoding="utf-8") for path in makefiles)
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", rules, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", text_of(page), re.MULTILINE))
    assert len(named) > 3
    assert not named - targets


def test_the_table_has_the_parts_of_ci_in_their_order() -> None:
    steps = re.search(r"for step in (.*); do", (ROOT / ".ci/run").read_text(encoding="utf-8"))
    assert steps is not None
    rows = re.findall(r"^\| `make ([a-z-]+)` \|", text_of("CONTRIBUTING.md"), re.MULTILINE)
    assert rows == steps[1].split()


def test_the_tests_that_security_names_have_tests() -> None:
    files = set(re.findall(r"`(tests/[^`]*\.(?:py|c))`", text_of("SECURITY.md")))
    assert len(files) > 10
    for name in files:
        words = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(r"^(async )?def test_|^TEST\(", words, re.MULTILINE), name


def test_the_hooks_are_the_tools_of_the_environment() -> None:
    """So that a commit needs no network."""
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    tools = re.findall(r"entry: (\S+)", config)
    assert {Path(tool).name for tool in tools} == {"ruff", "clang-format", "mypy"}
    assert all(tool.startswith(".venv/bin/") for tool in tools)
    assert re.findall(r"repo: (\S+)", config) == ["local"]


def test_actions_are_pinned_to_commits() -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert {path.name for path in workflows} == {"ci.yml", "release.yml"}
    for path in workflows:
        for used in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used


def test_the_first_three_commands_are_all_it_takes() -> None:
    first = re.search(r"^```sh\n(.*?)^```", text_of("CONTRIBUTING.md"), re.DOTALL | re.MULTILINE)
    assert first is not None
    commands = [line.partition("#")[0].split() for line in first[1].splitlines()]
    assert commands == [["make", "deps"], ["make", "build"], ["make", "test"]]
    dry = subprocess.run(
        ["make", "--dry-run", "deps"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ".ci/deps" in dry.stdout
