"""The C core as a Python object: built from csrc/core by the first test that needs it."""

import ctypes
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECOND = 1_000_000
NEVER = 2**63 - 1


class Kind(IntEnum):
    """cp_call_kind, as far as it is called here."""

    LOGIN = 0
    TOKEN = 1
    CONNECT = 3
    DISCONNECT = 4
    GET_USER = 5
    COUNT = 7
    AWAIT_SYNC = 8
    RESYNC = 9
    CLOSE = 10
    AWAIT_DEMAND = 11


class State(IntEnum):
    """cp_session_state."""

    OFFLINE = 0
    CONNECTING = 1
    AUTHENTICATING = 2
    SYNCING = 3
    LIVE = 4
    WAITING = 5
    REFUSED = 6
    CLOSED = 7


SYNCED = 1  # cp_sync_state
UNKNOWN, OFFLINE, ONLINE = range(3)  # cp_presence_status
LIVE_ORIGIN = 0  # cp_origin
NO_FAILURE, CONNECTION_LOST, TIMED_OUT = 0, 5, 6  # cp_failure_kind


class Options(ctypes.Structure):
    _fields_ = (
        ("subscription", ctypes.c_int32),
        ("page_size", ctypes.c_int32),
        ("queue_size", ctypes.c_int32),
        ("whole", ctypes.c_int32),
        ("has_token_provider", ctypes.c_int32),
        ("audit_after", ctypes.c_int64),
        ("sync_every", ctypes.c_int64),
        ("watched_every", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("role", ctypes.c_char_p),
        ("watched", ctypes.c_char_p),
    )


@cache
def _library() -> ctypes.CDLL:
    out = Path(mkdtemp()) / "core.so"
    flags = shlex.split(
        subprocess.check_output(["pkg-config", "--cflags", "--libs", "libcjson"], text=True)
    )
    sources = [HERE / "core_driver.c", *sorted((ROOT / "csrc/core").glob("*.c"))]
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    sanitizer = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    how = [compiler, "-shared", "-fPIC", "-O1", "-g", "-w", *sanitizer, f"-I{ROOT}/csrc"]
    subprocess.run([*how, *sources, "-o", out, *flags, "-lm"], check=True)
    library = ctypes.CDLL(str(out))
    shutil.rmtree(out.parent)
    text, pointer, number, long = (
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int64,
    )
    signatures = {
        "new": ([ctypes.POINTER(Options)], pointer),
        "free": ([pointer], None),
        "set_now": ([pointer, long], None),
        "called": ([pointer, number, number, long, text, text, text], pointer),
        "cancelled": ([pointer, pointer], None),
        "opened": ([pointer], None),
        "received": ([pointer, text], None),
        "answered": ([pointer, ctypes.c_uint64, number, number, text, text], None),
        "closed": ([pointer, number, number, number], None),
        "elapsed": ([pointer], None),
        "deadline": ([pointer], long),
        "pull": ([pointer], text),
        "changes": ([pointer, number], text),
        "state": ([pointer], number),
        "sync_state": ([pointer], number),
        "status": ([pointer, text], number),
        "high_water": ([pointer], ctypes.c_uint32),
        "coalesced": ([pointer], ctypes.c_uint64),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, f"driver_{name}")
        function.argtypes, function.restype = arguments, result
    return library


def _lines(text: bytes | None) -> Iterator[list[str]]:
    return (line.split("\t") for line in (text or b"").decode().splitlines())


class Core:
    """A session and its roster.  Strings are encoded here; times are microseconds."""

    def __init__(self, options: Options) -> None:
        self._library = _library()
        self._driver = self._library.driver_new(ctypes.byref(options))

    def free(self) -> None:
        self._library.driver_free(self._driver)

    def set_now(self, usec: int) -> None:
        self._library.driver_set_now(self._driver, usec)

    def called(self, kind: Kind, number: int, timeout: int = -1, **texts: str) -> int:
        values = [texts.get(name) for name in ("uid", "auth_key", "auth_token")]
        encoded = [value if value is None else value.encode() for value in values]
        call: int = self._library.driver_called(self._driver, kind, number, timeout, *encoded)
        return call

    def cancelled(self, call: int) -> None:
        self._library.driver_cancelled(self._driver, call)

    def opened(self) -> None:
        self._library.driver_opened(self._driver)

    def received(self, text: str) -> None:
        self._library.driver_received(self._driver, text.encode())

    def answered(
        self,
        ticket: int,
        status: int,
        body: str,
        *,
        failure: int = NO_FAILURE,
        retry_after: str | None = None,
    ) -> None:
        wait = retry_after if retry_after is None else retry_after.encode()
        self._library.driver_answered(self._driver, ticket, failure, status, body.encode(), wait)

    def closed(self, code: int, *, failure: int = NO_FAILURE) -> None:
        self._library.driver_closed(self._driver, code, code != 1006, failure)

    def elapsed(self) -> None:
        self._library.driver_elapsed(self._driver)

    @property
    def deadline(self) -> int:
        deadline: int = self._library.driver_deadline(self._driver)
        return deadline

    def pull(self) -> Iterator[list[str]]:
        return _lines(self._library.driver_pull(self._driver))

    def changes(self, most: int) -> Iterator[list[str]]:
        return _lines(self._library.driver_changes(self._driver, most))

    @property
    def state(self) -> State:
        return State(self._library.driver_state(self._driver))

    @property
    def is_synced(self) -> bool:
        return bool(self._library.driver_sync_state(self._driver) == SYNCED)

    def status(self, uid: str) -> int:
        status: int = self._library.driver_status(self._driver, uid.encode())
        return status

    def is_online(self, uid: str) -> bool:
        return self.status(uid) == ONLINE

    @property
    def high_water(self) -> int:
        high: int = self._library.driver_high_water(self._driver)
        return high

    @property
    def coalesced(self) -> int:
        coalesced: int = self._library.driver_coalesced(self._driver)
        return coalesced
