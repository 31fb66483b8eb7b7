"""Which events somebody wants to hear of."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ._arguments import check_some, empty_error
from .errors import ConfigError
from .values import Origin

if TYPE_CHECKING:
    from ._core import User

__all__ = ["about", "check_origins"]


def about(
    uids: Collection[str] | None, roles: Collection[str] | None
) -> "Callable[[User], bool] | None":
    """Whether a user is one of those asked for; None: everybody is.

    Uids are compared as the server does, without case.  Empty filters are refused: nobody could
    pass, and who means nobody need not ask.
    """
    if uids is None and roles is None:
        return None
    wanted_uids = None if uids is None else {uid.lower() for uid in check_some(uids, "uids")}
    wanted_roles = None if roles is None else set(check_some(roles, "roles"))

    def wants(user: "User") -> bool:
        return (wanted_uids is None or user.uid.lower() in wanted_uids) and (
            wanted_roles is None or user.role in wanted_roles
        )

    return wants


def check_origins(origins: Collection[Origin]) -> frozenset[Origin]:
    """`origins` as a set; all of them must be Origins."""
    if not isinstance(origins, Collection) or not all(isinstance(one, Origin) for one in origins):
        raise ConfigError("INVALID_PARAMETER", f"The origins must be Origins, not {origins!r}.")
    if not origins:
        raise empty_error("origins")
    return frozenset(origins)
