"""What the emulator shows of itself: the journal, the admin calls, the command."""

import json
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from python.emulator_client import Client

from cometpresence.emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(auth_key="MY-OWN-KEY") as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator) as client:
        yield client


# ---- journal


def test_everything_is_in_the_journal_in_order(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    emulator.set_online("superhero2", at=1_700_000_000)
    ws.until_pong()
    ws.close()
    emulator.wait_for(lambda entry: entry.get("event") == "socket_closed")
    journal = emulator.journal
    assert [entry["n"] for entry in journal] == list(range(len(journal)))
    what = [
        (entry["dir"], entry.get("event") or entry.get("type") or f"{entry['method']}")
        for entry in journal
    ]
    assert what == [
        ("in", "started"),
        ("in", "POST"),
        ("out", "POST"),
        ("in", "PUT"),
        ("out", "PUT"),
        ("in", "socket_opened"),
        ("in", "auth"),
        ("out", "auth"),
        ("in", "socket_authenticated"),
        ("in", "user_online"),
        ("out", "presence"),
        ("in", "ping"),
        ("out", "pong"),
        ("in", "user_online"),
        ("out", "presence"),
        ("in", "ping"),
        ("out", "pong"),
        ("in", "close"),
        ("out", "socket_closing"),
        ("in", "user_offline"),
        ("in", "socket_closed"),
    ]
    [frame] = [e["frame"] for e in journal if e.get("frame", {}).get("sender") == "superhero2"]
    assert frame["body"]["timestamp"] == 1_700_000_000


def test_no_secret_is_in_the_journal(emulator: Emulator, client: Client) -> None:
    me = client.call("PUT", "/me", json={}).data
    token, jwt = me["authToken"], me["jwt"]
    client.call("POST", "/me/jwt", json={})
    client.call("GET", f"/users?searchKey={token}")
    client.call("GET", f"/nowhere/{jwt}/{emulator.auth_key}")
    client.call("POST", "/v1/ping", headers={"Authorization": f"Bearer {jwt}"}, json={"x": [jwt]})
    client.call("POST", "/api/v1.0/online-members", headers={"Authorization": jwt})
    client.call("POST", "/users/superhero1/auth_tokens", headers={"apiKey": "a wrong guess"})
    client.call("PUT", "/me", data=f"not json {token}")
    client.admin("GET", "/users")
    ws = client.connect()
    ws.send({"type": "whatever", "body": {"deep": [{"note": f"my jwt is {client.jwt}"}]}})
    ws.send_text(f"not json {client.jwt}")
    ws.until_pong()
    client.dial(f"/?{jwt}")
    emulator.send_raw(json.dumps({"jwt": "handmade"}))
    text = json.dumps(emulator.journal)
    secrets = [token, jwt, client.jwt, client.headers["authToken"], emulator.auth_key]
    for secret in [*secrets, emulator.admin_token, "a wrong guess"]:
        assert secret not in text
    assert text.count("[redacted]") > 20


def test_wait_for_finds_what_was_and_what_comes(emulator: Emulator) -> None:
    started = emulator.wait_for(lambda entry: entry.get("event") == "started", timeout=0)
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        emulator.wait_for(lambda e: e.get("event") == "started", timeout=0.05, after=started["n"])
    threading.Timer(0.05, emulator.set_online, ["superhero2"]).start()
    found = emulator.wait_for(lambda e: e.get("event") == "user_online", after=started["n"])
    assert found["uid"] == "superhero2"


def test_reset_empties_the_journal_but_numbers_go_on(emulator: Emulator) -> None:
    emulator.set_online("superhero2")
    last = emulator.journal[-1]["n"]
    emulator.reset()
    assert all(entry["n"] > last for entry in emulator.journal)
    emulator.set_online("superhero2")
    entry = emulator.wait_for(lambda e: e.get("event") == "user_online", after=last)
    assert entry["n"] > last


# ---- admin calls


def test_a_status_can_be_set_over_http(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    status = "/users/superhero2/status"
    body = {"status": "online", "at": 1_700_000_000}
    assert client.admin("POST", status, json=body).data["status"] == "online"
    [frame] = ws.until_pong()
    assert (frame["sender"], frame["body"]["timestamp"]) == ("superhero2", 1_700_000_000)
    client.admin("POST", status, json={"status": "offline"})
    assert ws.moves() == [("superhero2", "offline")]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/users/nobody/status", {"status": "online"}, "ERR_UID_NOT_FOUND"),
        ("/users/superhero2/status", {"status": "away"}, "ERR_BAD_REQUEST"),
        ("/users/superhero2/status", {}, "ERR_BAD_REQUEST"),
        ("/users/superhero2/status", {"status": "online", "at": "now"}, "ERR_BAD_REQUEST"),
        ("/users", {"uid": "superhero2"}, "ERR_UID_ALREADY_EXISTS"),
        ("/faults/gremlins", {}, "ERR_BAD_REQUEST"),
        ("/faults/delay", {}, "ERR_BAD_REQUEST"),
        ("/faults/delay", {"seconds": 1, "colour": 2}, "ERR_BAD_REQUEST"),
        ("/faults/close_all", {"colour": 2}, "ERR_BAD_REQUEST"),
        ("/faults/send_raw", {}, "ERR_BAD_REQUEST"),
    ],
    ids=str,
)
def test_admin_calls_that_make_no_sense(
    client: Client, path: str, body: dict[str, Any], code: str
) -> None:
    assert client.admin("POST", path, json=body).code == code


