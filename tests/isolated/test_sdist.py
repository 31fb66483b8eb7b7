"""The source distribution in an empty virtual environment: no extras, the documented snippet."""

import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cometpresence.emulator import Emulator
from cometpresence.emulator.control_page import FOLDER

DOCUMENTED = """
from cometpresence import CometChat, AppSettingsBuilder, UserListener, UsersRequestBuilder

settings = (AppSettingsBuilder()
            .subscribePresenceForAllUsers()
            .setRegion("us")
            .build())
CometChat.init(APP_ID, settings)
me = CometChat.login("superhero1", AUTH_KEY)

CometChat.addUserListener("UNIQUE_LISTENER_ID", UserListener(
    onUserOnline=lambda user: print(user.getName(), user.status, user.lastActiveAt),
    onUserOffline=lambda user: print(user.uid, "last seen", user.lastActiveAt)))
...
CometChat.removeUserListener("UNIQUE_LISTENER_ID")

request = UsersRequestBuilder().setLimit(30).build()
for user in request.fetchNext():
    print(user.uid, user.status, user.lastActiveAt)
CometChat.logout()
"""

TWIN = """
from cometpresence import CometChat, AppSettingsBuilder, UserListener, UsersRequestBuilder

settings = (AppSettingsBuilder()
            .subscribe_presence_for_all_users()
            .set_region("us")
            .build())
CometChat.init(APP_ID, settings)
me = CometChat.login("superhero1", AUTH_KEY)

CometChat.add_user_listener("UNIQUE_LISTENER_ID", UserListener(
    on_user_online=lambda user: print(user.get_name(), user.status, user.last_active_at),
    on_user_offline=lambda user: print(user.uid, "last seen", user.last_active_at)))
...
CometChat.remove_user_listener("UNIQUE_LISTENER_ID")

request = UsersRequestBuilder().set_limit(30).build()
for user in request.fetch_next():
    print(user.uid, user.status, user.last_active_at)
CometChat.logout()
"""

# The "..." above: the listener is there; live until the test says that it has seen enough.
LIVE = "print('listening'); input()"

# Ours is C: a session brings none of these in.
EPILOGUE = """
import sys
print("brought in:", sorted({"json", "ssl", "http", "urllib", "aiohttp"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def python(wheel: Path, make_python: Callable[..., Path]) -> Path:
    """An interpreter that has cometpresence, built from its own sdist, and nothing else."""
    return make_python("--no-index", wheel)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(tls=True) as emulator:
        yield emulator


@pytest.mark.timeout(180)
@pytest.mark.parametrize("snippet", [DOCUMENTED, TWIN], ids=["documented", "snake_case"])
def test_the_snippet_runs_as_it_is(
    python: Path, emulator: Emulator, snippet: str, tmp_path: Path
) -> None:
    script = tmp_path / "snippet.py"
    names = f"APP_ID, AUTH_KEY = {emulator.app_id!r}, {emulator.auth_key!r}\n"
    script.write_text(names + snippet.replace("\n...\n", f"\n{LIVE}\n") + EPILOGUE)
    found = {"COMETPRESENCE_EMULATOR": emulator.url, "COMETPRESENCE_CA_FILE": str(emulator.ca_file)}
    with subprocess.Popen(
        [python, "-u", script],
        cwd=tmp_path,
        env=os.environ | found,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as session:
        assert session.stdin
        assert session.stdout
        assert session.stdout.readline() == "listening\n"
        emulator.wait_for_client()
        emulator.set_online("superhero2", at=1_800_000_000)
        assert session.stdout.readline() == "Captain America online 1800000000\n"
        emulator.set_offline("superhero2", at=1_800_000_001)
        assert session.stdout.readline() == "superhero2 last seen 1800000001\n"
        rest, _ = session.communicate("\n", timeout=60)
    assert session.returncode == 0
    *users, brought_in = rest.splitlines()
    assert len(users) == 5
    assert "superhero2 offline 1800000001" in users
    assert "superhero3 offline None" in users
    assert brought_in == "brought in: []"


def test_the_control_page_is_in_the_wheel(wheel: Path) -> None:
    inside = "cometpresence/emulator/page/"
    with zipfile.ZipFile(wheel) as packed:
        names = {name.removeprefix(inside) for name in packed.namelist() if inside in name}
    assert names == {path.name for path in FOLDER.iterdir()} > {"index.html"}
