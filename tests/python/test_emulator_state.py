"""The state as one document: out, in, and out again; and what is wrong with it, by its place."""

import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from python.conftest import CAST
from python.emulator_client import Client

from cometpresence.cli.commands import cometpresence
from cometpresence.emulator import Emulator
from cometpresence.emulator.gate import MAX_STATE


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that has something of everything."""
    with Emulator(users=CAST, app_id="shop", region="eu") as emulator:
        with Client(emulator, "alice") as alice:
            key = {"apiKey": emulator.rest_api_key}
            role = {"role": "boss", "name": "Boss", "settings": {"listUsers": "all"}}
            assert alice.call("POST", "/roles", headers=key, json=role).status == 200
            token = alice.headers["authToken"]
            path = f"/users/alice/auth_tokens/{token}"
            device = {"platform": "web", "appInfo": {"a": 1}}
            assert alice.call("PUT", path, headers=key, json=device).status == 200
            gone = {"uidsToDeactivate": ["dave"]}
            assert alice.call("DELETE", "/users", headers=key, json=gone).status == 200
        emulator.auth_token("bob")
        yield emulator


def test_what_was_exported_and_imported_is_exported_again(emulator: Emulator) -> None:
    state = emulator.export_state(auth_tokens=True)
    assert len(state["auth_tokens"]) == 2
    assert {role["role"] for role in state["roles"]} >= {"boss", "default", "teacher"}
    with Emulator(app_id="shop", region="eu") as other:
        other.import_state(json.loads(json.dumps(state)))
        assert other.export_state(auth_tokens=True) == state
        with Client(other, "alice", login=False) as alice:
            alice.headers["authToken"] = state["auth_tokens"][0]["authToken"]
            assert alice.call("GET", "/me").data["uid"] == "alice"


def test_tokens_are_told_to_those_who_ask_for_them(emulator: Emulator) -> None:
    text = json.dumps(emulator.export_state())
    assert "auth_tokens" not in text
    secret = emulator.export_state(auth_tokens=True)["auth_tokens"][0]["authToken"]
    assert secret not in text
    assert emulator.auth_key not in json.dumps(emulator.export_state(auth_tokens=True))


def test_an_admin_does_the_same_over_http(emulator: Emulator) -> None:
    state = emulator.export_state(auth_tokens=True)
    with Client(emulator, "alice") as alice:
        assert alice.admin("GET", "/state").data == emulator.export_state()
        emulator.import_state({"users": []})
        assert alice.admin("PUT", "/state", json=state).data == {"users": len(CAST)}
        found = alice.admin("GET", "/state?auth_tokens=true").data
        assert found == state
        refused = alice.admin("PUT", "/state", json={"users": [{"uid": "a"}, {"uid": "?"}]})
        assert (refused.status, refused.code) == (400, "ERR_BAD_REQUEST")
        assert "users[1]" in refused.body["error"]["message"]
    told = json.dumps(emulator.journal)
    assert not any(token["authToken"] in told for token in state["auth_tokens"])


def test_sockets_are_closed_and_tokens_end(emulator: Emulator) -> None:
    with Client(emulator, "alice") as alice:
        socket = alice.connect()
        emulator.import_state(emulator.export_state())
        assert socket.close_code() == 1001
        assert alice.call("GET", "/me").status == 401
    assert emulator.client_count == 0


def body(document: object) -> io.BytesIO:
    """A file, because aiohttp complains of large bodies in memory."""
    return io.BytesIO(json.dumps(document).encode())


def test_what_an_emulator_says_of_itself_it_can_be_told_again_however_long(
    emulator: Emulator,
) -> None:
    """As it came, and without growing the journal by as much."""
    for n in range(10):
        emulator.add_user(f"u{n}", metadata={"long": n * 100_000 * "x"})
    with Client(emulator, "alice") as alice:
        answer = alice.admin("GET", "/state?auth_tokens=true").body
        emulator.import_state({"users": []})
        assert alice.admin("PUT", "/state", data=body(answer)).data == {"users": len(CAST) + 10}
        assert alice.admin("GET", "/state?auth_tokens=true").body == answer
        assert all(len(json.dumps(entry)) < 100_000 for entry in emulator.journal)
        too_long = alice.admin("PUT", "/state", data=body(MAX_STATE * " "))
        assert (too_long.status, too_long.code) == (413, "ERR_BAD_REQUEST")


def test_what_was_to_happen_was_about_others() -> None:
    emulator = Emulator(clock="manual")
    emulator.play("superhero1 online at 5")
    emulator.import_state({"users": [{"uid": "superhero1"}]})
    emulator.advance(10)
    assert not emulator.online


def test_a_file_can_be_started_from(emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    emulator.export(path, auth_tokens=True)
    twin = Emulator.from_file(path)
    assert twin.export_state(auth_tokens=True) == emulator.export_state(auth_tokens=True)


def change(*where: Any, to: Any) -> Callable[[Any], Any]:
    """The document with one thing in it changed."""

    def changed(state: Any) -> Any:
        state = copy.deepcopy(state)
        *way, last = where
        spot = state
        for step in way:
            spot = spot[step]
        spot[last] = to
        return state

    return changed


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda state: [], "a state is an object"),
        (change("format", to="else"), "format must be"),
        (change("version", to=2), "version must be 1"),
        (change("app_id", to=5), "app_id must be text"),
        (change("more", to=1), "more is no member of a state"),
        (change("users", to={}), "users must be a list"),
        (change("users", 1, to="bob"), r"users[1] must be an object"),
        (change("users", 1, "uid", to="no uid"), r"users[1]: a uid is"),
        (change("users", 1, "uid", to="alice"), r"users[1]: the uid alice exists already"),
        (change("users", 2, "tags", to=[7]), r"users[2]: tags must be a list of text"),
        (change("users", 2, "metadata", to=[]), r"users[2]: metadata must be an object"),
        (change("users", 2, "lastActiveAt", to="x"), r"users[2]: lastActiveAt must be a whole"),
        (change("users", 2, "shoe", to=44), r"users[2]: user carol has unknown fields: shoe"),
        (change("roles", 0, "role", to=None), r"roles[0].role is required"),
        (change("roles", 1, "name", to=7), r"roles[1].name must be text"),
        (change("roles", 1, "settings", to={"a": 1}), r"roles[1].settings has listUsers"),
        (change("roles", 1, "createdAt", to=-1), r"roles[1].createdAt must be a whole number"),
        (change("roles", 1, "role", to="teacher"), r"roles[1].role is there twice"),
        (change("auth_tokens", 0, "uid", to="nobody"), r"auth_tokens[0].uid is nobody's"),
        (change("auth_tokens", 0, "uid", to="bob"), r"auth_tokens[0].authToken is none that"),
        (change("auth_tokens", 0, "authToken", to="alice_1"), r"auth_tokens[0].authToken is none"),
        (change("auth_tokens", 0, "jwts", to=["x"]), r"auth_tokens[0].jwts has one that no"),
        (change("auth_tokens", 0, "platform", to=1), r"auth_tokens[0].platform must be text"),
        (
            lambda state: state | {"auth_tokens": state["auth_tokens"][:1] * 2},
            r"auth_tokens[1] has a token or jwt that is there twice",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_changed(
    emulator: Emulator, make: Callable[[Any], Any], complaint: str
) -> None:
    state = emulator.export_state(auth_tokens=True)
    state["roles"].sort(key=lambda role: str(role["role"] != "teacher"))
    state["auth_tokens"].sort(key=lambda token: str(token["uid"]))
    before = emulator.export_state(auth_tokens=True)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the complaint is no pattern
        emulator.import_state(make(state))
    assert complaint in str(caught.value)
    assert emulator.export_state(auth_tokens=True) == before


# ---- from the command line


def command(*arguments: object, source: str = "") -> Result:
    return CliRunner().invoke(cometpresence, ["emulator", *map(str, arguments)], input=source)


def test_a_data_file_becomes_json_and_json_a_data_file(emulator: Emulator, tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    state = json.dumps(emulator.export_state(auth_tokens=True))
    made = command("import", first, source=state)
    assert (made.exit_code, made.output) == (0, "")
    out = command("export", first, "--auth-tokens")
    again = command("import", second, source=out.stdout)
    assert again.exit_code == 0, again.output
    assert command("export", second, "--auth-tokens").stdout == out.stdout
    shop = json.loads(out.stdout)
    assert (shop["app_id"], shop["region"]) == ("shop", "eu")
    assert "auth_tokens" not in command("export", first).stdout
    kept = Emulator(data=second)
    assert kept.uids == emulator.uids
    kept.stop()


def test_an_import_replaces_nothing_unless_told_to(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    emulator = Emulator(data=file, app_id="shop")
    key = emulator.auth_key
    emulator.stop()
    before = file.read_bytes()
    users = '{"users": [{"uid": "ann"}]}'
    refused = command("import", file, source=users)
    assert (refused.exit_code, "is there already" in refused.stderr) == (2, True)
    for wrong, complaint in (
        ("{", "Expecting"),
        ('{"users": [{"uid": "?"}]}', "users[0]: a uid is"),
        ("[]", "a state is an object"),
    ):
        refused = command("import", "--replace", file, source=wrong)
        assert (refused.exit_code, complaint in refused.stderr) == (1, True), refused.stderr
        assert command("import", tmp_path / "new.db", source=wrong).exit_code == 1
    assert file.read_bytes() == before
    assert not (tmp_path / "new.db").exists()
    assert command("import", "--replace", file, source=users).exit_code == 0
    emulator = Emulator(data=file)
    assert (emulator.uids, emulator.app_id, emulator.auth_key) == (["ann"], "shop", key)
    emulator.stop()


def test_a_file_in_use_is_not_exported(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with Emulator(data=file):
        refused = command("export", file)
    assert (refused.exit_code, "is in use" in refused.stderr) == (1, True)
