"""The list of users, page by page, in CometChat's vocabulary."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from . import _core
from ._aliases import with_documented_names
from ._arguments import check_flag, check_number, check_some, check_text, check_texts, unknown_names
from .errors import CometChatException, ConfigError

if TYPE_CHECKING:
    from ._core import User

__all__ = ["UsersRequest", "UsersRequestBuilder"]

# Fetches one page for the options of _core.Client.get_users: users, and how many pages there are.
FetchPage = Callable[..., "tuple[list[User], int]"]
AsyncFetchPage = Callable[..., "Awaitable[tuple[list[User], int]]"]


def _default_client_page(**query: Any) -> "tuple[list[User], int]":
    from .cometchat import default_client  # at the first page, so that building needs no init()

    return default_client()._fetch_page(**query)


async def _no_page_without_a_loop(**query: Any) -> "tuple[list[User], int]":
    raise CometChatException(
        "BLOCKING_CLIENT",
        "This request belongs to a blocking client; make it with "
        "AsyncPresenceClient.users_request(), or have a thread wait: "
        "await asyncio.to_thread(request.fetch_next).",
    )


@with_documented_names
class UsersRequestBuilder:
    """Says which users to list, as CometChat's documentation has it; setters return the builder.

        request = UsersRequestBuilder().setLimit(30).setStatus("online").build()

    Made bare, its requests go through the client behind ``CometChat``, looked up at each page;
    ``PresenceClient.users_request()`` makes one bound to that client.  A wrong value raises
    ConfigError at once, with CometChat's code.

    In CometChat's docs: "Retrieve Users".
    """

    def __init__(
        self,
        fetch_page: FetchPage = _default_client_page,
        afetch_page: AsyncFetchPage = _no_page_without_a_loop,
        /,
    ) -> None:
        self._fetch_page = fetch_page
        self._afetch_page = afetch_page
        self._query: dict[str, Any] = {}
        self._roles: tuple[str, ...] = ()
        self._role: str | None = None

    def set_limit(self, limit: int) -> Self:
        """How many users a page has, 1 to 100.  Required."""
        limit = check_number(limit, "limit", "INVALID_SET_LIMIT")
        return self._set("limit", min(max(limit, -1), 101))  # numbers in C are short

    def set_status(self, status: str) -> Self:
        """Only those who are ``"online"``, or only those ``"offline"``."""
        if not isinstance(status, str):
            raise ConfigError("INVALID_STATUS_VALUE", "The status must be text.")
        return self._set("status", status)

    def set_role(self, role: str) -> Self:
        """Only users of this role; goes together with set_roles()."""
        self._role = check_text(role, "role", "INVALID_SET_ROLE")
        return self._set_roles()

    def set_roles(self, roles: Collection[str]) -> Self:
        """Only users of one of these roles."""
        self._roles = check_some(roles, "roles", "INVALID_SET_ROLES")
        return self._set_roles()

    def friends_only(self, value: bool = True) -> Self:
        """Only friends of the user who is logged in."""
        return self._set("friends_only", check_flag(value, "friends_only", "INVALID_FRIENDS_ONLY"))

    def set_search_keyword(self, keyword: str) -> Self:
        """Only users whose name or uid contains this; a blank one is ignored."""
        if not isinstance(keyword, str):
            raise ConfigError("INVALID_SEARCH_KEYWORD", "The search keyword must be text.")
        return self._set("search_keyword", keyword if keyword.strip() else None)

    def search_in(self, fields: Collection[str]) -> Self:
        """Where to look for the search keyword: ``"uid"``, ``"name"`` or both."""
        return self._set("search_in", check_texts(fields, "fields to search", "INVALID_SEARCH_IN"))

    def hide_blocked_users(self, value: bool = True) -> Self:
        """Leave out users whom we blocked, or who blocked us."""
        return self._set(
            "hide_blocked_users",
            check_flag(value, "hide_blocked_users", "INVALID_HIDE_BLOCKED_USERS"),
        )

    def set_tags(self, tags: Collection[str]) -> Self:
        """Only users who carry one of these tags."""
        return self._set("tags", check_some(tags, "tags", "INVALID_SET_TAGS"))

    def with_tags(self, value: bool = True) -> Self:
        """Have the users' tags sent along."""
        return self._set("with_tags", check_flag(value, "with_tags", "INVALID_WITH_TAGS"))

    def set_uids(self, uids: Collection[str]) -> Self:
        """Only these users, 25 at most."""
        return self._set("uids", check_some(uids, "uids", "INVALID_SET_UIDS"))

    def sort_by(self, field: str) -> Self:
        """``"name"`` or ``"status"``."""
        return self._set(
            "sort_by", check_text(field, "field to sort by", "INVALID_SORT_BY").lower()
        )

    def sort_by_order(self, order: str) -> Self:
        """``"asc"`` or ``"desc"``."""
        return self._set(
            "sort_order", check_text(order, "sort order", "INVALID_SORT_BY_ORDER").lower()
        )

    def set_page(self, pages: int) -> Self:
        """How many pages to skip, as CometChat counts: 0 begins with the first page."""
        return self._set("page", max(check_number(pages, "page", "INVALID_SET_PAGE"), 0) + 1)

    def build(self) -> "UsersRequest":
        """The request; without set_limit() a ConfigError, SET_LIMIT_IS_COMPULSORY."""
        if "limit" not in self._query:
            raise ConfigError("SET_LIMIT_IS_COMPULSORY", "set_limit() is required.")
        return UsersRequest(self._fetch_page, self._afetch_page, self._query)

    def _set(self, name: str, value: object) -> Self:
        _core.check_users_query(**{"limit": 1, name: value})
        self._query[name] = value
        return self

    def _set_roles(self) -> Self:
        return self._set("roles", (*self._roles, *([self._role] if self._role else [])))

    if TYPE_CHECKING:
        setLimit = set_limit
        setStatus = set_status
        setRole = set_role
        setRoles = set_roles
        friendsOnly = friends_only
        setSearchKeyword = set_search_keyword
        searchIn = search_in
        hideBlockedUsers = hide_blocked_users
        setTags = set_tags
        withTags = with_tags
        setUIDs = set_uids
        sortBy = sort_by
        sortByOrder = sort_by_order
        setPage = set_page


