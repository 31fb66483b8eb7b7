"""The extension's stub says what the extension is."""

import os
import subprocess
import sys


def test_stub_of_the_extension_is_true(tmp_path: os.PathLike[str]) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "cometpresence._core"],
        env=os.environ | {"MYPY_CACHE_DIR": os.fspath(tmp_path)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
