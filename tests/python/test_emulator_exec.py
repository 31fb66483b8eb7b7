"""`cometpresence emulator exec`: what the command is told, and what is told of its end."""

import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from load.ready import start_times

EXEC = [sys.executable, "-m", "cometpresence", "emulator", "exec"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*EXEC, *arguments], text=True, capture_output=True, timeout=50)


def is_free(url: str) -> bool:
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", urlsplit(url).port or 0))
    return True


def test_the_command_can_log_in_by_its_environment_alone() -> None:
    script = """
from cometpresence import PresenceClient
with PresenceClient.from_env() as client:
    print(client.get_user("superhero2").name)
"""
    for more in ([], ["--tls"]):
        done = run(*more, "--uid", "superhero3", "--", sys.executable, "-c", script)
        assert (done.returncode, done.stdout) == (0, "Captain America\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["--", "sh", "-c", "kill -9 $$"], 128 + 9, ""),
        (["--", "no-such-command"], 127, "no-such-command: No such file"),
        (["--", "/"], 126, "/: Permission denied"),
        (["--uid", "nobody", "true"], 1, "no user called nobody"),
        ([], 2, "Missing argument"),
    ],
    ids=str,
)
def test_the_exit_code_is_the_commands(arguments: list[str], code: int, complaint: str) -> None:
    done = run(*arguments)
    assert (done.returncode, complaint in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_commands_and_the_port_is_free_afterwards(number: signal.Signals) -> None:
    script = f"""
import os, signal, sys
signal.signal({number:d}, lambda *_: sys.exit(42))
print(os.environ["COMETPRESENCE_EMULATOR"], flush=True)
while True:
    signal.pause()
"""
    with subprocess.Popen([*EXEC, sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        url = process.stdout.readline().decode().strip()
        process.send_signal(number)
        assert process.wait(50) == 42
    assert is_free(url)


def test_a_parent_that_ignores_its_children_does_not_keep_us_waiting() -> None:
    """Who ignores SIGCHLD hands that on; the kernel then tells nobody of an end."""
    script = f"""
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv({sys.executable!r}, {[*EXEC, "sh", "-c", "exit 7"]})
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=50).returncode == 7


def test_kill_9_frees_the_port() -> None:
    command = [*EXEC, "sh", "-c", "echo $$ $COMETPRESENCE_EMULATOR; exec sleep 50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        pid, url = process.stdout.readline().decode().split()
        process.kill()
        process.wait(50)
        os.kill(int(pid), signal.SIGKILL)
    assert is_free(url)


def test_the_emulator_ends_with_its_parent_however_that_ends() -> None:
    """Whoever holds the other end of our pipe is still running."""
    emulator = [sys.executable, "-m", "cometpresence", "emulator", "--with-parent"]
    script = f"import subprocess, signal; subprocess.Popen({emulator}); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        said = json.loads(parent.stdout.readline())
        parent.kill()
        parent.wait(50)
        assert parent.stdout.read() == b""  # at its end, when the emulator is gone, too
    assert is_free(said["url"])
    assert is_free(said["admin_url"])


def test_it_is_ready_at_once() -> None:
    """The quickest of many: the others share the machine.  `tests/load/ready.py` has the rest."""
    assert min(start_times(20)) < 0.05
