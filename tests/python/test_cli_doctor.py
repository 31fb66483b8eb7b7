"""``doctor``: each thing that can be wrong is found, told apart, and its fix named."""

import datetime
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner
from python.command_line import Terminal, environment, invoke

from cometpresence import __version__
from cometpresence._core import LIBRARIES
from cometpresence.cli.commands import cometpresence
from cometpresence.cli.credentials import Settings
from cometpresence.cli.doctor_account import Login
from cometpresence.cli.doctor_findings import State, Trouble
from cometpresence.cli.doctor_network import Host, compare_clocks
from cometpresence.emulator import Emulator

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
authority = trustme.CA()


def examine(emulator: Emulator, *arguments: str, **changes: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and each step by its name."""
    result = invoke(emulator, "doctor", "--timeout", "5", *arguments, **changes)
    assert result.stderr == ""
    steps = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {step["step"]: step for step in steps}


def states(steps: dict[str, Any]) -> dict[str, str]:
    return {name: step["state"] for name, step in steps.items()}


def test_when_all_is_well_every_step_says_what_it_found_and_how_long_it_took(
    emulator: Emulator,
) -> None:
    code, steps = examine(emulator)
    assert code == 0
    assert set(states(steps).values()) == {"ok"}
    expected = ["versions", "settings", "DNS", "connect", "TLS", "HTTP", "clock"]
    expected += ["login", "websocket", "presence", "count"]
    if not emulator.ca_file:
        expected.remove("TLS")
    assert list(steps) == expected
    assert all(0 <= step["ms"] < 5000 for step in steps.values())
    assert "Alice A (alice)" in steps["login"]["detail"]
    assert "2 online" in steps["presence"]["detail"]  # erin, and the one who looks
    assert "as the server's" in steps["clock"]["detail"]


def test_versions_are_those_that_run(plain_emulator: Emulator) -> None:
    detail = examine(plain_emulator)[1]["versions"]["detail"]
    for version in (
        __version__,
        "OpenSSL " + LIBRARIES["OpenSSL"].split()[1],
        LIBRARIES["libwebsockets"].rstrip("-"),
    ):
        assert version in detail


def test_the_certificate_is_told_with_its_subject_and_end(tls_emulator: Emulator) -> None:
    detail = examine(tls_emulator)[1]["TLS"]["detail"]
    assert "TLSv1.3, localhost by trustme" in detail
    assert "until" in detail


def test_secrets_are_named_with_their_source_and_not_shown(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "doctor")
    assert "auth_key (COMETCHAT_AUTH_KEY)" in result.output
    assert str(plain_emulator.auth_key) not in result.output


# ---- what can be wrong


def test_too_little_to_log_in_with_fails_and_the_fix_names_it(plain_emulator: Emulator) -> None:
    code, steps = examine(plain_emulator, COMETCHAT_UID="")
    assert code == 1
    assert list(steps) == ["versions", "settings"]
    assert "--as or COMETCHAT_UID" in steps["settings"]["fix"]


def test_a_region_that_does_not_exist_is_found_before_anything_is_sent(
    plain_emulator: Emulator,
) -> None:
    code, steps = examine(plain_emulator, "--region", "no such", COMETPRESENCE_EMULATOR="")
    assert code == 1
    assert steps["settings"]["state"] == "failed"


def test_a_file_that_others_can_read_is_a_warning(plain_emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "cometpresence.toml"
    file.write_text(f'auth_key = "{plain_emulator.auth_key}"\n')
    file.chmod(0o644)
    code, steps = examine(plain_emulator, "--config", str(file), COMETCHAT_AUTH_KEY="")
    assert code == 0
    assert steps["settings"]["state"] == "warning"
    assert "chmod 600" in steps["settings"]["fix"]
    assert f"auth_key ({file})" in steps["settings"]["detail"]


def test_a_wrong_key_fails_the_login_and_what_needs_it_is_not_tried(
    plain_emulator: Emulator,
) -> None:
    code, steps = examine(plain_emulator, COMETCHAT_AUTH_KEY="wrong")
    assert code == 1
    assert "AUTH_ERR_APIKEY_NOT_FOUND" in steps["login"]["detail"]
    assert "Auth Key" in steps["login"]["fix"]
    assert states(steps)["websocket"] == states(steps)["count"] == "skipped"


def test_a_server_that_is_gone_fails_to_connect(plain_emulator: Emulator) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    code, steps = examine(plain_emulator, COMETPRESENCE_EMULATOR=url)
    assert code == 1
    assert states(steps)["DNS"] == "ok"
    assert "Connection refused" in steps["connect"]["detail"]
    assert "let this machine reach port" in steps["connect"]["fix"]
    assert "HTTP" not in steps
    assert states(steps)["login"] == "failed"


def test_a_name_that_is_none_is_told_as_such() -> None:
    with Host("https://nothing.invalid", None, 5) as host, pytest.raises(Trouble) as caught:
        host.resolve()
    assert "nothing.invalid" in str(caught.value)
    assert "compare app id and region" in caught.value.fix


def test_a_socket_that_is_refused_is_told_from_a_login_that_is(plain_emulator: Emulator) -> None:
    with plain_emulator.refuse_jwt():
        code, steps = examine(plain_emulator)
    assert code == 1
    assert states(steps)["login"] == "ok"
    assert states(steps)["websocket"] == "failed"
    assert states(steps)["presence"] == "skipped"
    assert steps["websocket"]["fix"]


def test_upgrades_that_are_never_answered_are_told_as_such(plain_emulator: Emulator) -> None:
    with plain_emulator.slow_upgrade(30):
        code, steps = examine(plain_emulator, "--timeout", "0.4")
    assert code == 1
    assert states(steps)["login"] == "ok"
    assert states(steps)["websocket"] == "failed"


@pytest.mark.parametrize(
    ("secret", "servers"),
    [
        ("auth_key", ["https://app.api-us.cometchat.io/v3.0"]),
        ("auth_token", []),
    ],
)
def test_the_server_for_keys_is_looked_at_only_with_a_key(secret: str, servers: list[str]) -> None:
    values = {"app_id": "app", "region": "us", "uid": "alice", secret: "secret"}
    login = Login(Settings(values, dict.fromkeys(values, "here"), None, None), 5)
    login.prepare()
    with login:
        assert login.servers == [*servers, "https://app.apiclient-us.cometchat.io/v3.0"]


# ---- certificates


@contextmanager
def tls_server(leaf: trustme.LeafCert) -> Iterator[str]:
    """Shakes hands with whoever comes, and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("leaf", "trusts", "words", "fix"),
    [
        (authority.issue_cert("127.0.0.1"), False, "unable to get local issuer", "--ca-file"),
        (authority.issue_cert("127.0.0.1", not_after=LONG_AGO), True, "has expired", "date"),
        (authority.issue_cert("127.0.0.2"), True, "mismatch", "somebody else"),
    ],
    ids=["stranger", "expired", "of another"],
)
def test_a_bad_certificate_is_told_with_the_real_reason(
    tmp_path: Path,
    plain_emulator: Emulator,
    leaf: trustme.LeafCert,
    trusts: bool,
    words: str,
    fix: str,
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ca_file = str(tmp_path / "ca.pem") if trusts else ""
    with tls_server(leaf) as url:
        code, steps = examine(
            plain_emulator, COMETPRESENCE_EMULATOR=url, COMETPRESENCE_CA_FILE=ca_file
        )
    assert code == 1
    assert words in steps["TLS"]["detail"]
    assert fix in steps["TLS"]["fix"]
    assert "HTTP" not in steps
    assert "[ERR_TLS]" in steps["login"]["detail"]  # the client thinks so, too


def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    with (
        tls_server(authority.issue_cert("127.0.0.1", not_after=soon)) as url,
        Host(url, str(tmp_path / "ca.pem"), 5) as host,
    ):
        host.resolve()
        host.connect()
        finding = host.shake_hands()
    assert finding.state is State.WARNING
    assert "(2 d)" in finding.detail


# ---- clocks


class WrongClock(http.server.BaseHTTPRequestHandler):
    """Answers as if it were another time."""

    off = 0.0

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + self.off)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("off", "state", "words"),
    [
        (0, State.OK, "as the server's"),
        (3600, State.WARNING, "59 min behind the server's"),
        (-7200, State.WARNING, "ahead of the server's"),
    ],
)
def test_a_clock_that_is_wrong_is_a_warning(off: float, state: State, words: str) -> None:
    handler = type("Handler", (WrongClock,), {"off": off})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with Host(f"http://127.0.0.1:{server.server_port}", None, 5) as host:
            host.resolve()
            host.connect()
            assert "404" in host.ask().detail
            finding = compare_clocks(host)
        thread.join()
    assert finding.state is state
    assert words in finding.detail
    assert ("timedatectl" in finding.fix) is (state is State.WARNING)


# ---- for people


def test_on_a_terminal_it_is_a_page_with_marks(plain_emulator: Emulator) -> None:
    with Terminal(plain_emulator, "doctor") as terminal:
        assert terminal.end() == 0
    assert "✔  login" in terminal.text
    assert "All is well." in terminal.text


def test_on_a_terminal_a_failure_is_marked_and_its_fix_stands_below(
    plain_emulator: Emulator,
) -> None:
    with Terminal(plain_emulator, "doctor", COMETCHAT_AUTH_KEY="wrong") as terminal:
        assert terminal.end() == 1
    assert "✘  login" in terminal.text
    assert "→ Copy the Auth Key" in terminal.text
    assert "1 of 10 steps failed." in terminal.text


def test_the_help_says_what_is_looked_at(plain_emulator: Emulator) -> None:
    result = CliRunner().invoke(
        cometpresence, ["doctor", "--help"], env=environment(plain_emulator)
    )
    assert "0  all is well" in result.output
