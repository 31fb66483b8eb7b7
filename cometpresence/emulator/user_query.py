"""GET /users: every option of PROTOCOL §3.4, and the page it yields."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .coverage import Kind, supported
from .refusal import bad_request, not_emulated
from .users import User
from .wire import user_json

MAX_PER_PAGE = 100
MAX_UIDS = 25

_LISTS = ("roles", "tags", "uids", "searchIn")
_CHOICES = {
    "status": ("available", "offline"),
    "sortBy": ("name", "status"),
    "sortOrder": ("asc", "desc"),
}


@dataclass(frozen=True, slots=True)
class UserQuery:
    per_page: int
    page: int
    search: str
    search_in: frozenset[str]
    status: str
    roles: frozenset[str]
    tags: frozenset[str]
    uids: frozenset[str]
    friends_only: bool
    hide_blocked: bool
    with_tags: bool
    sort_by: str
    descending: bool

    @classmethod
    def parse(cls, query: Mapping[str, str], *, strict: bool) -> "UserQuery":
        """Refuses what it does not know: a filter ignored in silence would be a wrong answer.

        A name without a value is let through: the v3 SDK sends search keywords unencoded, and an
        ampersand in one leaves such a name behind.
        """
        known = supported(Kind.QUERY, "GET /users")
        unknown = [name for name, value in query.items() if name not in known and value]
        if unknown and strict:
            raise not_emulated(f"the users option {', '.join(sorted(unknown))}")
        for name, allowed in _CHOICES.items():
            if query.get(name, allowed[0]) not in allowed:
                raise bad_request(f"{name} must be one of {', '.join(allowed)}")
        lists = {name: _listed(query.get(name, "")) for name in _LISTS}
        if len(lists["uids"]) > MAX_UIDS and strict:
            raise bad_request(f"at most {MAX_UIDS} uids a request")
        per_page = _whole(query, "per_page", 30)
        if per_page > MAX_PER_PAGE and strict:
            raise bad_request(f"per_page is at most {MAX_PER_PAGE}")
        return cls(
            per_page=min(per_page, MAX_PER_PAGE),
            page=_whole(query, "page", 1),
            search=query.get("searchKey", "").strip().casefold(),
            search_in=lists["searchIn"] or frozenset({"uid", "name"}),
            status=query.get("status", ""),
            roles=lists["roles"],
            tags=lists["tags"],
            uids=frozenset(uid.lower() for uid in lists["uids"]),
            friends_only=query.get("friendsOnly") in ("1", "true"),
            hide_blocked=query.get("hideBlockedUsers") in ("1", "true"),
            with_tags=query.get("withTags") in ("1", "true"),
            sort_by=query.get("sortBy", "status"),
            descending=query.get("sortOrder") == "desc",
        )

    def answer(self, everybody: Iterable[User], viewer: User) -> dict[str, Any]:
        """The page and its pagination.  Our choice: viewers see themselves in the list."""
        chosen = [user for user in everybody if self.admits(user, viewer)]
        chosen.sort(key=self._sort_key, reverse=self.descending)
        start = (self.page - 1) * self.per_page
        page = chosen[start : start + self.per_page]
        return {
            "data": [user_json(user, viewer=viewer, with_tags=self.with_tags) for user in page],
            "meta": {
                "pagination": {
                    "total": len(chosen),
                    "count": len(page),
                    "per_page": self.per_page,
                    "current_page": self.page,
                    "total_pages": math.ceil(len(chosen) / self.per_page),
                }
            },
        }

    def admits(self, user: User, viewer: User) -> bool:
        return (
            (not self.status or user.online == (self.status == "available"))
            and (not self.roles or user.role in self.roles)
            and (not self.tags or not self.tags.isdisjoint(user.tags))
            and (not self.uids or user.uid in self.uids)
            and (not self.friends_only or viewer.is_friend_of(user))
            and (not self.hide_blocked or user.uid not in viewer.blocked)
            and (not self.search or self._found_in(user))
        )

    def _found_in(self, user: User) -> bool:
        return ("uid" in self.search_in and self.search in user.uid) or (
            "name" in self.search_in and self.search in user.name.casefold()
        )

    def _sort_key(self, user: User) -> tuple[object, ...]:
        """By status, then name, then uid, as documented; online comes first."""
        key = (user.name.casefold(), user.uid)
        return key if self.sort_by == "name" else (not user.online, *key)


def _listed(text: str) -> frozenset[str]:
    return frozenset(item for item in text.split(",") if item)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10**9):
        raise bad_request(f"{name} must be a whole number above 0")
    return int(text)
