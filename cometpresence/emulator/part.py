"""A table of a file that people write: what it says, and what is wrong with it by its path."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

_MOST_NAMED = 10  # of what there is, in a complaint


class Part:
    """`path` is where it stands in the file: ``users[3]``; "" for the file itself."""

    def __init__(self, table: Mapping[str, Any], path: str = "") -> None:
        self.table = table
        self.path = path

    def refuse(self, key: str, complaint: str) -> NoReturn:
        """ValueError with the path of the key; "" is the table itself."""
        path = ".".join(filter(None, (self.path, key)))
        raise ValueError(f"{path}: {complaint}" if path else complaint)

    def allow(self, keys: Collection[str]) -> None:
        """Refuse all other keys."""
        for key in self.table:
            if key not in keys:
                self.refuse(key, f"there is no such key{_meant(key, keys, 'keys')}")

    def find(self, name: str, known: Collection[str], key: str, what: str) -> str:
        """`name` as it is known, in lower case; refused if it is not."""
        if name.lower() not in known:
            self.refuse(key, f"no {what} {name!r}{_meant(name, known, what + 's')}")
        return name.lower()

    def text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "a text is needed" if value is None else "must be a text")
        return value

    def texts(self, key: str) -> list[str]:
        """One alone may stand without the brackets; [] if the key is absent."""
        value = self.table.get(key, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            self.refuse(key, "must be a text, or a list of texts")
        if key in self.table and not listed:
            self.refuse(key, "must not be empty")
        return listed

    def items(self, key: str) -> Iterable[tuple[str, Any]]:
        """The items of a list, each with the key it is refused by."""
        value = self.table.get(key, [])
        if not isinstance(value, list):
            self.refuse(key, f"must be a list, such as [[{key}]]")
        return ((f"{key}[{number}]", item) for number, item in enumerate(value))

    def parts(self, key: str) -> list["Part"]:
        """The tables of a list of them."""
        return [self.part(key, item) for key, item in self.items(key)]

    def part(self, key: str, item: object) -> "Part":
        if not isinstance(item, dict):
            self.refuse(key, "must be a table")
        return Part(item, ".".join(filter(None, (self.path, key))))


def _meant(name: str, known: Collection[str], what: str) -> str:
    """What may have been meant, or else what there is."""
    if close := get_close_matches(name.lower(), known, 1):
        return f"; did you mean {close[0]!r}? ({what}: {_some(known)})"
    return f" ({what}: {_some(known)})"


def _some(known: Collection[str]) -> str:
    listed = sorted(known)
    more = ", …" if len(listed) > _MOST_NAMED else ""
    return (", ".join(listed[:_MOST_NAMED]) + more) or "none"
