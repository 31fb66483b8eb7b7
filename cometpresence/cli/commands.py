"""The group of all commands."""

import sqlite3
from typing import Any

import click

from .. import CometChatException, __version__
from .demo import demo
from .doctor import doctor
from .extras import import_extra
from .failures import CTRL_C, failure_of
from .users import users
from .wait import wait
from .watch import watch
from .who import who

# Found by name when used, for their parts are an extra of their own: where they are, and what the
# list of commands says about them.
_LATER = {
    "emulator": ("cometpresence.emulator.command", "Run a local CometChat until Ctrl-C."),
    "record": ("cometpresence.cli.record", "Write who comes and goes into FILE, until Ctrl-C."),
    "report": ("cometpresence.cli.report", "Who was online when, from a recording."),
}


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Ends every command alike: a failure in one line, Ctrl-C without a word."""
        try:
            return super().invoke(ctx)
        except CometChatException as error:
            raise failure_of(error) from error
        except sqlite3.Error as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(CTRL_C)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LATER})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        command = import_extra(_LATER[cmd_name][0], cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            own = self.commands.get(name)
            rows.append((name, own.get_short_help_str(60) if own else _LATER[name][1]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cometpresence() -> None:
    """CometChat user presence: who is online, and who comes and goes (unofficial)."""


cometpresence.add_command(demo)
cometpresence.add_command(doctor)
cometpresence.add_command(users)
cometpresence.add_command(wait)
cometpresence.add_command(watch)
cometpresence.add_command(who)
