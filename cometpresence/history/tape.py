"""The tape of a recorder: what it writes, in words of presence, onto SQLite.

It knows no client and no clock: whoever writes says when.  The rules that make a history honest
are kept here: moments never go back, a status is written only when it is another one, and nothing
is vouched for outside a watch.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from .claim import Claim
from .schema import NEVER, OFFLINE, ONLINE, UNKNOWN, open_for_writing

__all__ = ["Tape"]

_LATEST = """
SELECT max(coalesce((SELECT max(at) FROM changes), 0), coalesce((SELECT max(until) FROM watches), 0))
"""

# Of each user, what was before the last status at the cutoff; that status then begins there.
_TRIM = """
DELETE FROM changes WHERE at <= :cutoff AND EXISTS (
    SELECT 1 FROM changes AS later
    WHERE later.user = changes.user AND later.id > changes.id AND later.at <= :cutoff);
DELETE FROM changes WHERE at < :cutoff AND status = 0;
UPDATE changes SET at = :cutoff, server_at = NULL WHERE at < :cutoff;
DELETE FROM watches WHERE until <= :cutoff AND id <> :current;
UPDATE watches SET began = :cutoff WHERE began < :cutoff;
DELETE FROM users WHERE status = 0 AND NOT EXISTS (SELECT 1 FROM changes WHERE user = users.id);
DELETE FROM changes WHERE at <= :cutoff AND status = 2 AND NOT EXISTS (
    SELECT 1 FROM changes AS later WHERE later.user = changes.user AND later.id > changes.id);
