"""The coverage table says what the code does, and the code notes what the table does not know."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from python.emulator_client import Client

import cometpresence.emulator
from cometpresence import PresenceClient
from cometpresence.emulator import Emulator
from cometpresence.emulator.body_rules import OF_ENDPOINT
from cometpresence.emulator.connection import Scope
from cometpresence.emulator.coverage import Evidence, Kind, entries, supported
from cometpresence.emulator.coverage_page import as_markdown
from cometpresence.emulator.coverage_table import PAGED
from cometpresence.emulator.notices import endpoint_name
from cometpresence.emulator.paging import managed_page
from cometpresence.emulator.presence import ConnectionChange
from cometpresence.emulator.user_query import UserQuery
from cometpresence.emulator.users import User
from cometpresence.emulator.webhooks import FORMS

CODE = Path(cometpresence.emulator.__file__).parent
COMMAND = [str(Path(sys.executable).with_name("cometpresence")), "emulator", "coverage"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


def noted(emulator: Emulator) -> list[tuple[str, str, str]]:
    """What was noted as not emulated: what, its name, whose."""
    found = (entry for entry in emulator.journal if entry.get("event") == "not_emulated")
    return [(entry["what"], entry["name"], entry["of"]) for entry in found]


# ---- the table and the code


def test_nothing_is_in_the_table_twice() -> None:
    keys = [(entry.kind, entry.name, entry.of) for entry in entries()]
    assert len(keys) == len(set(keys))


def test_the_endpoints_are_the_routes() -> None:
    router = Emulator()._server.application().router
    routes = {
        endpoint_name(route.method, route.resource.canonical)
        for route in router.routes()
        if isinstance(route.resource, web.Resource)
        and not route.resource.canonical.startswith("/_emulator")
    }
    # The root is the WebSocket, and the online count on one port; the rest is answered 501.
    assert {"* /", "* /{path}"} <= routes
    routes -= {"* /", "* /{path}"}
    routes |= {"GET /", "POST /?/api/v1.0/online-members"}
    routes |= {f"{path} with apiKey" for path in ("GET /users", "GET /users/{uid}")}
    assert routes == supported(Kind.ENDPOINT)


def constants_passed(method: str, owner: str) -> set[str]:
    """The texts that the emulator's code gives to `….<owner>.<method>("…")`."""
    return {
        node.args[0].value
        for path in CODE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and re.search(rf"\b{owner}\.{method}$", ast.unparse(node.func))
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_header_it_reads_is_in_the_table() -> None:
    of_http = {"Host", "Origin", "Upgrade"}
    read = constants_passed("get", "headers")
    assert {"appId", "apiKey", "authToken", "Authorization"} <= read
    assert read - of_http <= supported(Kind.HEADER, "request")


class Asked(dict[str, str]):
    """A query that remembers what it was asked for."""

    names: set[str]

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


@pytest.mark.parametrize(
    ("parse", "endpoint"),
    [
        (lambda query: UserQuery.parse(query, strict=True), "GET /users"),
        (lambda query: UserQuery.parse_managed(query, strict=True), "GET /users with apiKey"),
        *((partial(managed_page, path, [], strict=True), path) for path in PAGED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_query_options_are_those_it_reads(
    parse: Callable[[Asked], object], endpoint: str
) -> None:
    query = Asked()
    query.names = set()
    parse(query)
    assert query.names == supported(Kind.QUERY, endpoint)


def test_the_members_of_bodies_are_those_with_a_rule() -> None:
    table: dict[str, set[str]] = {}
    for entry in entries(Kind.MEMBER):
        if entry.is_supported and entry.evidence is not Evidence.VERIFIED:  # the SDK's: not read
            table.setdefault(entry.of, set()).add(entry.name)
    assert table == {path: set(rules) for path, rules in OF_ENDPOINT.items()}


@pytest.mark.parametrize("path", ["/settings", "/me"])
def test_the_settings_are_those_it_sends(client: Client, path: str) -> None:
    data = client.call("GET", path).data
    assert set(data.get("settings", data)) == supported(Kind.SETTING)


def test_the_frames_are_those_it_answers_and_sends(emulator: Emulator, client: Client) -> None:
    socket = client.connect()
    emulator.set_online("superhero2")
    known = {entry.name for entry in entries(Kind.FRAME, "from the client")}
    for kind in known - {"ping"}:
        socket.send({"type": kind})
    socket.until_pong()  # pings: what was sent before has been read when the answer comes
    ignored = {name for what, name, _ in noted(emulator) if what == "frame"}
    assert known - ignored == supported(Kind.FRAME, "from the client")
    sent = {
        entry["type"]
        for entry in emulator.journal
        if (entry["dir"], entry["kind"]) == ("out", "ws")
    }
    assert sent == supported(Kind.FRAME, "from the server")


def test_the_subscriptions_are_those_of_a_connection() -> None:
    assert {*Scope.__args__, "(absent)"} == supported(Kind.SUBSCRIPTION)


def test_the_webhooks_are_those_it_posts() -> None:
    user = User(uid="bob")
    change = ConnectionChange(user, connected=True, presence_changed=True, at=1, details={})
    triggers = {make(change)["trigger"] for make in FORMS.values()}
    assert triggers == supported(Kind.WEBHOOK)


def test_the_cors_answer_is_the_tables(client: Client) -> None:
    names = client.call("OPTIONS", "/v3.0/me", headers={"Origin": "http://x.example"}).headers
    cors = {name for name in names if name.startswith("Access-Control-")}
    assert cors <= supported(Kind.HEADER, "answer")
    allowed = set(names["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {entry.name for entry in entries(Kind.HEADER, "request")}


def test_every_choice_of_ours_is_in_the_table() -> None:
    rows = [entry.of for entry in entries(Kind.BEHAVIOUR)]
    for path in CODE.glob("*.py"):
        if path.stem in ("__init__", "coverage", "coverage_table"):
            continue
        marks = len(re.findall(r"our choice", path.read_text(), re.IGNORECASE))
        assert rows.count(path.stem) >= marks, f"{path.name} has {marks} choices"
    assert all((CODE / f"{module}.py").exists() for module in rows)


# ---- what it does not know


@pytest.mark.parametrize(
    ("call", "notice"),
    [
        (("GET", "/me?mood=good"), ("query option", "mood", "GET /me")),
        (("GET", "/v3.0/users/superhero2?x=1"), ("query option", "x", "GET /users/{uid}")),
        (("GET", "/users?minAge=18"), ("query option", "minAge", "GET /users")),
    ],
)
def test_unknown_query_options_are_noted(
    emulator: Emulator, client: Client, call: tuple[str, str], notice: tuple[str, str, str]
) -> None:
    client.call(*call)
    assert noted(emulator) == [notice]


def test_unknown_headers_are_noted_once_and_their_values_never(
    emulator: Emulator, client: Client
) -> None:
    for _ in range(3):
        client.call("GET", "/me", headers={"X-Mood": "a-secret-mood", "chatApiVersion": "v3"})
    assert {name for _, name, _ in noted(emulator)} == {"X-Mood", "chatApiVersion"}
    assert len(noted(emulator)) == 2
    notices = [entry for entry in emulator.journal if entry.get("event") == "not_emulated"]
    assert "a-secret-mood" not in json.dumps(notices)
    emulator.reset()
    client.call("GET", "/settings", headers={"X-Mood": "again"})
    assert ("header", "X-Mood", "request") in noted(emulator)


@pytest.mark.parametrize(
    "frame",
    [{"type": "typing_indicator"}, {"type": "dance"}, {"action": "dance"}, {"type": [1]}, {}],
    ids=str,
)
def test_unknown_frames_are_noted_and_change_nothing(
    emulator: Emulator, client: Client, frame: dict[str, Any]
) -> None:
    socket = client.connect()
    socket.send(frame)
    assert socket.moves() == []
    [(what, name, of)] = noted(emulator)
    assert (what, of) == ("frame", "from the client")
    assert name == str(frame.get("type") or frame.get("action"))


def test_an_unknown_subscription_is_noted_and_is_none(emulator: Emulator, client: Client) -> None:
    socket = client.connect("EVERYTHING")
    emulator.set_online("superhero2")
    assert socket.moves() == []
    assert noted(emulator) == [("subscription", "EVERYTHING", "auth frame")]


def test_a_client_that_invents_names_does_not_fill_the_journal(
    emulator: Emulator, client: Client
) -> None:
    for first in range(0, 1200, 60):
        client.call("GET", "/me", headers={f"X-{n}-" + "x" * 200: "1" for n in range(60)})
        client.call("GET", "/me?" + "&".join(f"q{first + n}=1" for n in range(60)))
    assert len(noted(emulator)) == 1000
    assert max(len(name) for _, name, _ in noted(emulator)) == 100


def test_our_own_client_needs_nothing_that_is_not_emulated(emulator: Emulator) -> None:
    with PresenceClient(**emulator.client_args("superhero1")) as client:
        client.get_user("superhero2")
        assert len(list(client.users())) == 5
        client.online_user_count()
        client.logout()
    assert noted(emulator) == []


# ---- the command


def test_the_command_prints_every_entry_as_json_lines_when_nobody_looks() -> None:
    done = subprocess.run(COMMAND, text=True, capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines == [entry.facts() for entry in entries()]
    assert {line["evidence"] for line in lines} == {str(evidence) for evidence in Evidence}


def test_the_command_prints_markdown_with_a_row_for_every_entry() -> None:
    done = subprocess.run([*COMMAND, "--markdown"], text=True, capture_output=True, check=True)
    assert done.stdout == as_markdown() + "\n"
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    assert len(rows) == len(list(entries()))
    assert all(re.fullmatch(r"\| `[^`]+` \|[^|]+\|[^|]+\|[^|]*\|", row) for row in rows)
