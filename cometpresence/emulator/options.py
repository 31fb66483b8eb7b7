"""The options of every command that runs an emulator."""

from collections.abc import Callable
from functools import partial, wraps
from inspect import signature
from pathlib import Path
from typing import Any, Literal, get_args

import click

from .clock import ClockKind
from .emulator import Emulator
from .loopback import is_loopback
from .quota import RateLimits
from .webhooks import FORMS, Webhook

READ = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITTEN = click.Path(dir_okay=False, path_type=Path)

_OPTIONS = (
    click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: a free one."),
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--users",
        type=READ,
        multiple=True,
        help='JSON file: a list of users, or {"users": [...]}; again for more.',
    ),
    click.option(
        "--scenario",
        type=READ,
        help="TOML file: users, their hours, and faults at their times; see `emulator scenario`.",
    ),
    click.option("--tls", is_flag=True, help="https and wss, with a private authority."),
    click.option(
        "--ca-out",
        type=WRITTEN,
        help="Where to write the CA certificate (with --tls); a temporary file otherwise.",
    ),
    click.option("--app-id", help="That of the --data there is, or emulator."),
    click.option("--auth-key", help="A random one otherwise."),
    click.option(
        "--rest-api-key", help="What the management API asks for; a random one otherwise."
    ),
    click.option("--region", help="That of the --data there is, or us."),
    click.option(
        "--seed",
        type=int,
        help="Have dice fall, and keys, tokens and jwts come out, as in other runs with it.",
    ),
    click.option(
        "--clock",
        type=click.Choice(get_args(ClockKind)),
        default="real",
        help="manual: it stands still until it is moved, by POST <admin_url>/clock.",
    ),
    click.option(
        "--data",
        type=WRITTEN,
        help="SQLite file: users, roles, friends, tokens and keys are kept there, and taken up"
        " from there by the next run; --users are for a new file.  It survives kill -9; a failure of"
        " power may take the latest away.",
    ),
    click.option(
        "--record",
        type=WRITTEN,
        help="A new file for the session of frames, without secrets; `emulator replay` plays it.",
    ),
    click.option(
        "--journal",
        type=WRITTEN,
        help="Add everything received and sent to this file, as JSON lines without secrets.",
    ),
    click.option(
        "--chat-on-one-port",
        is_flag=True,
        help="Settings by which the official SDK's online count finds this port.",
    ),
    click.option(
        "--rate-limits",
        nargs=2,
        type=click.IntRange(1),
        metavar="CORE STANDARD",
        help="Requests a minute: logins and new users; all others.  No limits otherwise.",
    ),
    click.option("--webhook", metavar="URL", help="Post there when somebody connects or goes."),
    click.option("--webhook-form", type=click.Choice(list(FORMS)), default="current"),
    click.option("--webhook-user", help="With --webhook-password: Basic authentication."),
    click.option("--webhook-password", envvar="COMETPRESENCE_WEBHOOK_PASSWORD", show_envvar=True),
    click.option("--webhook-anywhere", is_flag=True, help="The URL may be on another machine."),
)


def emulator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command has them all, and is given `make`, which makes the emulator they ask for; it is
    not started yet."""

    wanted = signature(command).parameters.keys()

    @wraps(command)
    def with_emulator(**given: Any) -> Any:
        own = {name: given.pop(name) for name in given.keys() & wanted}
        return command(make=partial(_make, **given), **own)

    for option in reversed(_OPTIONS):
        option(with_emulator)
    return with_emulator


def _make(
    *,
    host: str,
    seed: int | None,
    users: tuple[Path, ...],
    scenario: Path | None,
    tls: bool,
    ca_out: Path | None,
    journal: Path | None,
    rate_limits: tuple[int, int] | None,
    webhook: str | None,
    webhook_form: Literal["current", "legacy"],
    webhook_user: str | None,
    webhook_password: str | None,
    webhook_anywhere: bool,
    **more: Any,
) -> Emulator:
    if ca_out is not None and not tls:
        raise click.UsageError("--ca-out needs --tls")
    if scenario is not None and users:
        raise click.UsageError("a scenario has users of its own: leave out --users")
    hooks = _webhooks(webhook, webhook_form, webhook_user, webhook_password, webhook_anywhere)
    if not is_loopback(host):
        click.echo(f"warning: {host} can be reached from other machines", err=True)
        if seed is not None:
            click.echo("warning: keys and tokens that come of a seed can be guessed", err=True)
    try:
        return Emulator(
            host=host,
            seed=seed,
            users=users,
            scenario=scenario,
            tls=tls,
            ca_out=ca_out,
            journal_file=journal,
            rate_limits=RateLimits(*rate_limits) if rate_limits else None,
            webhooks=hooks,
            **more,
        )
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _webhooks(
    url: str | None,
    form: Literal["current", "legacy"],
    user: str | None,
    password: str | None,
    anywhere: bool,
) -> list[Webhook]:
    if url is None:
        if user or anywhere:
            raise click.UsageError("--webhook-user and --webhook-anywhere need --webhook")
        return []
    try:
        return [
            Webhook(
                url=url, form=form, username=user or "", password=password or "", anywhere=anywhere
            )
        ]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
