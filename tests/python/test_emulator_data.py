"""--data: what an emulator was told outlives it, however it ends, and costs little to keep."""

import http.client
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from python.conftest import CAST, MakeClient
from python.emulator_client import Client

from cometpresence.emulator import Emulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def on_disk(path: Path) -> Any:
    """What somebody would find there if the emulator were killed now."""
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    other = Emulator(data=copy)
    try:
        return without_presence(other.export_state(auth_tokens=True))
    finally:
        other.stop()


def without_presence(state: Any) -> Any:
    return state | {"users": [user | {"status": "offline"} for user in state["users"]]}


# ---- what outlives it


def test_all_but_presence_is_there_again(path: Path) -> None:
    with Emulator(data=path, users=CAST, app_id="shop", region="eu") as emulator:
        emulator.add_user("zoe", name="Zoë", friends=["alice"], tags=["x"], metadata={"a": [1]})
        emulator.set_offline("erin", at=1_700_000_123)
        emulator.set_online("bob")
        token = emulator.auth_token("zoe")
        state = emulator.export_state(auth_tokens=True)
    with Emulator(data=path, users=[{"uid": "ignored"}]) as again:
        assert again.export_state(auth_tokens=True) == without_presence(state)
        assert not again.online
        assert (again.app_id, again.region) == ("shop", "eu")
        assert (again.auth_key, again.rest_api_key) == (emulator.auth_key, emulator.rest_api_key)
        assert again.admin_token != emulator.admin_token
        with Client(again, "zoe", login=False) as zoe:
            assert zoe.call("GET", "/me", headers={"authToken": token}).data["uid"] == "zoe"
            assert zoe.call("GET", "/me", headers={"authToken": "zoe_" + 40 * "0"}).status == 401


def test_a_client_comes_back_by_itself(path: Path, make_client: MakeClient) -> None:
    """With the jwt it has: the official SDK asks for no other."""
    emulator = Emulator(data=path, users=CAST).start()
    client = make_client(emulator)
    client.login()
    emulator.wait_for_client()
    emulator.stop()
    port = int(emulator.url.rpartition(":")[2])
    with Emulator(data=path, port=port) as again:
        again.wait_for_client(timeout=20)
        asked = [entry["path"] for entry in again.journal if entry["kind"] == "rest"]
        assert "/me" not in asked


def test_a_manual_clock_goes_on(path: Path) -> None:
    with Emulator(data=path, clock="manual") as emulator:
        emulator.advance(100.5)
        emulator.play("superhero1 online at 0")
    with Emulator(data=path, clock="manual") as again:
        again.set_online("superhero2")
        entry = again.wait_for(lambda entry: entry.get("event") == "user_online")
        assert entry["t"] == 1_700_000_100.5


def test_given_keys_are_the_ones(path: Path) -> None:
    Emulator(data=path, auth_key="first").stop()
    Emulator(data=path, auth_key="second").stop()
    emulator = Emulator(data=path)
    assert emulator.auth_key == "second"
    emulator.stop()


def test_a_reset_is_one_for_good(path: Path) -> None:
    with Emulator(data=path, users=CAST) as emulator:
        emulator.add_user("zoe")
        emulator.reset()
    with Emulator(data=path) as again:
        assert again.uids == [user["uid"] for user in CAST]


def test_the_hours_of_a_scenario_are_kept_by_who_was_kept(path: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "shop.toml"
    scenario.write_text(
        """
start = 2026-01-05T09:00:00
users = [{ uid = "ann" }, { uid = "bo" }]
schedules = [{ users = ["ann", "bo"], hours = "08:00-17:00" }]
"""
    )
    Emulator(data=path, scenario=scenario, clock="manual").stop()
    with Emulator(data=path) as between, Client(between, "ann") as ann:
        key = {"apiKey": between.rest_api_key}
        assert ann.call("DELETE", "/users/bo", headers=key, json={}).status == 200
    emulator = Emulator(data=path, scenario=scenario, clock="manual")
    for _ in range(2):
        with emulator:
            assert emulator.online == {"ann"}
            assert emulator.uids == ["ann"]


CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/users", {"uid": "new", "name": "New", "role": "teacher", "withAuthToken": True}),
    ("PUT", "/users/new", {"name": "Newer", "metadata": {"a": 1}, "tags": ["t"]}),
    ("PUT", "/users/new", {"unset": ["metadata"]}),
    ("POST", "/users/alice/friends", {"accepted": ["new", "carol"]}),
    ("DELETE", "/users/new/friends", {"friends": ["alice"]}),
    ("POST", "/users/new/auth_tokens", {}),
    ("PUT", "/users/alice/auth_tokens/{token}", {"platform": "web"}),
    ("DELETE", "/users/new/auth_tokens", {}),
    ("DELETE", "/users", {"uidsToDeactivate": ["new", "bob"]}),
    ("PUT", "/users", {"uidsToActivate": ["bob"]}),
    ("POST", "/roles", {"role": "boss", "name": "Boss"}),
    ("PUT", "/roles/boss", {"description": "the boss", "metadata": {"a": 1}}),
    ("PUT", "/users/carol", {"role": "boss"}),
    ("DELETE", "/roles/boss", {}),
    ("DELETE", "/users/carol", {}),
    ("DELETE", "/users/alice/auth_tokens/{token}", {}),
]


