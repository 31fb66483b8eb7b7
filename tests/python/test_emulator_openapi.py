"""The OpenAPI description, and what schemathesis makes of it: no request is answered 5xx.

FUZZ_EXAMPLES=500 looks longer.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from cometpresence.emulator import Emulator
from cometpresence.emulator.coverage import Kind, supported
from cometpresence.emulator.openapi import description

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))  # of each operation
OPERATIONS = [
    (method, path) for path, methods in description()["paths"].items() for method in methods
]


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


def test_the_command_prints_it() -> None:
    command = [Path(sys.executable).with_name("cometpresence"), "emulator", "openapi"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == description()


@pytest.mark.parametrize("with_key", [True, False], ids=["key", "token"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_nothing_is_answered_5xx(
    emulator: Emulator, method: str, path: str, with_key: bool
) -> None:
    """With good credentials, so that what is behind them is reached; 501 says it is unknown."""
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
        headers = {"appId": emulator.app_id}
        if with_key:
            headers["apiKey"] = emulator.rest_api_key
        else:
            headers["authToken"] = emulator.auth_token("superhero1")
        answer = case.call(base_url=emulator.url, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 501, answer.text
        json.loads(answer.text)

    emulator.reset()
    look()
