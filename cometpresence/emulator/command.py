"""`cometpresence emulator`: the emulator in the foreground, for clients in other processes."""

import json
import signal
import threading
from pathlib import Path
from typing import Literal

import click

from .coverage_page import coverage
from .emulator import Emulator
from .loopback import is_loopback
from .openapi import openapi
from .quota import RateLimits
from .webhooks import FORMS, Webhook


@click.group(invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--users",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON file: a list of users, or {"users": [...]}.',
)
@click.option("--tls", is_flag=True, help="https and wss, with a private certificate authority.")
@click.option(
    "--ca-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the CA certificate (with --tls); a temporary file otherwise.",
)
@click.option("--app-id", default="emulator", show_default=True)
@click.option("--auth-key", help="A random one otherwise.")
@click.option("--rest-api-key", help="What the management API asks for; a random one otherwise.")
@click.option("--region", default="us", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="For faults that roll dice.")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add everything received and sent to this file, as JSON lines without secrets.",
)
@click.option(
    "--chat-on-one-port",
    is_flag=True,
    help="Settings by which the official SDK's online count finds this port.",
)
@click.option(
    "--rate-limits",
    nargs=2,
    type=click.IntRange(1),
    metavar="CORE STANDARD",
    help="Requests a minute: logins and new users; all others.  No limits otherwise.",
)
@click.option("--webhook", metavar="URL", help="Post there when somebody connects or goes.")
@click.option("--webhook-form", type=click.Choice(list(FORMS)), default="current")
@click.option("--webhook-user", help="With --webhook-password: Basic authentication.")
@click.option("--webhook-password", envvar="COMETPRESENCE_WEBHOOK_PASSWORD", show_envvar=True)
@click.option("--webhook-anywhere", is_flag=True, help="The URL may be on another machine.")
@click.pass_context
def emulator(
    context: click.Context,
    port: int,
    host: str,
    users: Path | None,
    tls: bool,
    ca_out: Path | None,
    app_id: str,
    auth_key: str | None,
    rest_api_key: str | None,
    region: str,
    seed: int,
    journal: Path | None,
    chat_on_one_port: bool,
    rate_limits: tuple[int, int] | None,
    webhook: str | None,
    webhook_form: Literal["current", "legacy"],
    webhook_user: str | None,
    webhook_password: str | None,
    webhook_anywhere: bool,
) -> None:
    """Run a local CometChat until SIGINT or SIGTERM.

    Prints one line of JSON when it accepts connections: url, app_id, region, auth_key,
    rest_api_key, admin_url, admin_token, control_link (open it in a browser) and ca_file.
    """
    if context.invoked_subcommand is not None:
        return
    if ca_out is not None and not tls:
        raise click.UsageError("--ca-out needs --tls")
    hooks = _webhooks(webhook, webhook_form, webhook_user, webhook_password, webhook_anywhere)
    stopped = _stop_signal()
    if not is_loopback(host):
        click.echo(f"warning: {host} can be reached from other machines", err=True)
    try:
        running = Emulator(
            host=host,
            port=port,
            tls=tls,
            seed=seed,
            journal_file=journal,
            users=users or (),
            app_id=app_id,
            region=region,
            auth_key=auth_key,
            rest_api_key=rest_api_key,
            ca_out=ca_out,
            chat_on_one_port=chat_on_one_port,
            rate_limits=RateLimits(*rate_limits) if rate_limits else None,
            webhooks=hooks,
        ).start()
    except Exception as error:
        raise click.ClickException(str(error)) from error
    try:
        click.echo(json.dumps(_announcement(running)))
        while not stopped.wait(0.1):
            """A signal that comes just before the sleep interrupts none, so there are many."""
    finally:
        running.stop()


emulator.add_command(coverage)
emulator.add_command(openapi)


def _stop_signal() -> threading.Event:
    """Before anything is announced: whoever reads the line may signal at once."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


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


def _announcement(running: Emulator) -> dict[str, str | None]:
    return {
        "url": running.url,
        "app_id": running.app_id,
        "region": running.region,
        "auth_key": running.auth_key,
        "admin_url": running.admin_url,
        "rest_api_key": running.rest_api_key,
        "admin_token": running.admin_token,
        "control_link": running.control_link(),
        "ca_file": running.ca_file,
    }
