"""`cometpresence emulator export` and `import`: the state in a --data file as JSON, and back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from .emulator import Emulator
from .options import READ, WRITTEN


@click.command("export")
@click.argument("file", type=READ)
@click.option(
    "--auth-tokens", is_flag=True, help="With them, by which whoever has them can log in."
)
def export_file(file: Path, auth_tokens: bool) -> None:
    """Print the users and roles in FILE, which --data made, as JSON.

        cometpresence emulator export shop.db > shop.json

    For `emulator import`, for --users, and for Emulator.from_file().  A running emulator has its
    file for itself: ask that one, by GET <admin_url>/state.
    """
    with _opened(file) as emulator:
        document = emulator.export_state(auth_tokens=auth_tokens)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@click.command("import")
@click.argument("file", type=WRITTEN)
@click.argument("source", type=click.File(encoding="utf-8"), default="-")
@click.option("--replace", is_flag=True, help="FILE may be there; its users and roles go.")
def import_file(file: Path, source: TextIO, replace: bool) -> None:
    """Make FILE, for --data, of the JSON that `emulator export` printed.

        cometpresence emulator import shop.db < shop.json

    Who is online in it is not, once an emulator runs.  If anything in it is wrong, its place is
    named and FILE is left as it is.
    """
    if file.exists() and not replace:
        raise click.UsageError(f"{file} is there already: --replace, if you mean it")
    try:
        document = json.load(source)
        Emulator().import_state(document)  # before there is a file
    except (ValueError, RecursionError) as error:  # which what is no JSON is, too
        raise click.ClickException(str(error)) from None
    names = {} if file.exists() else {name: document.get(name) for name in ("app_id", "region")}
    with _opened(file, **names) as emulator:
        emulator.import_state(document)


@contextmanager
def _opened(file: Path, **kw: Any) -> Iterator[Emulator]:
    """An emulator on the file, not started; what is wrong is said without a traceback."""
    try:
        emulator = Emulator(data=file, **kw)
        try:
            yield emulator
        finally:
            emulator.stop()
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
