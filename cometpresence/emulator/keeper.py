"""What changed in the state, until it is on disk."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .store import Store

_logger = logging.getLogger(__name__)

Found = dict[str, dict[str, Any]]  # things by kind and key


class Kept(Protocol):
    """A collection whose things are kept."""

    def all_keys(self) -> list[str]:
        """Of all of them, in order."""

    def kept(self, key: str, /) -> object:
        """What is kept of one, for JSON; None if it is not there any more."""


class Keeper:
    """Collections tell it of each change.  It writes what changed before anybody hears that it is
    done: commit().  What happens by itself, as by a schedule, is written right after.

    Without a `path` there is nothing to do.  Used on the loop only, as the state is.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.count: int = 0  # of changes so far
        self.path = path
        self._store: Store | None = None
        self._is_in_charge = False
        self._collections: dict[str, Kept] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self._all_changed = False
        self._is_scheduled = False
        self._has_complained = False
        self.open()

    def open(self) -> bool:
        """Take the file, which stays ours until close(); False if it is, or if there is none.

        Nothing is written before what is in it was understood: take_charge().
        """
        if self.path is None or self._store is not None:
            return False
        from .store import Store  # costs an import only this should pay

        self._store = Store(self.path)
        return True

    def close(self) -> None:
        """Write what is to be written, and let go of the file.  Idempotent."""
        if self._store is not None:
            self._commit_at_last()
            self._store.close()
            self._store = None
            self._is_in_charge = False

    def told_of(self, kind: str) -> Callable[[str], None]:
        """What a collection calls with the key of each thing that came, changed or went."""

        def tell(key: str) -> None:
            self._changed[kind, key] = None
            self._note()

        return _nothing_to_do if self.path is None else tell

    def keep(self, **collections: Kept) -> None:
        """By kind: where to look up what changed."""
        self._collections = collections

    def load(self) -> Found:
        """What was kept, in order."""
        found: Found = {}
        for kind, key, document in () if self._store is None else self._store.rows():
            found.setdefault(kind, {})[key] = document
        return found

    def take_charge(self, *, is_new: bool) -> None:
        """From now on all there is is kept.  If the file is not new it says so already, but for the
        settings, which may have been given anew."""
        if self._store is None:
            return
        self._is_in_charge = True
        self._all_changed = is_new
        self._changed = {("setting", key): None for key in self._collections["setting"].all_keys()}
        self._note()
        self.commit()

    def replaced(self) -> None:
        """Nothing is as it was."""
        if self.path is not None:
            self._all_changed = True
            self._note()

    def commit(self, since: int = 0) -> None:
        """Write what changed, if anything did since `count` was that.

        An OSError if it cannot be; then the next change tries again.
        """
        if self.count == since or not (self._changed or self._all_changed):
            return
        if self._store is None:
            raise OSError(f"{self.path} is not ours while the emulator is stopped: start() it")
        if not self._is_in_charge:
            return
        things = self._everything() if self._all_changed else self._changed
        rows = [(kind, key, self._collections[kind].kept(key)) for kind, key in things]
        self._store.write(rows, afresh=self._all_changed)
        self._changed.clear()
        self._all_changed = self._has_complained = False

    def _everything(self) -> Iterable[tuple[str, str]]:
        return ((kind, key) for kind, kept in self._collections.items() for key in kept.all_keys())

    def _note(self) -> None:
        self.count += 1
        if self._is_scheduled:
            return
        try:
            asyncio.get_running_loop().call_soon(self._commit_at_last)
        except RuntimeError:
            return  # nothing runs: who changes something commits it
        self._is_scheduled = True

    def _commit_at_last(self) -> None:
        """Where nobody waits to hear of it."""
        self._is_scheduled = False
        try:
            self.commit()
        except OSError as error:
            if not self._has_complained:
                self._has_complained = True
                _logger.error("the state is not kept any more: %s", error)


def opened(path: str | Path | None, app_id: str | None) -> tuple[Keeper, Found]:
    """And what there is already; a ValueError if that is another app's."""
    keeper = Keeper(path)
    try:
        found = keeper.load()
        owner = found.get("setting", {}).get("app_id")
        if None not in (app_id, owner) and app_id != owner:
            raise ValueError(f"{path} is the state of the app {owner}, not of {app_id}")
    except BaseException:
        keeper.close()
        raise
    return keeper, found


def _nothing_to_do(key: str) -> None:
    """For a state that lives in memory alone."""
