"""The OpenAPI description, and what schemathesis makes of it: no request is answered 5xx.

FUZZ_EXAMPLES=500 looks longer.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from cometpresence.emulator import Emulator
from cometpresence.emulator.control_page import FOLDER
from cometpresence.emulator.coverage import Kind, supported
from cometpresence.emulator.openapi import description

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))  # of each operation
ALL = [(method, path) for path, methods in description()["paths"].items() for method in methods]
ADMIN = [(method, path) for method, path in ALL if path.startswith("/_emulator")]
OPERATIONS = [operation for operation in ALL if operation not in ADMIN]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def test_every_endpoint_with_its_options_is_described() -> None:
    endpoints = {f"{method.upper()} {path}" for method, path in OPERATIONS}
    named = {name.removesuffix(" with apiKey") for name in supported(Kind.ENDPOINT)}
    assert endpoints == named - {"GET /", "POST /?/api/v1.0/online-members"}
    listed = description()["paths"]["/users"]["get"]["parameters"]
    options = {each["name"] for each in listed if each["in"] == "query"}
    of_both = supported(Kind.QUERY, "GET /users") | supported(Kind.QUERY, "GET /users with apiKey")
    assert options == of_both


def test_every_admin_call_is_described() -> None:
    router = Emulator()._server.application().router
    calls = {
        (route.method.lower(), route.resource.canonical)
        for route in router.routes()
        if route.resource is not None and route.method != "*"
    }
    of_the_page = {f"/_emulator/{path.name}" for path in FOLDER.iterdir()}
    of_the_page |= {"/_emulator", "/_emulator/"}
    assert set(ADMIN) == {
        (method, path)
        for method, path in calls
        if path.startswith("/_emulator") and path not in of_the_page
    }


def test_the_command_prints_it_and_the_emulator_serves_it(emulator: Emulator) -> None:
    command = [Path(sys.executable).with_name("cometpresence"), "emulator", "openapi"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == description()
    with urlopen(f"{emulator.admin_url}/openapi.json") as answer:
        assert json.load(answer) == description()


def look_at(method: str, path: str, ask: Callable[[Any], Any]) -> None:
    """Any answer but 5xx is fine; 501 says that the request is not known."""
    schema = schemathesis.openapi.from_dict(description())

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=schema[path][method].as_strategy())
    def look(case: Any) -> None:
        answer = ask(case)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        if answer.content:  # a redirection has none
            json.loads(answer.text)

    look()


@pytest.mark.parametrize("with_key", [True, False], ids=["key", "token"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_nothing_is_answered_5xx(
    emulator: Emulator, method: str, path: str, with_key: bool
) -> None:
    """With good credentials, so that what is behind them is reached."""

    def ask(case: Any) -> Any:
        headers = {"appId": emulator.app_id}
        if with_key:
            headers["apiKey"] = emulator.rest_api_key
        else:
            headers["authToken"] = emulator.auth_token("superhero1")
        return case.call(base_url=emulator.url, headers=headers)

    emulator.reset()
    look_at(method, path, ask)


@pytest.mark.parametrize(
    ("method", "path"),
    [operation for operation in ADMIN if operation[1] != "/_emulator/events"],  # which never ends
    ids=str,
)
def test_no_admin_call_is_answered_5xx(emulator: Emulator, method: str, path: str) -> None:
    def ask(case: Any) -> Any:
        if "uid" in case.path_parameters:
            emulator.reset()
            case.path_parameters["uid"] = "superhero1"
        return case.call(
            base_url=emulator.admin_url.removesuffix("/_emulator"),
            headers={"Authorization": f"Bearer {emulator.admin_token}"},
            allow_redirects=False,
        )

    emulator.reset()
    look_at(method, path, ask)