def test_every_change_is_on_disk_when_it_is_answered(path: Path) -> None:
    with (
        Emulator(data=path, users=CAST, clock="manual") as emulator,
        Client(emulator, "alice") as alice,
    ):
        token, key = emulator.auth_token("alice"), {"apiKey": emulator.rest_api_key}
        before = on_disk(path)
        for method, address, body in CHANGES:
            emulator.advance(1)
            address = address.replace("{token}", token)
            assert alice.call(method, address, headers=key, json=body).status == 200
            found = on_disk(path)
            assert found == without_presence(emulator.export_state(auth_tokens=True))
            assert found != before, f"{method} {address} changed nothing"
            before = found


@pytest.mark.parametrize(
    "change",
    [
        lambda emulator, alice: alice.call("PUT", "/me", json={"name": "Al"}),
        lambda emulator, alice: alice.call("GET", "/me"),  # a jwt
        lambda emulator, alice: alice.call("DELETE", "/me"),
        lambda emulator, alice: alice.admin("POST", "/users", json={"uid": "new"}),
        lambda emulator, alice: alice.admin("POST", "/users/bob/status", json={"status": "online"}),
        lambda emulator, alice: alice.admin("PUT", "/users/bob", json={"friends": ["carol"]}),
        lambda emulator, alice: alice.admin("PUT", "/users/bob", json={"role": "brand-new"}),
        lambda emulator, alice: alice.admin("DELETE", "/users/bob"),
        lambda emulator, alice: emulator.add_user("new"),
        lambda emulator, alice: emulator.auth_token("bob"),
        lambda emulator, alice: emulator.move(["bob", "erin"]),
        lambda emulator, alice: emulator.expire_tokens(),
        lambda emulator, alice: emulator.import_state({"users": [{"uid": "other"}]}),
        lambda emulator, alice: emulator.reset(),
    ],
)
def test_so_is_what_clients_admins_and_python_do(
    path: Path, change: Callable[[Emulator, Client], object]
) -> None:
    with Emulator(data=path, users=CAST, clock="manual") as emulator:
        emulator.advance(1)
        with Client(emulator, "alice") as alice:
            before = on_disk(path)
            change(emulator, alice)
            found = on_disk(path)
        assert found == without_presence(emulator.export_state(auth_tokens=True))
        assert found != before


def test_when_somebody_was_last_active_is_kept_without_a_request(path: Path) -> None:
    with Emulator(data=path, users=CAST, clock="manual") as emulator:
        with Client(emulator, "alice") as alice:
            alice.connect()
            emulator.advance(60)
        emulator.wait_for(lambda entry: entry.get("event") == "user_offline")
        assert not emulator.online - {"erin"}  # a turn of the loop later
        users = {user["uid"]: user for user in on_disk(path)["users"]}
        assert users["alice"]["lastActiveAt"] == 1_700_000_060


# ---- kill -9


