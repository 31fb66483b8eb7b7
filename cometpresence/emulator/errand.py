"""`cometpresence emulator exec`: a command, and an emulator for as long as it runs."""

import os
import signal
from collections.abc import Callable, Collection

import click

from .emulator import Emulator
from .options import emulator_options

_FORWARDED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # which is not for the command to inherit

# As shells have it.
_NOT_EXECUTABLE = 126
_NOT_FOUND = 127
_SIGNALED = 128


@click.command("exec", context_settings={"allow_interspersed_args": False})
@emulator_options
@click.option("--uid", help="Who COMETCHAT_UID is; the first user otherwise.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(make: Callable[[], Emulator], uid: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND with a local CometChat that is there for as long as it takes.

        cometpresence emulator exec --users team.json -- pytest tests/

    COMMAND finds it through COMETPRESENCE_EMULATOR, COMETPRESENCE_CA_FILE (with --tls),
    COMETCHAT_APP_ID, COMETCHAT_REGION, COMETCHAT_UID and COMETCHAT_AUTH_KEY, is sent the SIGINT,
    SIGTERM and SIGHUP sent here, and its exit code is this one's: 128 and the signal's number if
    one ended it, 127 if there is no such command.
    """
    emulator = make()
    wake = _FORWARDED | {signal.SIGCHLD}
    # Waited for, not handled, hence blocked; before the emulator's thread is there to inherit it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, wake)
    try:
        with emulator:
            code = _run(command, _environment(emulator, _chosen(emulator.uids, uid)), mask)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    click.get_current_context().exit(code)


def _chosen(uids: list[str], uid: str | None) -> str:
    if uid is not None and uid.lower() not in uids:
        raise ValueError(f"there is no user called {uid}, only {', '.join(uids[:10])}")
    if not uids:
        raise ValueError("there are no users to be COMETCHAT_UID: add one to the file")
    return uids[0] if uid is None else uid.lower()


def _environment(emulator: Emulator, uid: str) -> dict[str, str]:
    """Ours, but for what would lead the command elsewhere."""
    found = {
        "COMETPRESENCE_EMULATOR": emulator.url,
        "COMETPRESENCE_CA_FILE": emulator.ca_file or "",
        "COMETCHAT_APP_ID": emulator.app_id,
        "COMETCHAT_REGION": emulator.region,
        "COMETCHAT_UID": uid,
        "COMETCHAT_AUTH_KEY": emulator.auth_key,
        "COMETCHAT_AUTH_TOKEN": "",
    }
    clean = {name: value for name, value in os.environ.items() if name not in found}
    return clean | {name: value for name, value in found.items() if value}


def _run(command: tuple[str, ...], environment: dict[str, str], mask: Collection[int]) -> int:
    """Its exit code, as a shell would tell it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who started us may have it ignored
    try:
        pid = os.posix_spawnp(
            command[0], command, environment, setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON
        )
    except OSError as error:
        click.echo(f"{command[0]}: {error.strerror}", err=True)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    while True:
        came = signal.sigwaitinfo(_FORWARDED | {signal.SIGCHLD})
        if came.si_signo != signal.SIGCHLD:
            # Those of the terminal, which the kernel sends, the command has had already.
            if came.si_code <= 0:
                os.kill(pid, came.si_signo)
            continue
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALED - code
