"""``doctor``: each thing that can be wrong is found, told apart, and its fix named."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner
from python.command_line import Terminal, environment, invoke, steps_of

from cometpresence import __version__
from cometpresence._core import LIBRARIES
from cometpresence.cli.commands import cometpresence
from cometpresence.cli.credentials import Settings
from cometpresence.cli.doctor_account import Login
from cometpresence.emulator import Emulator

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
authority = trustme.CA()


def states(steps: dict[str, Any]) -> dict[str, str]:
    return {name: step["state"] for name, step in steps.items()}


def test_when_all_is_well_every_step_says_what_it_found_and_how_long_it_took(
    emulator: Emulator,
) -> None:
    code, steps = steps_of(emulator)
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
    detail = steps_of(plain_emulator)[1]["versions"]["detail"]
    for version in (
        __version__,
        "OpenSSL " + LIBRARIES["OpenSSL"].split()[1],
        LIBRARIES["libwebsockets"].rstrip("-"),
    ):
        assert version in detail


def test_the_certificate_is_told_with_its_subject_and_end(tls_emulator: Emulator) -> None:
    detail = steps_of(tls_emulator)[1]["TLS"]["detail"]
    assert "TLSv1.3, localhost by trustme" in detail
    assert "until" in detail


def test_secrets_are_named_with_their_source_and_not_shown(plain_emulator: Emulator) -> None:
    result = invoke(plain_emulator, "doctor")
    assert "auth_key (COMETCHAT_AUTH_KEY)" in result.output
    assert str(plain_emulator.auth_key) not in result.output


# ---- what can be wrong


def test_a_file_that_others_can_read_is_a_warning(plain_emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "cometpresence.toml"
    file.write_text(f'auth_key = "{plain_emulator.auth_key}"\n')
    file.chmod(0o644)
    code, steps = steps_of(plain_emulator, "--config", str(file), COMETCHAT_AUTH_KEY="")
    assert code == 0
    assert steps["settings"]["state"] == "warning"
    assert "chmod 600" in steps["settings"]["fix"]
    assert f"auth_key ({file})" in steps["settings"]["detail"]


def test_a_wrong_key_fails_the_login_and_what_needs_it_is_not_tried(
    plain_emulator: Emulator,
) -> None:
    code, steps = steps_of(plain_emulator, COMETCHAT_AUTH_KEY="wrong")
    assert code == 1
    assert "AUTH_ERR_APIKEY_NOT_FOUND" in steps["login"]["detail"]
    assert "Auth Key" in steps["login"]["fix"]
    assert states(steps)["websocket"] == states(steps)["count"] == "skipped"


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