"""

# Of whom nothing is known since the cutoff, and not now either.
_FORGET = """
DELETE FROM users WHERE status = 2 AND NOT EXISTS (SELECT 1 FROM changes WHERE user = users.id)
"""


class Tape:
    """The only writer of a file.  Not locked: its owner sees to it that one thread is here.

    All writing happens inside ``with tape.writing():``, which is one transaction, on the disk
    when the block is left.
    """

    def __init__(self, path: Path, app_id: str) -> None:
        self._claim = Claim(path)
        self._path = path.absolute()
        try:
            self._db = open_for_writing(path, app_id)
            self._place = _place(self._path)
        except BaseException:
            self._claim.release()
            raise
        self._watch: int | None = None
        self._covered_since = self._number("SELECT coalesce(max(since), 0) FROM scope")
        self.latest: int = self._number(_LATEST)
        """The latest moment written; what is written next is no earlier."""
        self.written: int = 0
        """How many changes were written, by this tape."""

    def close(self) -> None:
        """Leave one plain file, unless somebody is reading it just now.  Idempotent."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA busy_timeout = 0")
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        self._claim.release()

    def check_place(self) -> None:
        """sqlite3.OperationalError when the file is not where it was: SQLite would go on writing
        to one that has another name, or none."""
        if _place(self._path) != self._place:
            self._watch = None
            raise sqlite3.OperationalError(
                f"{self._path.name} was moved or deleted: nothing is recorded until it is back"
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of it or nothing; after an error there is no watch."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._watch = None
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # ---- watches

    @property
    def is_watching(self) -> bool:
        """Whether a watch goes on."""
        return self._watch is not None

    def begin_watch(self, at: int) -> None:
        """From now on the picture is known."""
        at = self._advance(at)
        rows = self._db.execute("INSERT INTO watches (began, until) VALUES (?, ?)", (at, at))
        self._watch = rows.lastrowid
        if self._covered_since == NEVER:
            self._cover_since(at)

    def cover(self, watched: str) -> bool:
        """Say whom the watch that just began is about; whether the one before it was about others."""
        with closing(self._db.execute("SELECT watched FROM scope")) as rows:
            if rows.fetchone() == (watched,):
                return False
        self._db.execute("DELETE FROM scope")
        self._db.execute("INSERT INTO scope VALUES (?, ?)", (watched, self.latest))
        self._covered_since = self.latest
        return True

    def vouch(self, until: int) -> None:
        """All changes up to this moment are written."""
        if self._watch is not None and until > self.latest:
            self._db.execute(
                "UPDATE watches SET until = ? WHERE id = ?", (self._advance(until), self._watch)
            )

    def end_watch(self) -> None:
        """What comes is unknown."""
        self._watch = None

    # ---- changes

    def write(
        self, uid: str, name: str, status: int, at: int, server_at: int | None = None
    ) -> None:
        """This user's status from `at` on; the same one again is not written."""
        user = self._user(uid, name, status)
        if user is None:
            return
        at = self._advance(at)
        self._db.execute(
            "INSERT INTO changes (user, at, status, server_at) VALUES (?, ?, ?, ?)",
            (user, at, status, server_at),
        )
        self._db.execute("UPDATE watches SET until = ? WHERE id = ?", (at, self._watch))
        self.written += 1

    def compare(
        self,
        online: Mapping[str, str],
        status_of: Callable[[str], int],
        at: int,
        *,
        everybody: bool = False,
    ) -> None:
        """Write what differs from a picture: names by uid of all who are online, and a function
        to ask about those who were, or about everybody."""
        whom = "" if everybody else "WHERE status <> 0"
        with closing(self._db.execute(f"SELECT uid, name FROM users {whom}")) as rows:
            were = dict(rows)
        for uid, name in online.items():
            self.write(uid, name, ONLINE, at)
        here = {uid.lower() for uid in online}
        for uid, name in were.items():
            if uid.lower() not in here:
                self.write(uid, name, status_of(uid), at)

    def trim(self, cutoff: int) -> None:
        """Forget what was before; what reaches into the time since begins at the cutoff."""
        cutoff = min(cutoff, self.latest)
        for statement in _TRIM.split(";")[:-1]:
            self._db.execute(statement, {"cutoff": cutoff, "current": self._watch or 0})
        if self._db.execute(_FORGET).rowcount:
            self._cover_since(NEVER)  # whoever comes may be one of them

    def _cover_since(self, at: int) -> None:
        self._db.execute("UPDATE scope SET since = ?", (at,))
        self._covered_since = at

    def _user(self, uid: str, name: str, status: int) -> int | None:
        """The number of a user whose status this changes; None: it is no news."""
        with closing(
            self._db.execute("SELECT id, name, status FROM users WHERE uid = ?", (uid,))
        ) as rows:
            found = rows.fetchone()
        if found is None:
            if status == OFFLINE:
                return None  # as anybody we never heard of
            return self._new_user(uid, name, status)
        number, old_name, old_status = found
        if name and name != old_name:
            self._db.execute("UPDATE users SET name = ? WHERE id = ?", (name, number))
        if status == old_status:
            return None
        self._db.execute("UPDATE users SET status = ? WHERE id = ?", (status, number))
        return int(number)

    def _new_user(self, uid: str, name: str, status: int) -> int | None:
        """Watches about others say nothing of them; those about these, that they were offline,
        unless retention forgot somebody who was unknown: then it may be them."""
        user = self._db.execute(
            "INSERT INTO users (uid, name, status) VALUES (?, ?, ?)", (uid, name, status)
        ).lastrowid
        first = self._number("SELECT min(began) FROM watches")
        since = self._covered_since
        if first < since:
            before = [(user, first, UNKNOWN), (user, since, OFFLINE)]
            self._db.executemany(
                "INSERT INTO changes (user, at, status) VALUES (?, ?, ?)",
                before[:1] if since == NEVER else before,
            )
        return user

    def _advance(self, at: int) -> int:
        self.latest = max(self.latest, at)
        return self.latest

    def _number(self, query: str) -> int:
        with closing(self._db.execute(query)) as rows:
            (number,) = rows.fetchone()
        return int(number)


def _place(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None: none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
