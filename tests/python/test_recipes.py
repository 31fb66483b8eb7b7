"""The recipes of docs/recipes, run as they are while users come and go."""

import ast
import re
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from python.history_file import wait_for_sessions
from python.strangers import Script, for_client

from cometpresence.emulator import Emulator

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs/recipes"
NAMES = sorted(path.stem for path in RECIPES.glob("*.py"))

# superhero1 is the bot; superhero2 and 4 are teachers.
CAPTAIN, SPIDERMAN, WOLVERINE = "superhero2", "superhero3", "superhero4"

Run = Callable[..., Script]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def run(emulator: Emulator, tmp_path: Path) -> Run:
    """Runs a recipe with its arguments, for `me`; with `own` code before a line of it."""

    def run(
        name: str,
        *arguments: str,
        stdin: int | IO[str] = subprocess.PIPE,
        own: tuple[str, str] | None = None,
        me: str = "superhero1",
    ) -> Script:
        path = RECIPES / f"{name}.py"
        if own:
            code, line = own
            before, indent, rest = re.split(
                f"^( +)(?={re.escape(line)})", path.read_text(encoding="utf-8"), flags=re.M
            )
            path = tmp_path / path.name
            path.write_text(before + textwrap.indent(f"{code}\n", indent) + indent + rest, "utf-8")
        command = [sys.executable, str(path), *arguments]
        return Script(command, tmp_path, for_client(emulator) | {"COMETCHAT_UID": me}, stdin)

    return run


def blink(emulator: Emulator, uid: str) -> None:
    """Away for a moment only."""
    emulator.set_offline(uid)
    emulator.set_online(uid)


def test_ping_me(emulator: Emulator, run: Run) -> None:
    with run("ping_me", CAPTAIN) as script:
        assert script.line() == "waiting for superhero2"
        emulator.set_online(SPIDERMAN)
        emulator.set_online(CAPTAIN)
        assert script.line() == "\aCaptain America is online"
        assert script.ends_well()


def test_ping_me_knows_whom_there_is_not(run: Run) -> None:
    with run("ping_me", "nobody") as script:
        assert script.line().startswith("nobody: ")
        assert script.line() == ""


