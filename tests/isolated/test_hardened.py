"""What a compiler and a linker can do against a bug that is found too late, looked for in the
extension as it was built."""

import re
import shutil
import subprocess

import pytest

from cometpresence import _core

pytestmark = pytest.mark.skipif(
    shutil.which("readelf") is None, reason="readelf reads ELF, and is not here"
)


def readelf(*options: str) -> str:
    command = ["readelf", "--wide", *options, _core.__file__]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def dynamic_symbols() -> list[tuple[str, str]]:
    """(section, name) of each; the section is UND for what others have to provide."""
    found = re.findall(
        r"^ *\d+: \S+ +\d+ \S+ +(?:GLOBAL|WEAK) +\S+ +(\S+) (\S+)",
        readelf("--dyn-syms"),
        flags=re.MULTILINE,
    )
    assert found
    return found


def test_nobody_finds_anything_in_it_but_its_door() -> None:
    exported = [name for section, name in dynamic_symbols() if section != "UND"]
    assert exported == ["PyInit__core"]


def test_its_table_of_functions_is_read_only_once_it_is_loaded() -> None:
    assert "GNU_RELRO" in readelf("--program-headers")
    assert re.search(r"\bFLAGS\b.*BIND_NOW|\bFLAGS_1\b.*NOW", readelf("--dynamic"))


def test_no_stack_can_be_executed() -> None:
    (stack,) = re.findall(r"GNU_STACK .*", readelf("--program-headers"))
    assert "RWE" not in stack


def test_an_overwritten_stack_or_block_is_noticed() -> None:
    needed = {name.partition("@")[0] for section, name in dynamic_symbols() if section == "UND"}
    assert "__stack_chk_fail" in needed
    assert needed & {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk"}
