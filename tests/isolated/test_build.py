"""What somebody sees who builds the package on a machine that lacks something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Our build files beside one C file that would compile anywhere."""
    for name in ["setup.py", "pyproject.toml", "LICENSE"]:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "README.md").touch()
    (tmp_path / "csrc/py").mkdir(parents=True)
    (tmp_path / "csrc/py/module.c").write_text("int answer;\n")
    return tmp_path


def build_output(tree: Path, **environment: str) -> str:
    """What `setup.py build_ext` says; it has to fail."""
    result = subprocess.run(
        [sys.executable, "setup.py", "build_ext"],
        cwd=tree,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


@pytest.mark.parametrize(
    "package",
    [
        "libwebsockets-dev libcjson-dev libssl-dev",
        "libwebsockets-devel cjson-devel openssl-devel",
        "libwebsockets cjson openssl",
    ],
)
def test_missing_libraries_are_named_for_each_system(tree: Path, package: str) -> None:
    nowhere = str(tree / "nowhere")
    output = build_output(tree, PKG_CONFIG_LIBDIR=nowhere, PKG_CONFIG_PATH=nowhere)
    assert "not found: libwebsockets and cJSON and OpenSSL." in output
    assert package in output


def test_only_the_missing_library_is_blamed(tree: Path) -> None:
    for there in ("libwebsockets", "openssl"):
        (tree / f"{there}.pc").write_text(f"Name: {there}\nDescription: x\nVersion: 4.3\n")
    output = build_output(tree, PKG_CONFIG_LIBDIR=str(tree), PKG_CONFIG_PATH="")
    assert "not found: cJSON." in output


def test_missing_pkg_config_is_named(tree: Path) -> None:
    output = build_output(tree, PKG_CONFIG=str(tree / "no-such-pkg-config"))
    assert "not found: pkg-config." in output
    assert "apt install gcc pkg-config" in output