@pytest.fixture
def process(path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", dict[str, Any]]]]:
    """Starts an emulator in a process of its own, on the file."""
    with_data = [sys.executable, "-m", "cometpresence", "emulator", "--data", str(path)]
    running: list[subprocess.Popen[str]] = []

    def start() -> tuple["subprocess.Popen[str]", dict[str, Any]]:
        process = subprocess.Popen(with_data, text=True, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.communicate()


def post_users(about: dict[str, Any], prefix: str, enough: threading.Event) -> list[str]:
    """The uids of those that were answered, until the emulator is no more."""
    answered: list[str] = []
    host = about["url"].removeprefix("http://")
    key = {"apiKey": about["rest_api_key"]}
    with closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        while True:
            uid = f"{prefix}-{len(answered)}"
            try:
                connection.request("POST", "/users", json.dumps({"uid": uid, "name": uid}), key)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return answered
            assert answer.status == 200
            answered.append(uid)
            if len(answered) == 10:
                enough.set()


def test_nothing_that_was_answered_is_lost_by_kill_9(
    path: Path, process: Callable[[], tuple["subprocess.Popen[str]", dict[str, Any]]]
) -> None:
    answered: list[str] = []
    for life in range(3):
        running, about = process()
        enough = threading.Event()

        def kill(running: Any = running, enough: Any = enough, life: int = life) -> None:
            enough.wait(30)
            time.sleep(random.Random(life).random() / 100)  # anywhere within a request
            running.send_signal(signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        answered += post_users(about, f"life{life}", enough)
        killer.join()
        running.wait()
    emulator = Emulator(data=path)
    found = set(emulator.uids)
    emulator.stop()
    assert len(answered) >= 30
    assert not set(answered) - found
    assert len(found) <= 5 + len(answered) + 3  # the cast, and one a life that was not answered


# ---- whose file it is


def test_a_second_emulator_on_a_file_is_told_so(path: Path) -> None:
    with Emulator(data=path) as emulator:
        with pytest.raises(OSError, match=r"state\.db is in use"):
            Emulator(data=path)
        done = subprocess.run(
            [sys.executable, "-m", "cometpresence", "emulator", "--data", str(path)],
            text=True,
            capture_output=True,
        )
        assert done.returncode == 1
        assert "is in use" in done.stderr
        assert "Traceback" not in done.stderr
        emulator.add_user("still-kept")
    with Emulator(data=path) as again:
        assert "still-kept" in again.uids


def test_between_stop_and_start_the_file_is_everybodys(path: Path) -> None:
    emulator = Emulator(data=path)
    with emulator:
        pass
    with Emulator(data=path) as other:
        other.add_user("of-the-other")
    with pytest.raises(OSError, match=r"not ours while the emulator is stopped"):
        emulator.add_user("too-late")
    with emulator:
        assert "of-the-other" in emulator.uids
        assert "too-late" not in emulator.uids


def test_another_apps_state_is_left_alone(path: Path) -> None:
    Emulator(data=path, app_id="one").stop()
    with pytest.raises(ValueError, match="is the state of the app one, not of two"):
        Emulator(data=path, app_id="two")
    Emulator(data=path, app_id="one").stop()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE things (a)")


def of_the_future(path: Path) -> None:
    Emulator(data=path).stop()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def damaged(path: Path) -> None:
    emulator = Emulator(data=path, users=[{"uid": f"u{n}"} for n in range(200)])
    emulator.stop()
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"x" * 4096)


def senseless(path: Path) -> None:
    Emulator(data=path).stop()
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            """UPDATE state SET document = '{"uid": 7, "tags": 7}' WHERE key LIKE '%hero3'"""
        )
        db.commit()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: path.write_text("dear diary\n" * 500), "is not a database"),
        (foreign, "is something else than an emulator's state"),
        (of_the_future, "has format 99, and this cometpresence knows 1"),
        (damaged, "is damaged"),
        (senseless, r"is damaged: users\[2\]: tags must be a list of text"),
    ],
    ids=["text", "foreign", "future", "damaged", "senseless"],
)
def test_what_is_no_state_is_said_so_and_left_as_it_is(
    path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(OSError, match=complaint):
        Emulator(data=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("where", [".", "missing/state.db"])
def test_where_no_file_can_be_is_said_so(tmp_path: Path, where: str) -> None:
    with pytest.raises(OSError, match=r"cannot be (made|read and written)"):
        Emulator(data=tmp_path / where)


def test_tokens_are_for_the_owners_eyes(path: Path) -> None:
    with Emulator(data=path):
        assert [oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()] == ["0o600"] * 2


# ---- when it cannot be written


def script(path: Path, text: str) -> str:
    """What a Python process of its own prints, in which `path` is the file."""
    done = subprocess.run(
        [sys.executable, "-c", text, str(path)], text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


FULL_DISK = """
import logging, resource, sys
from cometpresence.emulator import Emulator
sys.path.insert(0, "tests")
from python.emulator_client import Client

path = sys.argv[1]
with Emulator(data=path) as emulator, Client(emulator, "superhero1") as client:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        for n in range(100):
            emulator.add_user(f"u{n}", metadata={"long": "x" * 10_000})
    except OSError as error:
        print("cannot be written" in str(error))
    key = {"apiKey": emulator.rest_api_key}
    refused = client.call("POST", "/users", headers=key, json={"uid": "late", "name": "Late"})
    print(refused.status, refused.code)
    print(client.users().status)                 # who only asks does not suffer
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    emulator.add_user("after")
    uids = emulator.uids
with Emulator(data=path) as again:
    print(again.uids == uids, "late" in uids)
"""


def test_on_a_full_disk_whoever_changes_something_is_told(path: Path) -> None:
    assert script(path, FULL_DISK).split() == ["True", "507", "ERR_NOT_KEPT", "200", "True", "True"]


READ_ONLY = """
import os, tempfile
from cometpresence.emulator import Emulator

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "state.db")
    Emulator(data=path).stop()
    os.chmod(path, 0o444)
    os.chmod(folder, 0o777)
    user = os.geteuid()
    if user == 0:  # to whom a mode means nothing
        os.seteuid(65534)
    try:
        Emulator(data=path)
    except OSError as error:
        print(error)
    os.seteuid(user)
"""


def test_a_file_that_may_only_be_read_is_refused(path: Path) -> None:
    assert "cannot be written: attempt to write a readonly database" in script(path, READ_ONLY)


# ---- what it costs


def test_a_change_is_written_alone(path: Path) -> None:
    with Emulator(data=path, users=[{"uid": f"u{n}"} for n in range(10_000)]) as emulator:
        wal = Path(f"{path}-wal")
        emulator.add_user("warm")
        before = wal.stat().st_size
        for n in range(10):
            emulator.set_online(f"u{n}")
        grown = wal.stat().st_size - before
        assert grown < 10 * 50_000, "some pages for each change, not those of everybody"
    assert path.stat().st_size > 1_000_000
