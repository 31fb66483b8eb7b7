"""Who to log in as, and where: from options, the environment or a file, in this order.

A command that needs a client says so, and is given an Account:

    @click.command()
    @client_options
    def hello(account: Account) -> None:
        with account.client() as client:
            ...
"""

import functools
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from .. import CometChatException, PresenceClient
from .._arguments import check_loopback_url

__all__ = ["Account", "CredentialsError", "Settings", "client_options", "settings_options"]


@dataclass(frozen=True, slots=True)
class _Setting:
    """One thing to know: its key in the file, its option and its variable."""

    key: str
    flag: str
    variable: str
    help: str
    metavar: str = "TEXT"
    is_secret: bool = False

    @property
    def parameter(self) -> str:
        """The name click gives it: of its own, so that commands are free to filter by uid."""
        return f"client_{self.key}"


_SECRET_HELP = "Better in the file or the environment: others see a command line."
_SETTINGS = (
    _Setting("app_id", "--app-id", "COMETCHAT_APP_ID", "The app, as in CometChat's dashboard."),
    _Setting("region", "--region", "COMETCHAT_REGION", "Where the app lives: us, eu or in."),
    _Setting("uid", "--as", "COMETCHAT_UID", "The user to log in as.", "UID"),
    _Setting("auth_key", "--auth-key", "COMETCHAT_AUTH_KEY", _SECRET_HELP, "KEY", True),
    _Setting(
        *("auth_token", "--auth-token", "COMETCHAT_AUTH_TOKEN"),
        *(f"Instead of user and key. {_SECRET_HELP}", "TOKEN", True),
    ),
    _Setting(
        *("emulator", "--emulator", "COMETPRESENCE_EMULATOR"),
        *("An emulator on this machine instead of CometChat.", "URL"),
    ),
    _Setting(
        *("ca_file", "--ca-file", "COMETPRESENCE_CA_FILE"),
        *("Certificates to trust instead of the system's.", "FILE"),
    ),
)
_SECRETS = [setting.key for setting in _SETTINGS if setting.is_secret]
_OTHERS_CAN_READ = stat.S_IRGRP | stat.S_IROTH


class CredentialsError(click.ClickException):
    """Something to log in with is missing or wrong: one line, and exit code 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Account:
    """All that a client needs; the secrets are in no repr."""

    app_id: str
    region: str | None = None
    uid: str | None = None
    auth_key: str | None = field(default=None, repr=False)
    auth_token: str | None = field(default=None, repr=False)
    emulator: str | None = None
    ca_file: str | None = None

    def client(self, **options: Any) -> PresenceClient:
        """A client that logs in so; `options` are further arguments of PresenceClient, and win."""
        return PresenceClient(**(self.arguments() | options))

    def arguments(self) -> dict[str, Any]:
        """The same as keyword arguments of a client, whichever kind."""
        given = {
            "app_id": self.app_id,
            "region": self.region,
            "uid": self.uid,
            "auth_key": self.auth_key,
            "auth_token": self.auth_token,
            "endpoint": self.emulator,
            "ca_file": self.ca_file,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Settings:
    """What was found, and where, complete or not."""

    values: Mapping[str, str] = field(repr=False)
    sources: Mapping[str, str]
    """For each key, where its value comes from: "--app-id", "COMETCHAT_APP_ID" or a file."""
    file: Path | None
    """The file that was read, if there is one."""
    warning: str | None
    """What is wrong with the file, though it was read."""

    def account(self) -> Account:
        """The account; CredentialsError says in one line what is missing or wrong."""
        values = dict(self.values)
        if missing := [setting for setting in _SETTINGS if setting.key in self._missing()]:
            raise CredentialsError(_say_missing(missing))
        if (url := values.get("emulator")) is not None:
            try:
                check_loopback_url(url, self.sources["emulator"])
            except CometChatException as error:
                raise CredentialsError(str(error)) from None
        return Account(**values)

    def _missing(self) -> set[str]:
        missing = {"app_id"} - self.values.keys()
        if "emulator" not in self.values:
            missing |= {"region"} - self.values.keys()
        if "auth_token" not in self.values:
            missing |= {"uid", "auth_key"} - self.values.keys()
        return missing


def client_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say who to log in as; the command gets what they come to as ``account``.

    Ends with one line and exit code 2 when something is missing.
    """

    @functools.wraps(command)
    def with_account(*args: Any, settings: Settings, **kw: Any) -> Any:
        if settings.warning is not None:
            click.echo(f"warning: {settings.warning}", err=True)
        return command(*args, account=settings.account(), **kw)

    return settings_options(with_account)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same options; the command gets what was found as ``settings``, complete or not."""

    @functools.wraps(command)
    def with_settings(*args: Any, config: Path | None, **kw: Any) -> Any:
        given = {setting: kw.pop(setting.parameter) for setting in _SETTINGS}
        return command(*args, settings=_collect(given, config), **kw)

    for option in reversed([*map(_option, _SETTINGS), _config_option()]):
        with_settings = option(with_settings)
    return with_settings


# ---- the command line


def _option(setting: _Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        setting.flag,
        setting.parameter,
        envvar=setting.variable,
        show_envvar=True,
        metavar=setting.metavar,
        callback=_refuse_empty,
        help=setting.help,
    )


def _config_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=f"TOML file with {', '.join(setting.key for setting in _SETTINGS)}; "
        f"unless given, {_shown(default_file())} if it is there.",
    )


def _refuse_empty(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An empty option is a script's variable that was not set, and no wish for what comes next."""
    if value == "":
        raise click.BadParameter("it is empty.", ctx, parameter)
    return value


