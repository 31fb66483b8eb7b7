"""``record`` and ``report``: what they write, what they show, how they end."""

import csv
import json
import re
import signal
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner, Result
from matplotlib.image import imread

from cometpresence import PresenceHistory
from cometpresence.cli.commands import cometpresence
from cometpresence.cli.times import duration, local_zone, moment
from cometpresence.emulator import Emulator
from cometpresence.history.schema import ONLINE
from cometpresence.history.tape import Tape

from .command_line import Terminal, environment, started
from .history_file import wait_for_sessions
from .sample_history import BEGIN, write_sample

BERLIN = ["--tz", "Europe/Berlin"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "team.db"
    write_sample(path)
    return path


def report(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cometpresence, ["report", *map(str, arguments)])


def lines(*arguments: str | Path) -> list[dict[str, Any]]:
    result = report(*arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


# ---- report


def test_elsewhere_than_on_a_terminal_there_is_a_line_for_each_user(sample: Path) -> None:
    *users, whole = lines(sample, *BERLIN)
    assert len(users) == 12
    assert users[0] == {
        "uid": "router",
        "name": "Router bot",
        "online_seconds": 210_000.0,
        "sessions": 3,
        "last_online": "2026-11-20T19:40:00+01:00",
        "online_at_end": True,
    }
    times = [user["online_seconds"] for user in users]
    assert times == sorted(times, reverse=True)
    assert (whole["since"], whole["until"], whole["known_seconds"]) == (
        "2026-11-18T05:30:00+01:00",
        "2026-11-20T19:40:00+01:00",
        210_000.0,
    )
    with PresenceHistory(sample) as history:
        assert whole["peak"] == max(count.online or 0 for count in history.concurrency())


def test_a_window_and_users_can_be_chosen(sample: Path) -> None:
    day = ["--since", "2026-11-19", "--until", "2026-11-20T00:00:00+01:00", *BERLIN]
    *users, whole = lines(sample, *day, "--uid", "hedy", "--uid", "ADA", "--uid", "nobody")
    assert [user["uid"] for user in users] == ["ada", "hedy"]
    assert whole["since"] == "2026-11-19T00:00:00+01:00"
    assert whole["known_seconds"] == timedelta(hours=22.25).total_seconds()


def test_on_a_terminal_it_draws_a_table(plain_emulator: Emulator, sample: Path) -> None:
    with Terminal(plain_emulator, "report", str(sample), *BERLIN, columns=120) as terminal:
        assert terminal.end() == 0
    shown = terminal.text.splitlines()
    assert shown[0].rstrip() == "Wed 18 Nov 05:30 to Fri 20 Nov 19:40 CET"
    assert shown[1].startswith("93.8% of it known · at most 8 at once, Wed 18 Nov 10:27")
    (ada,) = (line for line in shown if "Ada Lovelace" in line)
    assert re.search(r"○ +Ada Lovelace +20 h 47 min +10 +20 Nov 14:27 ", ada)
    assert re.search(r"[▁▂▃▄▅▆▇█]·+░+·+[▁▂▃▄▅▆▇█]", ada)
    (heading,) = (line for line in shown if "sessions" in line)
    assert re.search(r"05:30.*12:00.*Thu 19.*Fri 20", heading)
    assert heading.index("Thu 19") == ada.index("░", ada.index("░")) + 1  # midnight, in the outage
    assert "█ online  · offline  ░ not known" in terminal.text
    assert all(len(line.rstrip()) <= 120 for line in shown)


def test_on_a_narrow_terminal_the_table_has_no_blocks(
    plain_emulator: Emulator, sample: Path
) -> None:
    with Terminal(plain_emulator, "report", str(sample), "--top", "2", columns=60) as terminal:
        assert terminal.end() == 0
    assert "Radia Perlman" in terminal.text
    assert "Alan Turing" not in terminal.text
    assert "and 10 more, online less; --top 12" in terminal.text
    assert "░" not in terminal.text


def test_sessions_go_into_a_csv_file(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "sessions.csv"
    lines(sample, "--csv", file, "--uid", "edsger", *BERLIN)
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert {row["uid"] for row in rows} == {"edsger"}
    assert [row["status"] for row in rows].count("unknown") == 2
    assert all("+01:00" in row["start"] for row in rows)


@pytest.mark.parametrize(
    ("table", "heading"),
    [
        ("days", "uid,name,day,shift,start,end,online_seconds,unknown_seconds"),
        ("concurrency", "start,end,online"),
    ],
)
def test_other_tables_go_there_too(sample: Path, tmp_path: Path, table: str, heading: str) -> None:
    file = tmp_path / "table.csv"
    lines(sample, "--csv", file, "--table", table, *BERLIN)
    assert file.read_text().splitlines()[0] == heading
    assert "+01:00" in file.read_text().splitlines()[1]


# ---- pictures


def share_of(color: str, picture: Path) -> float:
    """How much of a picture has a color."""
    wanted = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    pixels = imread(picture)[:, :, :3]
    return float((abs(pixels - wanted).max(axis=2) < 0.004).mean())


def test_a_picture_shows_who_was_online_and_what_is_not_known(sample: Path, tmp_path: Path) -> None:
    from cometpresence.history.picture import HATCHED, ONLINE

    picture = tmp_path / "team.png"
    online = {}
    for uid in ("router", "edsger"):
        lines(sample, "--picture", picture, "--uid", uid, *BERLIN)
        online[uid] = share_of(ONLINE, picture)
        assert share_of(HATCHED["facecolor"], picture) > 0.005
    assert online["router"] > 5 * online["edsger"] > 0
    quiet = ["--since", "2026-11-19T02:00", "--until", "2026-11-19T05:00", *BERLIN]
    lines(sample, "--picture", picture, "--uid", "edsger", *quiet)
    legend = 0.001
    assert share_of(ONLINE, picture) < 2 * legend
    assert share_of(HATCHED["facecolor"], picture) < legend


def test_the_name_of_the_file_says_the_format_and_the_same_history_gives_the_same_bytes(
    sample: Path, tmp_path: Path
) -> None:
    for name, begins in (("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")):
        lines(sample, "--picture", tmp_path / name, "--top", "2")
        assert (tmp_path / name).read_bytes().startswith(begins)
    for name in ("b.png", "b.SVG"):
        lines(sample, "--picture", tmp_path / name, "--top", "2")
        assert (tmp_path / name).read_bytes() == (tmp_path / f"a{name[1:]}").read_bytes()
    result = report(sample, "--picture", tmp_path / "a.jpeg")
    assert result.exit_code == 2
    assert "must end in .png, .svg, .pdf" in result.output


def test_names_may_be_anything(tmp_path: Path) -> None:
    names = ["$x^2$ & <b>", "王小明", "a\nb\x1b[31m", "🎉" * 40, ""]
    tape = Tape(tmp_path / "names.db", "app")
    with tape.writing():
        tape.begin_watch(0)
        for number, name in enumerate(names):
            tape.write(f"user-{number}", name, ONLINE, number)
        tape.vouch(3_600_000_000)
    tape.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = report(tmp_path / "names.db", "--picture", tmp_path / "names.svg", "--no-json")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "user-4" in result.output


def test_without_matplotlib_a_line_says_what_to_install(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text(
        "raise ModuleNotFoundError('hidden', name='matplotlib')"
    )
    for options, code in ((["--picture", "a.png"], 1), ([], 0)):
        result = subprocess.run(
            [sys.executable, "-m", "cometpresence", "report", str(sample), *options],
            env={"PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            text=True,
            capture_output=True,
        )
        assert result.returncode == code, result.stderr
        hint = "Error: drawing needs matplotlib: pip install 'cometpresence[report]'\n"
        assert result.stderr == (hint if code else "")


# ---- what people type


def test_times_are_read_as_people_write_them() -> None:
    zone = ZoneInfo("Europe/Berlin")
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    assert moment("today", zone) == today
    assert moment("yesterday", zone).date() == today.date() - timedelta(days=1)
    assert moment("2026-03-29", zone) == datetime(2026, 3, 29, tzinfo=zone)
    assert moment("2026-03-29 08:00", zone) == datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert moment("2026-03-29T08:00Z", zone) == datetime(2026, 3, 29, 8, tzinfo=UTC)
    assert abs(datetime.now(UTC) - moment("7d", zone) - timedelta(days=7)) < timedelta(seconds=10)
    assert duration("1.5 h") == duration("90min") == timedelta(minutes=90)
    for wrong in ("soon", "7 moons", "2026-13-01", ""):
        with pytest.raises(click.BadParameter, match=r"one is (today|90min)"):
            moment(wrong, zone)
    for wrong in ("-7d", "d", "0d", "0.0h", "9" * 30 + "d"):
        with pytest.raises(click.BadParameter):
            duration(wrong)


def test_the_zone_of_this_machine_has_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert local_zone() == ZoneInfo("America/New_York")
    monkeypatch.setenv("TZ", "nonsense")
    assert local_zone().utcoffset(BEGIN) is not None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--since", "soon"], 2, "'soon' is no time"),
        (["--since", "0d"], 2, "'0d' is no time at all"),
        (["--table", "days"], 2, "--table is for --csv"),
        (["--tz", "Mars/Olympus"], 2, "no time zone known here"),
        (["--since", "2026-11-19", "--until", "2026-11-18"], 2, "must be before until"),
        (
            ["--csv", "/no/such/folder/x.csv"],
            1,
            "Error: No such file or directory: /no/such/folder/x.csv",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    sample: Path, arguments: list[str], code: int, said: str
) -> None:
    result = report(sample, *arguments)
    assert result.exit_code == code
    assert said in result.output
    assert "Traceback" not in result.output


# ---- record


def test_record_writes_until_ctrl_c_and_report_reads(
    plain_emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "presence.db"
    with Terminal(plain_emulator, "record", str(file), "--retention", "30d") as terminal:
        terminal.wait_until(lambda text: "● recording into presence.db   2 online   2 ch" in text)
        plain_emulator.set_online("bob")
        terminal.wait_until(lambda text: "3 online   3 changes" in text)
        plain_emulator.set_online("carol")
        terminal.wait_until(lambda text: "4 online   4 changes" in text)
        *_, whole = lines(file)
        assert whole["peak"] == 3
        plain_emulator.close_all(1012)
        terminal.wait_until(lambda text: "disconnected: closed by the emulator" in text)
        terminal.interrupt()
        assert terminal.end() == 0
    assert "4 changes; cometpresence report" in terminal.text
    assert [path.name for path in tmp_path.iterdir()] == ["presence.db"]


def test_record_through_a_pipe_tells_of_the_connection_and_ends_with_sigterm(
    plain_emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "presence.db"
    with started(plain_emulator, "record", str(file), "--role", "teacher") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert first == {"event": "recording", "state": "synced", "online": 2}
        wait_for_sessions(file, "erin", bool)
        plain_emulator.set_offline("erin")
        wait_for_sessions(file, "erin", lambda sessions: sessions[0].end)
        plain_emulator.close_all(1012)
        assert json.loads(process.stdout.readline())["event"] == "disconnected"
        assert json.loads(process.stdout.readline())["event"] == "recording"
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
    assert json.loads(rest) == {"event": "ended", "file": str(file), "changes": 3}
    with PresenceHistory(file) as history:
        assert len(history.gaps()) == 1


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "said"),
    [
        (["/no/such/folder/x.db"], {}, 2, "No such file or directory"),
        (["x.db", "--retention", "soon"], {}, 2, "one is 90min, 8h, 30d or 2w"),
        (["x.db"], {"COMETCHAT_AUTH_KEY": "wrong"}, 1, "copy the Auth Key"),
        (["x.db"], {"COMETCHAT_AUTH_KEY": ""}, 2, "missing"),
    ],
)
def test_what_cannot_be_recorded_is_told_in_a_line(
    plain_emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    changes: dict[str, str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with started(plain_emulator, "record", *arguments, **changes) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert said in errors
    assert "Traceback" not in errors


def test_a_file_that_takes_nothing_ends_it_in_one_line(plain_emulator: Emulator) -> None:
    with started(plain_emulator, "record", "/dev/full") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Error: /dev/full cannot be written: ")


def test_a_file_that_is_deleted_meanwhile_ends_it_in_one_line(
    plain_emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "presence.db"
    with started(plain_emulator, "record", str(file)) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "recording"
        file.unlink()
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (
        1,
        f"Error: {file} cannot be written: presence.db was moved or deleted: "
        "nothing is recorded until it is back.\n",
    )


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("text.db", b"hello " * 1000, 2, "is not a database"),
        ("empty.db", b"", 2, "is no presence history"),
        ("half.db", None, 2, "malformed"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_one_line(
    sample: Path, tmp_path: Path, name: str, content: bytes | None, code: int, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(sample.read_bytes()[:20000] if content is None else content)
    result = report(file)
    assert (result.exit_code, result.output.count("\n")) == (code, 1)
    assert said in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("since", ["999999d", "0001-01-01", "9999-12-31"])
def test_times_beyond_the_calendar_end_in_no_traceback(sample: Path, since: str) -> None:
    for zone in ("Europe/Berlin", "America/Los_Angeles"):
        for bound in ("--since", "--until"):
            result = report(sample, bound, since, "--tz", zone)
            assert result.exception is None or isinstance(result.exception, SystemExit), result


def in_a_shell(emulator: Emulator, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=environment(emulator) | {"COMETPRESENCE": f"{sys.executable} -m cometpresence"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["--help", "users", "report {sample}", "record {file}"])
def test_an_output_on_a_full_disk_ends_it_in_one_line(
    plain_emulator: Emulator, sample: Path, tmp_path: Path, command: str
) -> None:
    asked = command.format(sample=sample, file=tmp_path / "presence.db")
    result = in_a_shell(plain_emulator, f"$COMETPRESENCE {asked} > /dev/full")
    said = "Error: No space left on device; see where the output goes.\n"
    assert (result.returncode, result.stderr) == (1, said)


def test_without_an_output_nothing_is_said_and_nothing_fails(
    plain_emulator: Emulator, sample: Path
) -> None:
    for command in ("users", f"report {sample}"):
        result = in_a_shell(plain_emulator, f"$COMETPRESENCE {command} >&-")
        assert (result.returncode, result.stderr) == (0, "")


def test_a_recording_ends_with_the_reader_of_its_lines(
    plain_emulator: Emulator, tmp_path: Path
) -> None:
    file = tmp_path / "presence.db"
    result = in_a_shell(plain_emulator, f"$COMETPRESENCE record {file} | head -1")
    assert (result.returncode, result.stderr) == (1, "")
    assert json.loads(result.stdout)["event"] == "recording"
    assert [each.name for each in tmp_path.iterdir()] == ["presence.db"]