def test_users_can_be_listed_and_added_over_http(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    added = client.admin("POST", "/users", json={"uid": "new", "role": "vip", "online": True})
    assert (added.data["uid"], added.data["role"]) == ("new", "vip")
    assert ws.moves() == [("new", "online")]
    users = {user["uid"]: user["status"] for user in client.admin("GET", "/users").data}
    assert (users["new"], users["superhero2"]) == ("online", "offline")


def test_the_journal_can_be_read_over_http(client: Client) -> None:
    assert client.admin("GET", "/journal").data[0]["event"] == "started"


def test_a_look_at_the_journal_is_not_written_into_it(client: Client) -> None:
    before, after = (len(client.admin("GET", "/journal").data) for _ in range(2))
    assert after - before == 2  # the request and that it was answered
    [*_, looked] = client.emulator.journal
    assert (looked["path"], looked["status"], looked["body"]) == ("/_emulator/journal", 200, None)


def test_faults_can_be_made_over_http(emulator: Emulator, client: Client) -> None:
    ws = client.connect()
    assert client.admin("POST", "/faults/lose_events").data == {"active": True}
    emulator.set_online("superhero2")
    assert client.admin("POST", "/faults/lose_events", json={"stop": True}).data == {
        "active": False
    }
    client.admin("POST", "/faults/duplicate_events", json={"times": 3, "count": 1})
    emulator.set_online("superhero3")
    client.admin("POST", "/faults/send_raw", json={"data": "hello"})
    assert [ws.next()["sender"] for _ in range(3)] == ["superhero3"] * 3
    assert ws.receive().data == "hello"
    client.admin("POST", "/faults/rate_limit", json={"retry_after": 1})
    assert [client.users().status for _ in range(2)] == [429, 200]
    assert client.admin("POST", "/faults/close_all", json={"code": 4000}).data == {"sockets": 1}
    assert ws.close_code() == 4000
    client.admin("POST", "/faults/expire_tokens")
    assert client.users().code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "wr\u00f6ng"}, 401),
        ({"Authorization": "{token}"}, 401),  # without Bearer
        ({"Authorization": "Bearer {token}", "Origin": "http://page.example"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "null"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "http://evil:1", "Host": "evil:1"}, 403),
        ({"Authorization": "Bearer {token}", "Origin": "{url}"}, 200),
        ({"Authorization": "Bearer {token}"}, 200),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/users", "/journal"])
def test_admin_calls_need_the_token_and_no_foreign_page(
    emulator: Emulator, client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    known = {"token": emulator.admin_token, "url": emulator.url}
    headers = {name: value.format(**known) for name, value in headers.items()}
    answer = client.call("GET", "/_emulator" + path, headers=headers)
    assert answer.status == status
    assert "Access-Control-Allow-Origin" not in answer.headers


# ---- the command

COMMAND = "from cometpresence.emulator.command import emulator; emulator()"
ROOT = Path(__file__).parents[2]


class Running:
    """`cometpresence emulator` in a process of its own; for Client, as good as an Emulator."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.said = json.loads(self.line)
        self.url, self.app_id = self.said["url"], self.said["app_id"]
        self.auth_key, self.ca_file = self.said["auth_key"], self.said["ca_file"]
        self.admin_token = self.said["admin_token"]

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_one_line_and_ends_with_0(number: signal.Signals) -> None:
    running = Running("--app-id", "my-app", "--auth-key", "my-key", "--region", "eu")
    facts = {"url", "app_id", "region", "auth_key", "rest_api_key"}
    assert set(running.said) == facts | {"admin_url", "admin_token", "control_link", "ca_file"}
    assert (running.app_id, running.auth_key) == ("my-app", "my-key")
    assert (running.said["region"], running.ca_file) == ("eu", None)
    with Client(running) as client:  # type: ignore[arg-type]
        ws = client.connect()
        client.admin("POST", "/users/superhero2/status", json={"status": "online"})
        assert ws.moves() == [("superhero2", "online")]
        assert running.end(number) == (0, "", "")
        assert ws.close_code() == 1001
    port = urlsplit(running.url).port or 0
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))  # the port is free


@pytest.mark.parametrize("ignored", [False, True], ids=["terminal closed", "nohup"])
def test_the_command_ends_with_its_terminal_unless_told_otherwise(ignored: bool) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        running = Running("--tls")  # which inherits it
    finally:
        signal.signal(signal.SIGHUP, before)
    if ignored:
        running.process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(0.5)
    assert running.end(signal.SIGTERM if ignored else signal.SIGHUP) == (0, "", "")
    assert running.ca_file
    assert not Path(running.ca_file).exists()


def test_the_command_takes_as_many_sockets_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))  # which it inherits
    try:
        running = Running()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    found = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
    assert running.end(signal.SIGINT) == (0, "", "")
    assert found == (hard, hard)


def test_the_command_over_tls_with_users_from_a_file(tmp_path: Path) -> None:
    users, ca = tmp_path / "users.json", tmp_path / "ca.pem"
    users.write_text('[{"uid": "alice", "name": "Alice"}]')
    running = Running("--tls", "--ca-out", str(ca), "--users", str(users), "--port", "0")
    assert running.ca_file == str(ca)
    with Client(running, "alice") as client:  # type: ignore[arg-type]
        assert client.users().uids == ["alice"]
    assert running.end(signal.SIGTERM)[0] == 0
    assert ca.exists()  # its place was chosen, so it is the chooser's


def test_the_command_warns_when_others_can_reach_it() -> None:
    running = Running("--host", "0.0.0.0")
    assert urlsplit(running.url).hostname == "127.0.0.1"
    code, _, err = running.end(signal.SIGINT)
    assert code == 0
    assert "other machines" in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--ca-out", "x"], "--tls"),
        (["--users", "/no/such/file"], "/no/such/file"),
        (["--users", __file__], "JSON"),
        (["--port", "70000"], "70000"),
    ],
    ids=str,
)
def test_the_command_says_what_is_wrong(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
