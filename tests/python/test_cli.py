"""The command line: what it says, what it needs, how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import cometpresence
from cometpresence import PresenceClient


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cometpresence", *arguments],
        env=os.environ | environment,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_it_knows_its_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"cometpresence {cometpresence.__version__}\n")


def test_the_help_lists_every_command() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert "demo " in result.stdout
    assert "emulator " in result.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["demo", "--seconds", "0"], ["--nonsense"]])
def test_wrong_usage_is_told_in_a_line_and_exits_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "Error:" in result.stderr
    assert "Traceback" not in result.stderr


INTERRUPTED = """
import sys
from importlib.metadata import entry_points

class CtrlC:
    def find_spec(name, path=None, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt

(script,) = entry_points(group="console_scripts", name="cometpresence")
main = script.load()
sys.meta_path.insert(0, CtrlC)
main()
"""


@pytest.mark.parametrize(
    "name", ["cometpresence", "cometpresence._core", "cometpresence.cli.commands", "click"]
)
def test_ctrl_c_while_it_is_still_imported_ends_the_script_without_a_word(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, name], text=True, capture_output=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def hide(folder: Path, *packages: str) -> str:
    """A PYTHONPATH on which these packages are as if not installed."""
    for package in packages:
        (folder / f"{package}.py").write_text(
            f"raise ModuleNotFoundError('hidden', name={package!r})\n"
        )
    return str(folder)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_its_extra_it_says_what_to_install(tmp_path: Path, package: str) -> None:
    result = run("--help", PYTHONPATH=hide(tmp_path, package))
    assert result.returncode == 1
    assert result.stderr == f"{package} is missing: pip install 'cometpresence[cli]'\n"


@pytest.mark.parametrize("command", ["demo", "emulator"])
def test_commands_that_lack_the_emulators_extra_say_what_to_install(
    tmp_path: Path, command: str
) -> None:
    path = hide(tmp_path, "aiohttp")
    result = run(command, PYTHONPATH=path)
    assert result.returncode == 1
    assert result.stderr == "Error: aiohttp is missing: pip install 'cometpresence[emulator]'\n"
    assert run("--help", PYTHONPATH=path).returncode == 0


def test_the_emulator_command_serves_a_client_of_another_process(tmp_path: Path) -> None:
    users, ca_file = tmp_path / "users.json", tmp_path / "ca.pem"
    users.write_text(json.dumps([{"uid": "alice", "name": "Alice"}, {"uid": "bob"}]))
    command = [sys.executable, "-m", "cometpresence", "emulator", "--port", "0"]
    options = ["--users", str(users), "--tls", "--ca-out", str(ca_file), "--app-id", "cli-app"]
    with subprocess.Popen(
        [*command, *options], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            found = json.loads(process.stdout.readline())
            assert found["ca_file"] == str(ca_file)
            with PresenceClient(
                "cli-app",
                uid="alice",
                auth_key=found["auth_key"],
                endpoint=found["url"],
                ca_file=found["ca_file"],
            ) as client:
                assert {user.uid for user in client.users()} == {"alice", "bob"}
            token = {"Authorization": f"Bearer {found['admin_token']}"}
            with urlopen(Request(found["admin_url"] + "/users", headers=token)) as answer:
                users = json.load(answer)["data"]
            assert {user["uid"] for user in users} == {"alice", "bob"}
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
