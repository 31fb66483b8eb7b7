"""Where the command line finds out who to log in as, and that it tells nobody."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from cometpresence.cli.credentials import Account, Settings, client_options, settings_options

VARIABLES = (
    *("COMETCHAT_APP_ID", "COMETCHAT_REGION", "COMETCHAT_UID"),
    *("COMETCHAT_AUTH_KEY", "COMETCHAT_AUTH_TOKEN"),
    *("COMETPRESENCE_EMULATOR", "COMETPRESENCE_CA_FILE"),
)
ENVIRONMENT = {
    "COMETCHAT_APP_ID": "app-of-env",
    "COMETCHAT_REGION": "eu",
    "COMETCHAT_UID": "uid-of-env",
    "COMETCHAT_AUTH_KEY": "key-of-env",
}
FILE = """
app_id = "app-of-file"
region = "in"
uid = "uid-of-file"
auth_key = "key-of-file"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is looked for; it is not there yet, and no variable is set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "cometpresence.toml"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def ask(*arguments: str, **environment: str) -> tuple[Result, Any]:
    """What a command with these options was given."""
    given: list[Account] = []

    @click.command()
    @client_options
    def command(account: Account) -> None:
        given.append(account)

    result = CliRunner().invoke(command, arguments, env=environment)
    return result, given[0] if given else None


def test_what_is_not_an_option_is_a_variable_and_else_stands_in_the_file(config: Path) -> None:
    write(config, FILE)
    environment = {"COMETCHAT_APP_ID": "app-of-env", "COMETCHAT_REGION": "eu"}
    result, account = ask("--app-id", "app-of-option", **environment)
    assert result.output == ""
    assert account == Account("app-of-option", "eu", "uid-of-file", "key-of-file")


def test_a_variable_that_is_empty_counts_as_not_set(config: Path) -> None:
    write(config, FILE)
    assert ask(COMETCHAT_APP_ID="")[1].app_id == "app-of-file"


def test_an_option_that_is_empty_is_an_error(config: Path) -> None:
    result, _ = ask("--as", "", **ENVIRONMENT)
    assert result.exit_code == 2
    assert "--as" in result.output
    assert "empty" in result.output


def test_another_file_can_be_named(config: Path, tmp_path: Path) -> None:
    write(config, FILE)
    write(tmp_path / "other.toml", FILE.replace("of-file", "of-other"))
    _, account = ask("--config", str(tmp_path / "other.toml"))
    assert account.app_id == "app-of-other"


def test_a_key_hides_a_token_that_stands_further_down(config: Path) -> None:
    """Or a token forgotten in the file would win over the key on the command line."""
    write(config, FILE + 'auth_token = "token-of-file"\n')
    _, account = ask("--auth-key", "key-of-option")
    assert (account.auth_key, account.auth_token) == ("key-of-option", None)
    _, account = ask(COMETCHAT_AUTH_TOKEN="token-of-env")
    assert (account.auth_key, account.auth_token) == (None, "token-of-env")


def test_an_emulator_needs_no_region_and_a_token_no_user(config: Path) -> None:
    url = "http://127.0.0.1:7000"
    _, account = ask("--app-id", "a", "--auth-token", "t", "--emulator", url)
    assert account == Account("a", auth_token="t", emulator=url)
    account.client().close()


def test_an_emulator_elsewhere_is_refused_wherever_it_is_named(config: Path) -> None:
    url = "http://example.invalid"
    write(config, FILE + f'emulator = "{url}"\n')
    for result, _ in (
        ask("--emulator", url, **ENVIRONMENT),
        ask(COMETPRESENCE_EMULATOR=url, **ENVIRONMENT),
        ask(),
    ):
        assert result.exit_code == 2
        assert "on this machine" in result.output


def test_what_is_missing_is_named_in_one_line_with_option_and_variable(config: Path) -> None:
    result, _ = ask(COMETCHAT_APP_ID="app")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    for name in ("--region or COMETCHAT_REGION", "--as or COMETCHAT_UID", str(config)):
        assert name in result.output
    assert "APP_ID" not in result.output


# ---- the file


def test_a_file_that_others_can_read_is_warned_about(config: Path) -> None:
    write(config, FILE, 0o640)
    result, account = ask()
    assert account is not None
    assert result.stderr.startswith("warning: ")
    assert f"chmod 600 {config}" in result.stderr


def test_a_file_without_secrets_may_be_read_by_anybody(config: Path) -> None:
    write(config, 'app_id = "app"\nregion = "us"\n', 0o644)
    result, _ = ask("--as", "me", "--auth-key", "key")
    assert (result.exit_code, result.output) == (0, "")


def test_its_ca_file_is_looked_for_beside_it(config: Path) -> None:
    write(config, FILE + 'ca_file = "ca.pem"\n')
    assert ask()[1].ca_file == str(config.parent / "ca.pem")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("auth_key = secret", "not TOML, at line 1"),
        ('auth_key = "secret', "not TOML, at end of document"),
        ('authkey = "secret"', "authkey"),
        ("auth_key = 17", "auth_key must be text"),
        ("[auth_key]\nkey = 'secret'", "auth_key must be text"),
    ],
)
def test_a_wrong_file_is_told_in_a_line_that_quotes_no_secret(
    config: Path, text: str, said: str
) -> None:
    write(config, text)
    result, _ = ask()
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert said in result.output
    assert str(config) in result.output
    assert "secret" not in result.output.replace("the secrets in", "")


def test_a_file_that_is_not_text_is_told_in_a_line(config: Path) -> None:
    config.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in ask()[0].output


# ---- secrets


def test_no_secret_is_shown_by_help_or_repr(config: Path) -> None:
    write(config, FILE)
    result, _ = ask("--help", **ENVIRONMENT)
    assert result.exit_code == 0
    assert "COMETCHAT_AUTH_KEY" in result.output
    assert "Better in the file or the environment" in " ".join(result.output.split())
    assert "key-of" not in result.output
    assert "key-of" not in repr(ask(**ENVIRONMENT)[1])


def test_settings_say_where_things_were_found_and_not_what(config: Path) -> None:
    given: list[Settings] = []

    @click.command()
    @settings_options
    def command(settings: Settings) -> None:
        given.append(settings)

    write(config, FILE)
    environment = {"COMETCHAT_AUTH_KEY": "key-of-env"}
    assert CliRunner().invoke(command, ["--region", "us"], env=environment).exit_code == 0
    assert given[0].sources == {
        "app_id": str(config),
        "region": "--region",
        "uid": str(config),
        "auth_key": "COMETCHAT_AUTH_KEY",
    }
    assert given[0].file == config
    assert "key-of" not in repr(given[0])
