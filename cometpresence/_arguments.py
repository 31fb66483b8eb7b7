"""Checks of what callers pass: a ConfigError with a code at once, rather than a surprise later."""

import functools
import inspect
import math
import re
import sys
import warnings
from collections.abc import Callable, Collection, Mapping
from types import CoroutineType, FunctionType, MethodType

from .errors import AuthError, ClientClosed, ConfigError

__all__ = [
    "check_callable",
    "check_flag",
    "check_function",
    "check_loopback_url",
    "check_number",
    "check_seconds",
    "check_some",
    "check_takes",
    "check_text",
    "check_texts",
    "check_timeout",
    "closed_error",
    "empty_error",
    "not_logged_in",
    "refuse_coroutine",
    "unknown_names",
    "warn",
    "words_of",
]

_COROUTINE = inspect.CO_COROUTINE
_GENERATORS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR

# Strict on purpose: such a URL redirects credentials, so nothing may hide in it.
_LOOPBACK_URL = re.compile(
    r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?(/[\w./-]*)?",
    re.ASCII | re.IGNORECASE,
)


def check_text(value: object, what: str, code: str = "INVALID_PARAMETER") -> str:
    """`value`, which must be text and not empty; an empty one is MISSING_PARAMETERS."""
    if value is None or value == "":
        raise ConfigError("MISSING_PARAMETERS", f"The {what} is missing.")
    if not isinstance(value, str):
        raise ConfigError(code, f"The {what} must be text, not {type(value).__name__}.")
    return value


def check_texts(value: object, what: str, code: str = "INVALID_PARAMETER") -> tuple[str, ...]:
    """`value` as a tuple; it must hold texts that are not empty.  One text is no list of texts."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        raise ConfigError(
            code,
            f"The {what} must be a list or set of texts, such as {{'alice'}}, "
            f"not {type(value).__name__}.",
        )
    for item in value:
        if not isinstance(item, str) or not item:
            raise ConfigError(code, f"The {what} must be a list of texts, and {item!r} is none.")
    return tuple(value)


def check_some(value: object, what: str, code: str = "INVALID_PARAMETER") -> tuple[str, ...]:
    """`value` as check_texts() has it, of a filter: nobody would pass an empty one."""
    texts = check_texts(value, what, code)
    if not texts:
        raise empty_error(what, code)
    return texts


def check_callable(value: object, what: str) -> Callable[..., object]:
    """`value`, which must be callable, and no generator: calling it would run none of its lines."""
    if not callable(value):
        raise ConfigError(
            "INVALID_PARAMETER", f"{what} must be callable, not {type(value).__name__}."
        )
    function: Callable[..., object] = value
    if _flags_of(function) & _GENERATORS:
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{what} must not yield: calling such a function runs none of its lines; "
            "call what should hear of it instead.",
        )
    return function


def check_function(value: object, what: str) -> Callable[..., object]:
    """`value`, which must be callable, and no coroutine function: nobody would await it.

    What is one in disguise is found when it is called, by refuse_coroutine() and by the core.
    """
    checked = check_callable(value, what)
    if _flags_of(checked) & _COROUTINE:
        raise _nobody_awaits(f"{what} is a coroutine function")
    return checked


def check_takes(value: Callable[..., object], names: tuple[str, ...], what: str) -> None:
    """Whether `value` can be called with so many arguments, as far as that can be seen."""
    if not _shows_what_it_takes(value):
        return
    try:
        # What a decorator wraps may take other arguments than what it made of it.
        signature = inspect.signature(value, follow_wrapped=False)
    except Exception:  # some of C have none, and annotations may fail in any way
        return
    try:
        signature.bind(*names)
    except TypeError as error:
        called = getattr(value, "__qualname__", type(value).__qualname__)
        raise ConfigError(
            "INVALID_PARAMETER",
            f"{what} is called with ({', '.join(names)}), and {called} does not fit "
            f"({error}): let it take {'just these' if names else 'no arguments'}.",
        ) from None


def _shows_what_it_takes(value: Callable[..., object]) -> bool:
    """Whether a signature of `value` is that of what would run: inspect believes whatever a decorator
    set, and some versions of it count wrong where `__call__` is no plain method."""
    while isinstance(value, functools.partial):
        value = value.func
    if hasattr(value, "__signature__"):
        return False
    if isinstance(value, (type, FunctionType, MethodType)):
        return True
    return isinstance(inspect.getattr_static(type(value), "__call__", None), FunctionType)


def refuse_coroutine(result: object, what: str) -> object:
    """`result` of calling user code, which must be no coroutine: nobody would await it."""
    if isinstance(result, CoroutineType):
        result.close()
        raise _nobody_awaits(f"{what} returned a coroutine")
    return result


def _nobody_awaits(fault: str) -> ConfigError:
    return ConfigError(
        "INVALID_PARAMETER",
        f"{fault}, which nobody awaits here: use a plain function, or AsyncPresenceClient, "
        "which runs coroutines.",
    )


def _flags_of(value: Callable[..., object]) -> int:
    """What kind of function would run if `value` were called, as far as that can be seen."""
    while isinstance(value, functools.partial):
        value = value.func
    function = getattr(value, "__func__", value)  # a method's
    if not hasattr(function, "__code__") and not isinstance(value, type):
        function = type(value).__call__
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return flags if isinstance(flags, int) else 0


def check_number(value: object, what: str, code: str) -> int:
    """`value`, which must be a whole number; True is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(code, f"The {what} must be a whole number, not {value!r}.")
    return value


