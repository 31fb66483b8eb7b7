"""The pictures of the README: real commands on a real terminal, against an emulator, and what one
of them draws.

`make screenshots` draws them anew.
"""

import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from python.command_line import COMMAND, Terminal
from python.sample_history import write_sample
from rich.console import Console
from rich.text import Text

from cometpresence.cli.demo import CAST
from cometpresence.emulator import Emulator

FOLDER = Path(__file__).parents[2] / "cometpresence" / "docs"
COLUMNS = 100
PAUSE = 1.2  # seconds between two changes, for times that differ
HERE = {"ada", "dennis", "frances", "katherine", "radia"}
AWAY = {"alan": 40, "barbara": 3 * 60, "donald": 26 * 60, "edsger": 9 * 60, "grace": 12}  # minutes
OF_THE_TEAM = ("team.db", "--tz", "Europe/Berlin")
FONT_FROM_ELSEWHERE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def cast() -> list[dict[str, object]]:
    """Some are here, some were here lately, some never."""
    now = int(time.time())
    return [
        {
            "uid": uid,
            "name": name,
            "role": role,
            "online": uid in HERE,
            "lastActiveAt": now - 60 * AWAY[uid] if uid in AWAY else 0,
        }
        for uid, name, role in CAST
    ] + [{"uid": "bot", "name": "Presence bot", "role": "bot"}]


def picture_watch(emulator: Emulator) -> str:
    """People come and go for a while."""
    with Terminal(emulator, "watch", "--all", uid="bot", columns=COLUMNS) as terminal:
        terminal.wait_until(lambda text: "in sync" in text)
        for number, uid in enumerate(("ada", "grace", "dennis", "hedy", "frances"), start=1):
            (emulator.set_offline if uid in emulator.online else emulator.set_online)(uid)
            terminal.wait_until(lambda text, number=number: f"{number} change" in text)
            time.sleep(PAUSE)  # to be seen in the picture
        terminal.interrupt()
        assert terminal.end() == 130
        return terminal.screen


def picture_doctor(emulator: Emulator) -> str:
    """All is well; certificates lie in the folder, so that no path of this machine is shown."""
    assert emulator.ca_file is not None
    with (
        TemporaryDirectory() as folder,
        Terminal(
            emulator,
            "doctor",
            uid="bot",
            cwd=Path(shutil.copy(emulator.ca_file, f"{folder}/ca.pem")).parent,
            rows=40,
            columns=COLUMNS,
            COMETPRESENCE_CA_FILE="ca.pem",
        ) as terminal,
    ):
        assert terminal.end() == 0
        return terminal.screen


def picture_doctor_failing(emulator: Emulator) -> str:
    """The certificate is not trusted."""
    with Terminal(
        emulator, "doctor", uid="bot", rows=40, columns=COLUMNS, COMETPRESENCE_CA_FILE=""
    ) as terminal:
        assert terminal.end() == 1
        return terminal.screen


def picture_report(emulator: Emulator) -> str:
    """Three days of a team."""
    with TemporaryDirectory() as folder:
        write_sample(Path(folder, "team.db"))
        with Terminal(
            emulator, "report", *OF_THE_TEAM, cwd=Path(folder), columns=COLUMNS
        ) as terminal:
            assert terminal.end() == 0
            return terminal.screen


PICTURES: dict[str, Callable[[Emulator], str]] = {
    "watch": picture_watch,
    "doctor": picture_doctor,
    "doctor-failing": picture_doctor_failing,
    "report": picture_report,
}
WITH_TLS = {"doctor", "doctor-failing"}


def draw(name: str, folder: Path) -> Path:
    """One picture, as an SVG that fetches nothing."""
    with Emulator(users=cast(), app_id="demo", tls=name in WITH_TLS) as emulator:
        shown = PICTURES[name](emulator)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.strip("\n")), no_wrap=True, overflow="crop")
    command = name.partition("-")[0]
    drawn = console.export_svg(title=f"cometpresence {command}", unique_id=name)
    path = folder / f"{name}.svg"
    path.write_text(FONT_FROM_ELSEWHERE.sub("", drawn), encoding="utf-8")
    return path


def draw_timeline(folder: Path) -> Path:
    """What `report --picture` draws of the same days."""
    path = folder / "timeline.png"
    with TemporaryDirectory() as elsewhere:
        write_sample(Path(elsewhere, "team.db"))
        subprocess.run(
            [*COMMAND, "report", *OF_THE_TEAM, "--picture", str(path)],
            cwd=elsewhere,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return path


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in sys.argv[1:] or PICTURES:
        print(draw(each, FOLDER))
    print(draw_timeline(FOLDER))
