"""A recorder in trouble: a disk that refuses, a file that is gone, a process that stood still."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cometpresence import ConfigError, PresenceClient, Resync, SyncState
from cometpresence.emulator import Emulator
from cometpresence.history import PresenceHistory, PresenceRecorder

from .conftest import MakeClient
from .history_file import let_time_pass, sessions, wait_for_sessions, words
from .inbox import PATIENCE, Inbox

ACKNOWLEDGE = Path(__file__).with_name("acknowledge.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "presence.db"


# ---- a platform that does not tell everything


def test_while_events_cannot_be_relied_on_nothing_is_known(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    for i in range(1000):
        plain_emulator.add_user(f"user{i}", online=True)
    degraded = Inbox()
    client = make_client(plain_emulator, resync=Resync(audit_after=None))
    client.on_degraded(degraded)
    with PresenceRecorder(client, path) as recorder, client:
        let_time_pass(plain_emulator, client)
        recorder.flush()
        assert words(path, "erin") == ["online."]
        with plain_emulator.cap_presence():
            client.online_user_count()  # is more than the cap
            degraded.one()
            recorder.flush()
            plain_emulator.set_offline("erin")
            client.resync(timeout=PATIENCE)
            assert client.presence.state is SyncState.DEGRADED
            recorder.flush()
            with PresenceHistory(path) as history:
                assert history.span is not None
                until = history.span.end
            assert words(path, "erin") == ["online."]  # at the end of what is known
        assert not client.presence.is_online("erin")
        plain_emulator.set_online("bob")
        recorder.flush()
        with PresenceHistory(path) as history:
            assert history.span is not None
            assert history.span.end == until
            assert history.sessions("bob") == []


# ---- stood still


def test_a_process_that_stood_still_knows_nothing_of_that_time(
    plain_emulator: Emulator, make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cometpresence.history.recorder._SETTLE", 0.0)
    with (
        make_client(plain_emulator, ping_interval=0.2) as client,
        PresenceRecorder(client, path) as recorder,
    ):
        let_time_pass(plain_emulator, client)
        recorder.flush()
        with recorder._lock:  # as if nobody had looked for ten seconds, as far as the wall says
            plain_emulator.set_offline("erin")
            client.wait_for_offline("erin")
            real = time.time_ns
            monkeypatch.setattr(time, "time_ns", lambda: real() + 10_000_000_000)
            woke = time.time_ns() / 1e9
            recorder.flush()
        wait_for_sessions(path, "dave", lambda found: found[1:])
        assert words(path, "erin") == ["online", "unknown"]
        assert words(path, "alice") == ["online", "unknown", "online."]
        _, unknown, again = sessions(path, "alice")
        assert unknown.end == again.start
        assert unknown.start.timestamp() < woke - 9 < woke < again.start.timestamp()


def test_a_process_that_was_stopped_writes_nobody_online_meanwhile(
    plain_emulator: Emulator, path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, ACKNOWLEDGE, str(path), repr(plain_emulator.client_args("alice"))],
        text=True,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "recording\n"
            plain_emulator.set_online("bob")
            assert process.stdout.readline() == "bob online\n"
            process.send_signal(signal.SIGSTOP)
            stopped = time.time()
            plain_emulator.set_offline("bob")
            time.sleep(5.5)  # how long it stands still
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == "bob offline\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    with PresenceHistory(path) as history:
        assert history.span is not None
        knows_more = history.span.end.timestamp() > stopped + 0.5
        ends = [session.end for session in history.sessions("bob")]
    if knows_more:  # a frame of the server came before it was interrupted
        assert [end.timestamp() < stopped + 0.5 for end in ends[:1] if end] == [True]
        assert words(path, "bob") == ["online", "unknown"]
    else:  # its end is the end of the recording
        assert ends == [None]


# ---- what can go wrong


def test_a_disk_that_refuses_is_reported_once_and_leaves_a_gap(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    errors = Inbox()
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        client.on_error(errors)
        let_time_pass(plain_emulator, client)
        recorder.flush()
        with recorder._lock:
            recorder._tape._db.execute("PRAGMA query_only = ON")
        plain_emulator.set_online("bob")
        error, where = errors.one()
        assert isinstance(error, sqlite3.Error)
        assert where == "history"
        with pytest.raises(sqlite3.Error):
            recorder.flush()
        with recorder._lock:
            recorder._tape._db.execute("PRAGMA query_only = OFF")
        recorder.flush()
        assert words(path, "erin") == ["online", "unknown", "online."]
        assert words(path, "bob") == ["unknown", "online."]
    assert len(errors.letters) == 1


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_moved_away_is_missed_at_once_and_goes_on_when_it_is_back(
    plain_emulator: Emulator, make_client: MakeClient, path: Path, *, replaced: bool
) -> None:
    errors = Inbox()
    elsewhere = path.with_name("elsewhere.db")
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        client.on_error(errors)
        let_time_pass(plain_emulator, client)
        recorder.flush()
        path.rename(elsewhere)
        if replaced:
            path.write_bytes(b"")
        error, where = errors.one()
        assert (str(error), where) == (
            "presence.db was moved or deleted: nothing is recorded until it is back",
            "history",
        )
        with pytest.raises(sqlite3.OperationalError, match="moved or deleted"):
            recorder.flush()
        elsewhere.rename(path)
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        recorder.flush()
        assert words(path, "erin") == ["online", "unknown", "online."]
        assert words(path, "bob") == ["unknown", "online."]


def test_a_file_takes_one_recorder_at_a_time(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client:
        with (
            PresenceRecorder(client, path),
            pytest.raises(ConfigError, match="recorded already; use a file for each"),
        ):
            PresenceRecorder(client, path)
        PresenceRecorder(client, path).close()


def test_what_cannot_be_recorded_into_is_said_at_once(
    client_without_server: Callable[..., PresenceClient], tmp_path: Path, path: Path
) -> None:
    client = client_without_server()
    (tmp_path / "text").write_text("hello " * 1000)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    PresenceRecorder(client, path).close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO watches (began, until) VALUES (0, 9e15)")
    db.close()
    with sqlite3.connect(tmp_path / "later.db") as db:
        db.executescript(
            "PRAGMA application_id = 1129345608; PRAGMA user_version = 3; CREATE TABLE t(x)"
        )
    db.close()
    for name, said in (
        ("text", "cannot be read: file is not a database"),
        ("other.db", "is no presence history"),
        ("later.db", "has format 3"),
        ("presence.db", "in the future by this machine's clock"),
        ("no/such/folder.db", "No such file or directory"),
        ("", "directory"),
    ):
        with pytest.raises(ConfigError, match=said):
            PresenceRecorder(client, tmp_path / name)
    with pytest.raises(ConfigError, match=r"'\.' is a directory, not a file"):
        PresenceRecorder(client, "")  # a variable that was never set
    with pytest.raises(ConfigError, match="is no file"):
        PresenceHistory(tmp_path)
    other = PresenceClient("other", region="us")
    PresenceRecorder(client, tmp_path / "apps.db").close()
    with pytest.raises(ConfigError, match="the history of app 'app', not of 'other'"):
        PresenceRecorder(other, tmp_path / "apps.db")
    other.close()
    with pytest.raises(ConfigError, match="must be a PresenceClient, not str"):
        PresenceRecorder("client", path)  # type: ignore[arg-type]
    for retention in (0, -1, "90d", True, float("nan")):
        with pytest.raises(ConfigError, match="90 \\* 86400"):
            PresenceRecorder(client, tmp_path / "new.db", retention=retention)  # type: ignore[arg-type]
    assert not (tmp_path / "new.db").exists()