def test_greet_once_a_day(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    with run("greet_once_a_day", "greeted.db") as script:
        assert script.line() == "greeting"
        assert script.line() == "Good morning, Captain America!"
        emulator.set_offline(CAPTAIN)
        emulator.set_online(SPIDERMAN)
        assert script.line() == "Good morning, Spiderman!"
        emulator.set_online(CAPTAIN)
        script.press_ctrl_c()
        assert script.ends_well()
    with run("greet_once_a_day", "greeted.db") as script:
        assert script.line() == "greeting"
        emulator.set_online(WOLVERINE)
        assert script.line() == "Good morning, Wolverine!"


def test_away_responder(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    emulator.set_online(SPIDERMAN)
    with run("away_responder", "0.5", CAPTAIN, SPIDERMAN) as script:
        assert script.line() == "answering for superhero2, superhero3"
        blink(emulator, SPIDERMAN)
        emulator.set_offline(WOLVERINE)
        emulator.set_offline(CAPTAIN)
        assert re.fullmatch(r"on: Captain America is away since \d\d:\d\d\.", script.line())
        emulator.set_online(CAPTAIN)
        assert script.line() == "off: Captain America is back"
        script.press_ctrl_c()
        assert script.ends_well()


def test_away_responder_begins_with_who_is_away_and_knows_whom_there_is_not(
    emulator: Emulator, run: Run
) -> None:
    with run("away_responder", "60", CAPTAIN) as script:
        assert script.line() == "answering for superhero2"
        assert script.line() == "on: Captain America is away."
    with run("away_responder", "60", CAPTAIN, "nobody") as script:
        assert script.line() == "There is no user nobody."
        assert script.line() == ""


def test_away_responder_sees_who_comes_while_it_begins(emulator: Emulator, run: Run) -> None:
    meanwhile = (
        "print('now'); client.wait_for_online(uid); client.resync()",
        "leave(members[uid])",
    )
    with run("away_responder", "60", CAPTAIN, own=meanwhile) as script:
        script.expect("now")
        emulator.set_online(CAPTAIN)
        assert script.line() == "on: Captain America is away."
        assert script.line() == "off: Captain America is back"


def test_attendance(emulator: Emulator, run: Run, tmp_path: Path) -> None:
    emulator.set_online(CAPTAIN)
    with run("attendance", "attendance.db", "Europe/Berlin") as script:
        assert script.line() == "recording; Ctrl-C ends it"
        emulator.set_online(SPIDERMAN)
        wait_for_sessions(tmp_path / "attendance.db", SPIDERMAN, bool)
        script.press_ctrl_c()
        report = [script.line() for _ in range(3)]
        assert script.ends_well()
    for name, line in zip(("Iron Man", "Captain America", "Spiderman"), report, strict=True):
        assert re.match(rf"\d{{4}}-\d\d-\d\d  {name} +0\.00 h", line), report


def test_route_tickets(emulator: Emulator, run: Run) -> None:
    with run("route_tickets", "teacher", "0.5") as script:
        assert script.line() == "routing"
        script.press_enter("T1")
        assert script.line() == "T1 -> nobody yet"
        script.press_enter("T0")
        assert script.line() == "T0 -> nobody yet"  # and not T1 once more
        emulator.set_online(SPIDERMAN)  # no teacher
        emulator.set_online(CAPTAIN)
        assert script.line() == "T1 -> Captain America"
        assert script.line() == "T0 -> Captain America"
        emulator.set_online(WOLVERINE)
        blink(emulator, CAPTAIN)
        emulator.close_all(1012)  # a connection lost is nobody dropped
        script.press_enter("T2")
        assert script.line() == "T2 -> Wolverine"
        emulator.set_offline(CAPTAIN)
        assert script.line() == "T1 -> Wolverine"
        assert script.line() == "T0 -> Wolverine"
        script.end_input()
        assert script.ends_well()


def test_route_tickets_reads_a_file(emulator: Emulator, run: Run, tmp_path: Path) -> None:
    tickets = tmp_path / "tickets"
    tickets.write_text("T1\n\nT2", encoding="utf-8")
    emulator.set_online(CAPTAIN)
    with tickets.open() as file, run("route_tickets", "teacher", "0.5", stdin=file) as script:
        assert script.line() == "routing"
        assert script.line() == "T1 -> Captain America"
        assert script.line() == "T2 -> Captain America"
        assert script.ends_well()


def test_route_tickets_gives_the_bot_none(emulator: Emulator, run: Run) -> None:
    with run("route_tickets", "teacher", "0.5", me=CAPTAIN) as script:
        assert script.line() == "routing"
        script.press_enter("T1")
        assert script.line() == "T1 -> nobody yet"
        emulator.set_online(WOLVERINE)
        assert script.line() == "T1 -> Wolverine"


def test_coverage_alarm(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    with run("coverage_alarm", "teacher", "2", "0.5") as script:
        assert script.line() == "watching the role teacher"
        assert script.line() == "ALARM: 1 of 2 of the role teacher online"
        emulator.set_online(SPIDERMAN)  # no teacher
        emulator.set_online(WOLVERINE)
        assert script.line() == "covered again: 2 of the role teacher online"
        blink(emulator, WOLVERINE)
        emulator.set_offline(CAPTAIN)
        assert script.line() == "ALARM: 1 of 2 of the role teacher online"
        script.press_ctrl_c()
        assert script.ends_well()


def test_coverage_alarm_does_not_count_the_bot(emulator: Emulator, run: Run) -> None:
    with run("coverage_alarm", "teacher", "1", "0.5", me=CAPTAIN) as script:
        assert script.line() == "watching the role teacher"
        assert script.line() == "ALARM: 0 of 1 of the role teacher online"
        emulator.set_online(WOLVERINE)
        assert script.line() == "covered again: 1 of the role teacher online"


def test_summon_moderators(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    with run("summon_moderators", "teacher", "2", "fight in room 7") as script:
        assert script.line() == "online: 1"
        assert script.line() == "Captain America, please come: fight in room 7"
        blink(emulator, CAPTAIN)
        emulator.set_online(SPIDERMAN)  # no teacher
        emulator.set_online(WOLVERINE)
        assert script.line() == "Wolverine, please come: fight in room 7"
        assert script.ends_well()


def test_summon_moderators_does_not_summon_the_bot(emulator: Emulator, run: Run) -> None:
    with run("summon_moderators", "teacher", "1", "fight in room 7", me=CAPTAIN) as script:
        assert script.line() == "online: 0"
        emulator.set_online(WOLVERINE)
        assert script.line() == "Wolverine, please come: fight in room 7"
        assert script.ends_well()


def test_deliver_later(emulator: Emulator, run: Run) -> None:
    emulator.set_online(SPIDERMAN)
    with run("deliver_later", "outbox.db") as script:
        assert script.line() == "delivering"
        script.press_enter(f"{CAPTAIN} the meeting is at noon")
        assert script.line() == "kept for superhero2"
        script.press_enter(f"{SPIDERMAN} good morning")
        assert script.line() == "to Spiderman: good morning"
        script.press_enter("nobody hello")
        assert script.line().startswith("nobody: ")
        script.press_enter(f"{CAPTAIN} bring cake")
        assert script.line() == "kept for superhero2"
        script.press_ctrl_c()
        assert script.ends_well()
    with run("deliver_later", "outbox.db") as script:  # it remembers
        assert script.line() == "delivering"
        script.end_input()
        emulator.set_online(CAPTAIN)
        assert script.line() == "to Captain America: the meeting is at noon"
        assert script.line() == "to Captain America: bring cake"
        assert script.ends_well()


def test_deliver_later_keeps_what_comes_while_it_delivers(emulator: Emulator, run: Run) -> None:
    slowly = (
        "print('slowly')\nwhile kept['superhero2'] == ['one']: await asyncio.sleep(0)",
        'print(f"to {name}',
    )
    with run("deliver_later", "outbox.db", own=slowly) as script:
        assert script.line() == "delivering"
        script.press_enter(f"{CAPTAIN} one")
        assert script.line() == "kept for superhero2"
        emulator.set_online(CAPTAIN)
        assert script.line() == "slowly"
        script.press_enter(f"{CAPTAIN} two")
        assert script.line() == "kept for superhero2"
        assert script.line() == "to Captain America: one"
        assert script.line() == "slowly"
        assert script.line() == "to Captain America: two"
        script.end_input()
        assert script.ends_well()


def test_deliver_later_reads_a_file(emulator: Emulator, run: Run, tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    messages.write_text(f"{CAPTAIN} good morning\n\n{CAPTAIN} bring cake", encoding="utf-8")
    emulator.set_online(CAPTAIN)
    with messages.open() as file, run("deliver_later", "outbox.db", stdin=file) as script:
        assert script.line() == "delivering"
        assert script.line() == "to Captain America: good morning"
        assert script.line() == "to Captain America: bring cake"
        assert script.ends_well()


def test_deliver_later_of_nothing_ends(run: Run) -> None:
    with run("deliver_later", "outbox.db", stdin=subprocess.DEVNULL) as script:
        assert script.line() == "delivering"
        assert script.ends_well()


@pytest.mark.parametrize("command", ["deliver_later.py outbox.db", "route_tickets.py teacher 1"])
def test_recipes_that_read_lines_end_well_with_standard_input_closed(
    emulator: Emulator, tmp_path: Path, command: str
) -> None:
    result = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {RECIPES}/{command} <&-"],
        env=for_client(emulator) | {"COMETCHAT_UID": "superhero1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout in ("delivering\n", "routing\n")


def test_escalate(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    emulator.set_online(WOLVERINE)
    with run("escalate", "0.01", CAPTAIN, SPIDERMAN, WOLVERINE) as script:
        assert script.line() == "watching Captain America"
        blink(emulator, CAPTAIN)
        emulator.set_offline(CAPTAIN)
        called = r"Captain America is away since \d\d:\d\d: calling "
        assert re.fullmatch(f"{called}Wolverine", script.line())
        emulator.set_online(CAPTAIN)
        assert script.line() == "Captain America is back: thank you, Wolverine"
        emulator.set_offline(WOLVERINE)
        emulator.set_offline(CAPTAIN)
        assert re.fullmatch(f"{called}everybody, for no deputy is online", script.line())
        script.press_ctrl_c()
        assert script.ends_well()


def test_escalate_begins_with_who_is_away_and_knows_whom_there_is_not(
    emulator: Emulator, run: Run
) -> None:
    emulator.set_online(WOLVERINE)
    with run("escalate", "5", CAPTAIN, WOLVERINE) as script:
        assert script.line() == "watching Captain America"
        assert script.line() == "Captain America is away: calling Wolverine"
    with run("escalate", "5", "nobody") as script:
        assert script.line().startswith("nobody: ")
        assert script.line() == ""


def test_escalate_sees_who_comes_while_it_begins(emulator: Emulator, run: Run) -> None:
    emulator.set_online(WOLVERINE)
    meanwhile = (
        "print('now'); client.wait_for_online(on_call); client.resync()",
        "escalate(watched)",
    )
    with run("escalate", "5", CAPTAIN, WOLVERINE, own=meanwhile) as script:
        script.expect("now")
        emulator.set_online(CAPTAIN)
        assert script.line() == "Captain America is away: calling Wolverine"
        assert script.line() == "Captain America is back: thank you, Wolverine"


def test_escalate_calls_once_for_who_leaves_while_it_begins(emulator: Emulator, run: Run) -> None:
    emulator.set_online(CAPTAIN)
    emulator.set_online(WOLVERINE)
    meanwhile = ("print('now'); client.wait_for_offline(on_call)", 'print("watching"')
    with run("escalate", "0", CAPTAIN, WOLVERINE, own=meanwhile) as script:
        script.expect("now")
        emulator.set_offline(CAPTAIN)
        script.expect("calling Wolverine")
        emulator.set_online(CAPTAIN)
        assert script.line() == "Captain America is back: thank you, Wolverine"


def test_dashboard(emulator: Emulator, run: Run) -> None:
    emulator.add_user("mallory", name="<script> &", role="support")
    with run("dashboard", "0") as script:
        url = script.expect("open http://").split()[1]
        assert "<h1>1 of 1 online</h1>" in page(url)
        emulator.set_online("mallory")
        shown = page(url, until="2 of 2 online")
        assert "<td>&lt;script&gt; &amp;</td><td>support</td>" in shown
        emulator.set_offline("mallory")
        assert "Iron Man" in page(url, until="1 of 2 online")
        script.press_ctrl_c()
        assert script.ends_well()


def page(url: str, until: str = "") -> str:
    """The page, once it has these words; a test that waits in vain is ended by its timeout."""
    while True:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
        if until in text:
            return text


# ---- all of them


@pytest.mark.parametrize("name", NAMES)
def test_without_arguments_each_says_how_to_use_it(run: Run, name: str) -> None:
    with run(name) as script:
        script.expect(f"python {name}.py")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("attendance", ["a.db", "Nowhere/X"], "Nowhere/X is no time zone known here"),
        ("attendance", ["a.db", "../X"], "no time zone known here"),
        ("away_responder", ["soon", "bob"], "python away_responder.py"),
        ("coverage_alarm", ["support", "two", "60"], "python coverage_alarm.py"),
        ("escalate", ["soon", "bob", "carol"], "python escalate.py"),
        ("route_tickets", ["support", "soon"], "python route_tickets.py"),
        ("dashboard", ["http"], "python dashboard.py 8000"),
        ("dashboard", ["99999"], "python dashboard.py 8000"),
    ],
)
def test_a_wrong_argument_is_told_in_words(
    run: Run, name: str, arguments: list[str], said: str
) -> None:
    with run(name, *arguments) as script:
        script.expect(said)


def test_every_recipe_is_run_here() -> None:
    assert len(NAMES) == 10
    assert {f"test_{name}" for name in NAMES} <= globals().keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_has_a_line_about_each_recipe(name: str) -> None:
    source = (RECIPES / f"{name}.py").read_text(encoding="utf-8")
    what = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    assert f"\npython {name}.py" in source
    line = f"| [`{name}.py`](docs/recipes/{name}.py) | {what} |\n"
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