def check_seconds(value: object, what: str) -> float:
    """`value`, which must be a number of seconds, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ConfigError("INVALID_PARAMETER", f"{what} must be seconds, 0 or more, not {value!r}.")
    return float(value)


def check_timeout(value: object, what: str) -> float | None:
    """`value`, which must be a number of seconds, 0 or more, or None: for ever."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is None or (is_number and value >= 0):  # type: ignore[operator]
        return value  # type: ignore[return-value]
    raise ConfigError(
        "INVALID_PARAMETER", f"{what} must be seconds, 0 or more, or None, not {value!r}."
    )


def check_flag(value: object, what: str, code: str) -> bool:
    """`value`, which must be True or False."""
    if not isinstance(value, bool):
        raise ConfigError(code, f"{what} takes True or False, not {value!r}.")
    return value


def check_loopback_url(value: str, what: str) -> str:
    """`value`, which must be the URL of a server on this machine."""
    if not _LOOPBACK_URL.fullmatch(value):
        raise ConfigError(
            "INVALID_HOST",
            f"{what} must be the URL of an emulator on this machine, such as "
            "http://127.0.0.1:8080, because credentials are sent there.",
        )
    return value


def empty_error(what: str, code: str = "INVALID_PARAMETER") -> ConfigError:
    """What an empty filter raises: who means nobody need not ask."""
    return ConfigError(
        code, f"The {what} are empty, so nothing would pass: leave them out for all."
    )


def closed_error() -> ClientClosed:
    """What a client that was closed raises."""
    return ClientClosed("ERR_CLIENT_CLOSED", "the client is closed: make a new one")


def not_logged_in() -> AuthError:
    """What a wait raises that nothing can end: the core's words, and the vendor's code."""
    return AuthError("USER_NOT_LOGED_IN", "nobody is logged in: call login() first")


def unknown_names(what: str, unknown: Collection[str], valid: Collection[str]) -> ConfigError:
    """The error to raise for names that nobody knows."""
    return ConfigError(
        "INVALID_PARAMETER",
        f"{what} does not know {', '.join(map(str, unknown))}; it knows {', '.join(valid)}.",
    )


def words_of(error: Exception) -> str:
    """What the system said, without the number it has for it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    return str(error)


def warn(message: str) -> None:
    """Warn about a line of the caller's: the nearest one outside this package."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("cometpresence."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
