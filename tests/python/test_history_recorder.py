"""What a recorder makes of a client's life, and what it owes whoever asked it to write."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cometpresence import PresenceClient, PresenceScope, Reconnect, SyncState
from cometpresence.emulator import Emulator
from cometpresence.history import PresenceHistory, PresenceRecorder, Span

from .conftest import MakeClient
from .history_file import let_time_pass, sessions, wait_for_sessions, words
from .inbox import Inbox

ACKNOWLEDGE = Path(__file__).with_name("acknowledge.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "presence.db"


# ---- what is written


def test_one_that_comes_late_knows_who_is_here_and_what_happens_then(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob")
        recorder.flush()
        assert words(path, "erin") == ["online."]
        assert words(path, "bob") == ["online"]
        assert words(path, "carol") == []


def test_one_that_is_there_before_the_client_logs_in_begins_when_it_is_synchronised(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    client = make_client(plain_emulator)
    with PresenceRecorder(client, path) as recorder:
        recorder.flush()
        with PresenceHistory(path) as history:
            assert history.span is None
            assert history.sessions() == history.concurrency() == history.gaps() == []
        with client:
            recorder.flush()
            assert words(path, "erin") == ["online."]


def test_what_happens_while_the_server_is_away_is_unknown_and_not_guessed(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    fast = Reconnect(base=0.1, cap=0.1)
    with (
        make_client(plain_emulator, reconnect=fast) as client,
        PresenceRecorder(client, path) as recorder,
    ):
        let_time_pass(plain_emulator, client)
        lost = Inbox()
        client.on_disconnected(lost)
        with plain_emulator.refuse_connections():
            plain_emulator.close_all(1012)
            lost.wait_for(1)
            assert client.presence.state is SyncState.STALE
            recorder.flush()
            plain_emulator.set_offline("erin")
            plain_emulator.set_online("bob")
        client.wait_synced(timeout=10)
        client.wait_for_online("bob", timeout=10)
        recorder.flush()
        plain_emulator.set_online("carol")
        client.wait_for_online("carol")
        recorder.flush()
        assert words(path, "erin") == ["online", "unknown"]
        assert words(path, "bob") == ["unknown", "online."]
        with PresenceHistory(path) as history:
            (gap,) = history.gaps()
            assert [count.online for count in history.concurrency()] == [2, None, 3]
        assert sessions(path, "erin")[1].start == gap.start
        assert sessions(path, "bob")[1].start == gap.end


def test_a_reconnection_nobody_saw_is_a_gap_all_the_same(
    plain_emulator: Emulator, make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cometpresence.history.recorder._BEAT", 60.0)
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        let_time_pass(plain_emulator, client)
        recorder.flush()
        connected = Inbox()
        client.on_connected(connected)
        plain_emulator.close_all(1012)
        assert connected.one() == 2
        client.wait_synced(timeout=10)
        recorder.flush()
        assert words(path, "erin") == ["online", "unknown", "online."]


def test_a_dead_link_is_unknown_from_the_last_frame_on_and_not_from_when_it_was_noticed(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with (
        make_client(plain_emulator, ping_interval=0.5, ping_timeout=1.0) as client,
        PresenceRecorder(client, path) as recorder,
        plain_emulator.blackhole(),
    ):
        silent_since = time.time()
        lost = Inbox()
        client.on_disconnected(lost)
        lost.wait_for(1)
        noticed = time.time()
        recorder.flush()
        (session,) = sessions(path, "erin")
        recorder.flush()
        with PresenceHistory(path) as history:
            assert history.span is not None
            assert history.span.end.timestamp() < silent_since + 0.5 < noticed
        assert session.end is None


def test_between_two_recordings_nothing_is_known(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client:
        with PresenceRecorder(client, path):
            pass
        plain_emulator.set_offline("erin")
        client.wait_for_offline("erin")
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        with PresenceRecorder(client, path) as recorder:
            recorder.flush()
            assert words(path, "erin") == ["online", "unknown"]
            assert words(path, "bob") == ["unknown", "online."]
            assert words(path, "alice") == ["online", "unknown", "online."]


def test_whom_another_scope_does_not_cover_is_unknown_and_not_offline_for_ever(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    def record(scope: PresenceScope) -> Span:
        with make_client(plain_emulator, presence=scope) as client:
            with PresenceRecorder(client, path) as recorder:
                plain_emulator.set_online("bob")
                client.wait_for_online("bob")
                plain_emulator.set_offline("bob")
                client.wait_for_offline("bob")
                recorder.flush()
            with PresenceHistory(path) as history:
                assert history.span is not None
                return history.span

    plain_emulator.set_online("dave")
    with make_client(plain_emulator) as client, PresenceRecorder(client, path):
        plain_emulator.set_offline("dave")
        client.wait_for_offline("dave")
    students = record(PresenceScope.roles("student"))
    assert words(path, "dave") == ["online", "unknown"]  # a supporter
    assert sessions(path, "dave")[-1].end == students.end
    assert words(path, "bob")[-1] == "online"
    again = record(PresenceScope.roles("student"))
    assert sessions(path, "dave")[-1].end == again.end
    bobs_last = sessions(path, "bob")[-1]
    assert (bobs_last.status, bobs_last.end) != ("unknown", again.end)
    everybody = record(PresenceScope.all_users())
    assert words(path, "dave") == ["online", "unknown"]
    assert again.end < sessions(path, "dave")[-1].end < everybody.end


def test_whom_a_scope_adds_was_unknown_before_and_not_offline(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with (
        make_client(plain_emulator, presence=PresenceScope.roles("student")) as client,
        PresenceRecorder(client, path),
    ):
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
    with make_client(plain_emulator) as client, PresenceRecorder(client, path):
        let_time_pass(plain_emulator, client)
        plain_emulator.set_offline("erin")  # a teacher
        client.wait_for_offline("erin")
        let_time_pass(plain_emulator, client)
    with PresenceHistory(path) as history:
        assert history.span is not None
        (gap,) = history.gaps()
        unknown, online = history.sessions("erin")
        assert (unknown.status, unknown.start, unknown.end) == (
            "unknown",
            history.span.start,
            gap.end,
        )
        assert (online.status, online.start) == ("online", gap.end)
        (dave,) = history.sessions("dave")[-1:]
        assert dave.start > gap.end  # came later: known to be offline meanwhile


def test_a_wrong_server_clock_is_kept_beside_and_disturbs_no_order(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        for at in (2_000_000_000, 1_000_000_000):
            plain_emulator.set_online("bob", at=at)
            client.wait_for_online("bob")
            plain_emulator.set_offline("bob", at=at - 7)
            client.wait_for_offline("bob")
        recorder.flush()
        now = time.time()
    found = sessions(path, "bob")
    edges = [edge.timestamp() for each in found for edge in (each.start, each.end) if edge]
    assert edges == sorted(edges)
    assert all(now - 10 < edge < now + 1 for edge in edges)
    with sqlite3.connect(path) as db:
        told = [at for (at,) in db.execute("SELECT server_at FROM changes ORDER BY id")]
    db.close()
    assert told[-4:] == [2_000_000_000, 1_999_999_993, 1_000_000_000, 999_999_993]


def test_when_the_clock_is_set_back_time_stands_still(
    plain_emulator: Emulator, make_client: MakeClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
        recorder.flush()
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        recorder.flush()
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob")
        recorder.flush()
        with sqlite3.connect(path) as db:
            moments = [at for (at,) in db.execute("SELECT at FROM changes ORDER BY id")]
        db.close()
        assert moments == sorted(moments)
        assert len(moments) == 4


def test_a_listener_that_sleeps_delays_no_record(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    awake = threading.Event()
    try:
        with make_client(plain_emulator) as client, PresenceRecorder(client, path) as recorder:
            client.on_user_online(lambda user: awake.wait(30))
            plain_emulator.move(["bob", "carol", "dave"])
            client.wait_for_online("dave")
            recorder.flush()
            assert [words(path, uid) for uid in ("bob", "carol", "dave")] == [["online."]] * 3
            awake.set()
    finally:
        awake.set()


def test_it_needs_no_thread_of_the_clients(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    client = make_client(plain_emulator, dispatch="none")
    with client, PresenceRecorder(client, path) as recorder:
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        recorder.flush()
        assert words(path, "bob") == ["online."]


def test_without_flush_it_is_written_before_long(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client, PresenceRecorder(client, path):
        plain_emulator.set_online("bob")
        wait_for_sessions(path, "bob", bool)
        assert words(path, "bob") == ["online."]


# ---- ends


def test_at_its_end_all_is_known_up_to_then_and_one_file_is_left(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client:
        with PresenceRecorder(client, path):
            before = time.time()
        with PresenceHistory(path) as history:
            assert history.span is not None
            assert before - 0.001 <= history.span.end.timestamp() <= time.time()
        assert client.presence.state is SyncState.SYNCED
    assert [file.name for file in path.parent.iterdir()] == ["presence.db"]


def test_it_ends_with_its_client(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    with make_client(plain_emulator) as client:
        recorder = PresenceRecorder(client, path)
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
    recorder._thread.join(10)
    assert words(path, "bob") == ["online."]
    recorder.flush()
    recorder.close()
    recorder.close()
    assert [file.name for file in path.parent.iterdir()] == ["presence.db"]


def test_a_handler_may_close_it(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    closed = threading.Event()
    with make_client(plain_emulator) as client:
        recorder = PresenceRecorder(client, path)
        client.on_user_online(lambda user: (recorder.close(), closed.set()))
        plain_emulator.set_online("bob")
        assert closed.wait(10)
    assert words(path, "bob") == ["online."]


def test_a_script_that_ends_without_closing_leaves_a_whole_file(
    plain_emulator: Emulator, path: Path
) -> None:
    script = f"""