def default_file() -> Path:
    """Where the file is unless --config says so, by the XDG base directory specification."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = base if os.path.isabs(base) else os.path.expanduser("~/.config")
    return Path(folder, "cometpresence.toml")


def _shown(path: Path) -> str:
    home = os.path.expanduser("~")
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


# ---- what they come to


def _collect(given: Mapping[_Setting, str | None], config: Path | None) -> Settings:
    """Option before variable before file; a key or a token hides both of those below it."""
    path = config or default_file()
    written, warning = _read(path) if config or path.is_file() else (None, None)
    context = click.get_current_context()
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    ranks: dict[str, int] = {}
    for setting, value in given.items():
        is_option = context.get_parameter_source(setting.parameter) is ParameterSource.COMMANDLINE
        source, rank = (setting.flag, 0) if is_option else (setting.variable, 1)
        if value is None and written is not None:
            value, source, rank = written.get(setting.key), str(path), 2
        if value is not None:
            values[setting.key], sources[setting.key] = value, source
            ranks[setting.key] = rank
    best = min((ranks[key] for key in _SECRETS if key in ranks), default=0)
    for key in _SECRETS:
        if ranks.get(key, best) > best:
            del values[key], sources[key]
    return Settings(values, sources, path if written is not None else None, warning)


def _read(path: Path) -> tuple[dict[str, str], str | None]:
    """What the file says, and a warning when others may read its secrets."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            written = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is {_place_of(error)}"
        raise CredentialsError(f"{path} cannot be read: {reason}.") from None
    known = [setting.key for setting in _SETTINGS]
    if unknown := written.keys() - known:
        raise CredentialsError(
            f"{path} says {', '.join(sorted(unknown))}; it may say {', '.join(known)}."
        )
    for key, value in written.items():
        if not isinstance(value, str) or not value:
            raise CredentialsError(f'{path}: {key} must be text in quotes, {key} = "…".')
    if "ca_file" in written:  # as seen from the file, not from wherever the command was called
        written["ca_file"] = str(path.parent / Path(written["ca_file"]).expanduser())
    warning = None
    if mode & _OTHERS_CAN_READ and any(key in written for key in _SECRETS):
        warning = f"others can read the secrets in {path}; to keep them out: chmod 600 {path}"
    return written, warning


def _place_of(error: ValueError) -> str:
    """What is wrong and where.  Not more: what stands there may be a secret."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    _, found, place = str(error).rpartition("(at ")
    return f"not TOML, at {place.rstrip(')')}" if found else "not TOML"


def _say_missing(missing: list[_Setting]) -> str:
    names = "; ".join(f"{setting.flag} or {setting.variable}" for setting in missing)
    keys = ", ".join(setting.key for setting in missing)
    return f"missing: {names}; or write {keys} into {_shown(default_file())}."