@with_documented_names
class UsersRequest:
    """A walk through the pages of the user list; made by UsersRequestBuilder.build().

    In CometChat's docs: "Retrieve Users".
    """

    def __init__(
        self, fetch_page: FetchPage, afetch_page: AsyncFetchPage, query: Mapping[str, Any]
    ) -> None:
        self._fetch_page = fetch_page
        self._afetch_page = afetch_page
        self._query = dict(query)
        self._page: int = self._query.pop("page", 1)  # the next one, from 1
        self._pages = 0  # how many the server said there are; 0: it did not say
        self._under_way = threading.Lock()

    def fetch_next(self) -> "list[User]":
        """The next page; ``[]`` at the end, and again when asked again.

        Blocks until the server answered; legal inside a listener.  After an error the next call
        asks for the same page.  ``[]`` at once while another call is under way, as at CometChat.
        """
        if not self._under_way.acquire(blocking=False):
            return []
        try:
            return self._turn(self._fetch_page(**self._query, page=self._page))
        finally:
            self._under_way.release()

    async def afetch_next(self) -> "list[User]":
        """fetch_next() for event loops: of a request that an AsyncPresenceClient made."""
        if not self._under_way.acquire(blocking=False):
            return []
        try:
            return self._turn(await self._afetch_page(**self._query, page=self._page))
        finally:
            self._under_way.release()

    def _turn(self, answer: "tuple[list[User], int]") -> "list[User]":
        users, self._pages = answer
        if users:
            self._page += 1
        return users

    @property
    def pages(self) -> int:
        """How many pages there are, as the server said with the latest; 0: not said yet."""
        return self._pages

    def _is_exhausted(self) -> bool:
        """Whether the server said that what comes next is past the last page."""
        return 0 < self._pages < self._page

    if TYPE_CHECKING:
        fetchNext = fetch_next


# ---- all pages as one iterator

_FILTERS: dict[str, Callable[[UsersRequestBuilder, Any], UsersRequestBuilder]] = {
    "limit": UsersRequestBuilder.set_limit,
    "status": UsersRequestBuilder.set_status,
    "role": UsersRequestBuilder.set_role,
    "roles": UsersRequestBuilder.set_roles,
    "tags": UsersRequestBuilder.set_tags,
    "uids": UsersRequestBuilder.set_uids,
    "search_keyword": UsersRequestBuilder.set_search_keyword,
    "search_in": UsersRequestBuilder.search_in,
    "friends_only": UsersRequestBuilder.friends_only,
    "hide_blocked_users": UsersRequestBuilder.hide_blocked_users,
    "with_tags": UsersRequestBuilder.with_tags,
    "sort_by": UsersRequestBuilder.sort_by,
    "sort_by_order": UsersRequestBuilder.sort_by_order,
    "page": UsersRequestBuilder.set_page,
}


def request_for(builder: UsersRequestBuilder, filters: Mapping[str, Any]) -> UsersRequest:
    """A request with options given by name, pages as large as they can be unless said otherwise."""
    if unknown := [name for name in filters if name not in _FILTERS]:
        raise unknown_names("users()", unknown, _FILTERS)
    for name, value in {"limit": 100, **filters}.items():
        _FILTERS[name](builder, value)
    return builder.build()


def walk(request: UsersRequest) -> "Iterator[User]":
    """Every user of every page that is left."""
    while users := request.fetch_next():
        yield from users
        if request._is_exhausted():
            return


async def awalk(request: UsersRequest) -> "AsyncIterator[User]":
    """walk() for event loops."""
    while users := await request.afetch_next():
        for user in users:
            yield user
        if request._is_exhausted():
            return