from cometpresence import PresenceClient, PresenceRecorder
client = PresenceClient(**{plain_emulator.client_args("alice")!r})
client.login(); client.wait_synced(timeout=10)
PresenceRecorder(client, {str(path)!r})
"""
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script], capture_output=True, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert words(path, "erin") == ["online."]
    assert [file.name for file in path.parent.iterdir()] == ["presence.db"]


def test_what_was_acknowledged_outlives_kill_9(plain_emulator: Emulator, path: Path) -> None:
    """Five lives of a process that prints what flush() has returned for, each cut short."""
    users = ("bob", "carol", "dave")
    acknowledged = 0
    for life in range(5):
        with subprocess.Popen(
            [sys.executable, ACKNOWLEDGE, str(path), repr(plain_emulator.client_args("alice"))],
            text=True,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "recording\n"
            told = []
            while (
                len(told) < 20 + life
            ):  # it dies in the middle of what follows, each time elsewhere
                plain_emulator.move(users)
                told.append(process.stdout.readline().split())
            plain_emulator.move(users)
            process.send_signal(signal.SIGKILL)
            rest = [line.split() for line in process.stdout.read().splitlines(keepends=True)]
        told += [line for line in rest if len(line) == 2]
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            written = [
                [uid, "online" if status else "offline"]
                for uid, status in db.execute(
                    "SELECT uid, changes.status FROM changes JOIN users ON users.id = user "
                    "ORDER BY changes.id"
                )
            ]
        db.close()
        for uid in users:
            theirs = [line for line in told if line[0] == uid]
            own = [line for line in written[acknowledged:] if line[0] == uid]
            assert own[: len(theirs)] == theirs or own[1 : len(theirs) + 1] == theirs
        acknowledged = len(written)
        for uid in users:
            if uid in plain_emulator.online:
                plain_emulator.set_offline(uid)
    with PresenceHistory(path) as history:
        assert len(history.gaps()) == 4


# ---- for how long, and for whom


def test_only_its_owner_can_read_it(
    client_without_server: Callable[..., PresenceClient], path: Path
) -> None:
    with PresenceRecorder(client_without_server(), path):
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_retention_deletes_what_is_older(
    plain_emulator: Emulator, make_client: MakeClient, path: Path
) -> None:
    kept = 0.3
    with (
        make_client(plain_emulator) as client,
        PresenceRecorder(client, path, retention=kept) as recorder,
    ):
        plain_emulator.set_online("bob")
        client.wait_for_online("bob")
        plain_emulator.set_offline("bob")
        client.wait_for_offline("bob")
        recorder.flush()
        assert recorder.written == 4  # alice, erin, and bob twice
        plain_emulator.set_online("carol")
        time.sleep(kept)  # the age that is too old
        recorder.flush()
        with PresenceHistory(path) as history:
            assert "bob" not in history.users()
        assert words(path, "erin")[-1] == "online."


def test_a_forked_child_touches_nothing(plain_emulator: Emulator, path: Path) -> None:
    script = f"""
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from cometpresence import PresenceClient, PresenceHistory, PresenceRecorder
with PresenceClient(**{plain_emulator.client_args("alice")!r}) as client:
    with PresenceRecorder(client, {str(path)!r}) as recorder:
        child = os.fork()
        if child == 0:
            recorder.flush()
            recorder.close()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        recorder.flush()
    PresenceRecorder(client, {str(path)!r}).close()
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert (result.returncode, result.stderr) == (0, b"")
    assert words(path, "erin") == ["online", "unknown", "online."]
