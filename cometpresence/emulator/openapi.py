"""The HTTP side as an OpenAPI description, from the coverage table and that of the admin calls.

`cometpresence emulator openapi` prints it, and ``/_emulator/openapi.json`` is it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import click

from .admin_access import PREFIX
from .admin_calls import CALLS, AdminCall
from .coverage import Entry, Kind, entries

_TEXT: Mapping[str, Any] = {"type": "string"}
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
    for call in CALLS:
        path = PREFIX + call.path
        paths.setdefault(path, {})[call.method.lower()] = _admin_operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cometpresence emulator", "version": "3"},
        "paths": paths,
        "components": {"securitySchemes": {"adminToken": {"type": "http", "scheme": "bearer"}}},
    }


def _endpoints() -> Iterator[Entry]:
    """But the WebSocket, and the count that hides in a query."""
    for entry in entries(Kind.ENDPOINT):
        if entry.is_supported and entry.name != "GET /" and "/?/" not in entry.name:
            yield entry


def _admin_operation(call: AdminCall) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", call.path)
    schemas = {**dict.fromkeys(in_path, _TEXT), **call.parameters}
    parameters = [
        _parameter(
            "path" if name in in_path else "query", name, required=name in in_path, schema=schema
        )
        for name, schema in schemas.items()
    ]
    operation: dict[str, Any] = {
        "summary": call.about,
        "parameters": parameters,
        "responses": _ANSWERS,
        "security": [] if call.for_anybody else [{"adminToken": []}],
    }
    if call.method in ("POST", "PUT"):
        operation["requestBody"] = _body(call.members, call.needed)
    return operation


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
        operation["requestBody"] = _body(members)
    return operation


def _body(members: Mapping[str, Any], needed: Collection[str] = ()) -> dict[str, Any]:
    schema = {"type": "object", "properties": members, "required": list(needed)}
    return {"content": {"application/json": {"schema": schema}}}


def _of(kind: Kind, entry: Entry) -> Iterator[Entry]:
    return (each for each in entries(kind, entry.name) if each.is_supported)


def _parameter(
    where: str,
    name: str,
    note: str = "",
    *,
    required: bool = False,
    schema: Mapping[str, Any] = _TEXT,
) -> dict[str, Any]:
    return {
        "in": where,
        "name": name,
        "description": note,
        "required": required,
        "schema": dict(schema),
    }
