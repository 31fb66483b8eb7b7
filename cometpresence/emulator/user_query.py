"""GET /users: the options of PROTOCOL §3.4, those of the management API, and the page they yield."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .paging import (
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    is_set,
    page_of,
    page_size,
    refuse_unknown,
    whole_number,
)
from .refusal import bad_request
from .users import User
from .wire import user_json

MAX_PER_PAGE = 100
MAX_UIDS = 25

OF_CLIENTS = "GET /users"
OF_MANAGEMENT = "GET /users with apiKey"

_CHOICES = {
    "status": ("available", "offline"),
    "sortBy": ("name", "status"),
    "sortOrder": ("asc", "desc"),
}
_SEARCHED = frozenset({"uid", "name"})


@dataclass(frozen=True, slots=True)
class UserQuery:
    per_page: int
    page: int
    search: str
    search_in: frozenset[str]
    status: str
    roles: frozenset[str]
    tags: frozenset[str]
    sort_by: str
    descending: bool
    with_tags: bool
    uids: frozenset[str] = frozenset()
    friends_only: bool = False
    hide_blocked: bool = False
    from_start: bool = False  # does a search want the beginning of the text, or any part of it?
    active: bool = True  # are users who are not deactivated wanted?
    deactivated: bool = False  # are those who are?
    count_only: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, str], *, strict: bool) -> "UserQuery":
        """As the SDK spells them."""
        refuse_unknown(OF_CLIENTS, query, strict=strict)
        per_page = page_size(query, "per_page", 30, most=MAX_PER_PAGE, strict=strict)
        uids = _listed(query, "uids")
        if len(uids) > MAX_UIDS and strict:
            raise bad_request(f"at most {MAX_UIDS} uids a request")
        return replace(
            cls._of_both(query, per_page=per_page),
            uids=frozenset(uid.lower() for uid in uids),
            friends_only=is_set(query, "friendsOnly"),
            hide_blocked=is_set(query, "hideBlockedUsers"),
        )

    @classmethod
    def parse_managed(cls, query: Mapping[str, str], *, strict: bool) -> "UserQuery":
        """As the REST API's documentation spells them."""
        refuse_unknown(OF_MANAGEMENT, query, strict=strict)
        per_page = page_size(query, "perPage", PAGE_SIZE, most=MAX_PAGE_SIZE, strict=strict)
        parsed = cls._of_both(query, per_page=per_page)
        with_deactivated = is_set(query, "withDeactivated")
        only_deactivated = is_set(query, "onlyDeactivated")
        return replace(
            parsed,
            roles=parsed.roles | _roles(query, "role"),
            from_start=True,
            active=not only_deactivated,
            deactivated=with_deactivated or only_deactivated,
            count_only=is_set(query, "count"),
        )

    @classmethod
    def _of_both(cls, query: Mapping[str, str], *, per_page: int) -> "UserQuery":
        for name, allowed in _CHOICES.items():
            if query.get(name, allowed[0]) not in allowed:
                raise bad_request(f"{name} must be one of {', '.join(allowed)}")
        search_in = _listed(query, "searchIn") or _SEARCHED
        if not search_in <= _SEARCHED:
            raise bad_request(f"searchIn must be {', '.join(sorted(_SEARCHED))} or both")
        return cls(
            per_page=per_page,
            page=whole_number(query, "page", 1),
            search=query.get("searchKey", "").strip().casefold(),
            search_in=search_in,
            status=query.get("status", ""),
            roles=_roles(query, "roles"),
            tags=_listed(query, "tags"),
            sort_by=query.get("sortBy", "status"),
            descending=query.get("sortOrder") == "desc",
            with_tags=is_set(query, "withTags"),
        )

    def answer(self, everybody: Iterable[User], viewer: User | None) -> dict[str, Any]:
        """The page and its pagination.  Our choice: viewers see themselves in the list."""
        chosen = [user for user in everybody if self.admits(user, viewer)]
        chosen.sort(key=self._sort_key, reverse=self.descending)
        page, meta = page_of(chosen, page=self.page, size=self.per_page)
        shown = [user_json(user, viewer=viewer, with_tags=self.with_tags) for user in page]
        return {"data": shown, "meta": meta}

    def admits(self, user: User, viewer: User | None) -> bool:
        return (
            (not self.status or user.online == (self.status == "available"))
            and (not self.roles or user.role in self.roles)
            and (not self.tags or not self.tags.isdisjoint(user.tags))
            and (not self.uids or user.uid in self.uids)
            and (not self.friends_only or (viewer is not None and viewer.is_friend_of(user)))
            and (not self.hide_blocked or viewer is None or user.uid not in viewer.blocked)
            and (not self.search or self._found_in(user))
            and (self.deactivated if user.deactivated_at else self.active)
        )

    def _found_in(self, user: User) -> bool:
        texts = {"uid": user.uid, "name": user.name.casefold()}
        return any(
            text.startswith(self.search) if self.from_start else self.search in text
            for place, text in texts.items()
            if place in self.search_in
        )

    def _sort_key(self, user: User) -> tuple[object, ...]:
        """By status, then name, then uid, as documented; online comes first."""
        key = (user.name.casefold(), user.uid)
        return key if self.sort_by == "name" else (not user.online, *key)


def _roles(query: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(map(str.lower, _listed(query, name)))


def _listed(query: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(item for item in query.get(name, "").split(",") if item)
