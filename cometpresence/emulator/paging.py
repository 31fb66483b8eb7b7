"""A page of a list, and what is said about it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .coverage import Kind, supported
from .refusal import bad_request, not_emulated

_T = TypeVar("_T")

# Of the lists of the management API, as documented.
PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

_SWITCH = {"1": True, "true": True, "0": False, "false": False, "": False}


def page_of(items: Sequence[_T], *, page: int, size: int) -> tuple[Sequence[_T], dict[str, Any]]:
    """The items of the page, and the `meta` of the answer."""
    start = (page - 1) * size
    shown = items[start : start + size]
    return shown, {
        "pagination": {
            "total": len(items),
            "count": len(shown),
            "per_page": size,
            "current_page": page,
            "total_pages": math.ceil(len(items) / size),
        }
    }


def managed_page(
    endpoint: str, items: Sequence[_T], query: Mapping[str, str], *, strict: bool
) -> tuple[Sequence[_T], Any]:
    """The page that perPage and page ask for."""
    refuse_unknown(endpoint, query, strict=strict)
    size = page_size(query, "perPage", PAGE_SIZE, most=MAX_PAGE_SIZE, strict=strict)
    return page_of(items, page=whole_number(query, "page", 1), size=size)


def refuse_unknown(endpoint: str, query: Mapping[str, str], *, strict: bool) -> None:
    """A filter ignored in silence would be a wrong answer.

    A name without a value is let through: the v3 SDK sends search keywords unencoded, and an
    ampersand in one leaves such a name behind.
    """
    known = supported(Kind.QUERY, endpoint)
    unknown = [name for name, value in query.items() if name not in known and value]
    if unknown and strict:
        raise not_emulated(f"the option {', '.join(sorted(unknown))} of {endpoint}")


def is_set(query: Mapping[str, str], name: str) -> bool:
    """A switch; 400 for what is neither on nor off."""
    try:
        return _SWITCH[query.get(name, "")]
    except KeyError:
        raise bad_request(f"{name} must be one of 1, true, 0, false") from None


def page_size(query: Mapping[str, str], name: str, default: int, *, most: int, strict: bool) -> int:
    """What the query says, or without `strict` as many as there may be."""
    size = whole_number(query, name, default)
    if size > most and strict:
        raise bad_request(f"{name} is at most {most}")
    return min(size, most)


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise bad_request(f"{name} must be a whole number above 0")
    return int(text)
