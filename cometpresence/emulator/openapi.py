"""`cometpresence emulator openapi`: the HTTP side as an OpenAPI description, from the coverage table."""

import json
import re
from collections.abc import Iterator
from typing import Any

import click

from .coverage import Entry, Kind, entries

_JSON = {"application/json": {"schema": {"type": "object"}}}
_ANSWERS = {
    "200": {"description": "done", "content": _JSON},
    "default": {"description": "refused: error.code and error.message say why", "content": _JSON},
}
_CREDENTIALS = ("appId", "apiKey", "authToken", "onBehalfOf")


@click.command()
def openapi() -> None:
    """What is emulated of the HTTP side, as an OpenAPI 3.1 description in JSON."""
    click.echo(json.dumps(description(), indent=2))


def description() -> dict[str, Any]:
    """One path for each that the table has; of two endpoints on a path the options are united."""
    paths: dict[str, dict[str, Any]] = {}
    for entry in _endpoints():
        method, path = entry.name.removesuffix(" with apiKey").split()
        known = paths.setdefault(path, {}).setdefault(method.lower(), None)
        paths[path][method.lower()] = _operation(entry, path, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cometpresence emulator", "version": "3"},
        "paths": paths,
    }


def _endpoints() -> Iterator[Entry]:
    """But the WebSocket, and the count that hides in a query."""
    for entry in entries(Kind.ENDPOINT):
        if entry.is_supported and entry.name != "GET /" and "/?/" not in entry.name:
            yield entry


def _operation(entry: Entry, path: str, known: dict[str, Any] | None) -> dict[str, Any]:
    parameters = [
        *(_parameter("path", name, required=True) for name in re.findall(r"{(\w+)}", path)),
        *(_parameter("header", name) for name in _CREDENTIALS),
        *(_parameter("query", each.name, each.note) for each in _of(Kind.QUERY, entry)),
    ]
    if known is not None:
        named = {parameter["name"] for parameter in parameters}
        parameters += [each for each in known["parameters"] if each["name"] not in named]
    operation = {
        "summary": entry.note or entry.name,
        "description": str(entry.evidence),
        "parameters": parameters,
        "responses": _ANSWERS,
    }
    members = {each.name: {"description": each.note} for each in _of(Kind.MEMBER, entry)}
    if members or entry.name.startswith(("POST", "PUT")):
        schema = {"type": "object", "properties": members}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _of(kind: Kind, entry: Entry) -> Iterator[Entry]:
    return (each for each in entries(kind, entry.name) if each.is_supported)


def _parameter(where: str, name: str, note: str = "", *, required: bool = False) -> dict[str, Any]:
    return {
        "in": where,
        "name": name,
        "description": note,
        "required": required,
        "schema": {"type": "string"},
    }
