"""Secrets, and how they are taken out of whatever is shown: by name, by shape, and by what they are."""

import base64
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

REDACTED = "[redacted]"

_SHORT = 200  # characters of texts that come again and again, such as names
_DEEPEST = 100  # lists in lists
_ENCODED_AT_MOST = 8  # times one in the other: whoever does more hides something
_TELLING = 6  # so many characters of a secret, where a text was cut, are part of one

_LONGEST_NAME = 40

# Without regard to case, dashes and underscores, and to what stands before it.
_NAME = (
    r"api[-_]?key|auth[-_]?token|auth[-_]?key|access[-_]?token|refresh[-_]?token|admin[-_]?token"
    r"|password|passwd|secret|authorization|cookie|jwt"
    r"|(?<![a-z0-9])(?:auth|token|fat|pwd)"
)
_SECRET_NAME = re.compile(rf".*?(?:{_NAME})", re.IGNORECASE | re.DOTALL)
# In a text that is no JSON, or in one inside another: `authToken=…`, `"jwt": "…"`, however cut.
_PAIR = re.compile(
    rf"""((?:{_NAME})["'\s]*[:=]["'\s]*(?:(?:bearer|basic)\s+)?+)[^\s"'&,;{{}}<>\[]+""",
    re.IGNORECASE,
)

# What credentials.mint() gives, whole or cut, and the JSON Web Tokens of the real service.
_MINTED = re.compile(
    r"[0-9a-f]{40}|(?:key|rest|admin)_[0-9a-f]{8,}|jwt\.[a-z0-9_-]+\.[0-9a-f]{8,}|_[0-9a-f]{16,}"
    r"|eyJ[\w-]{10,}(?:\.[\w-]*){0,2}",
    re.IGNORECASE,
)
_MAYBE_MINTED = re.compile(r"[0-9A-Fa-f]{8}|eyJ", re.IGNORECASE)  # a quick look comes first
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/]))')
# Three hexadecimal digits become four characters, each one of a few.
_MINTED_IN_BASE64 = re.compile(
    r"(?:[MNOQRYZ][02DEGTUWjkmz][ABEFIJMNQRUVYZcdghkl][0-5B-Gh-mw-z]){12}"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{5,}={0,2}")


class Redactor:
    """Knows an emulator's own secrets; what it mints, it knows by its shape."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._seen = lru_cache(10_000)(self._decoded_and_scrubbed)
        self._in_base64 = [core for secret in self._secrets for core in _cores(secret.encode())]

    def value(self, value: Any, depth: int = 0) -> Any:
        """A copy without secrets, of which any JSON library makes valid JSON."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if depth > _DEEPEST:
            return "[too deep]"
        if isinstance(value, Mapping):
            return {
                self.text(str(name)): REDACTED
                if _is_secret(str(name), item)
                else self.value(item, depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item, depth + 1) for item in value]
        return value

    def text(self, text: str) -> str:
        """What is spelled otherwise, as in URLs, is shown decoded if there is a secret in it."""
        return self._seen(text) if len(text) < _SHORT else self._decoded_and_scrubbed(text)

    def excerpt(self, text: str, most: int) -> str:
        """The beginning.  Cut only now: half a secret could not be recognised."""
        return self.text(text)[:most]

    def _decoded_and_scrubbed(self, text: str, encoded: int = 0) -> str:
        if not text.isascii():  # lone surrogates, of odd headers or escapes, cannot be written out
            text = text.encode(errors="backslashreplace").decode()
        if "%" in text or "\\" in text:
            decoded = _ESCAPE.sub(_unescaped, unquote(text))
            if decoded != text:
                if encoded == _ENCODED_AT_MOST:
                    return REDACTED
                if (scrubbed := self._decoded_and_scrubbed(decoded, encoded + 1)) != decoded:
                    return scrubbed
        return self._scrub(text)

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            text = _uncut(text.replace(secret, REDACTED), secret)
        if len(text) < _TELLING:
            return text
        if ":" in text or "=" in text:
            text = _PAIR.sub(rf"\1{REDACTED}", text)
        if _MAYBE_MINTED.search(text):
            text = _MINTED.sub(REDACTED, text)
        if self._hides(text):
            text = _BASE64.sub(lambda run: REDACTED if self._hides(run[0]) else run[0], text)
        return text

    def _hides(self, text: str) -> bool:
        """Is there a secret in it as base64?"""
        if any(core in text for core in self._in_base64):
            return True
        return len(text) >= 48 and _MINTED_IN_BASE64.search(text) is not None


def _is_secret(name: str, value: object) -> bool:
    """An empty value tells nothing, and a switch such as withAuthToken is none."""
    if value in (None, "") or isinstance(value, bool):
        return False
    return _names_a_secret(name[-_LONGEST_NAME:])


@lru_cache(1000)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name) is not None


def _uncut(text: str, secret: str) -> str:
    """Without the beginning of `secret` at its end, and without its end at the beginning."""
    if len(secret) <= _TELLING:
        return text
    begins = text.rfind(secret[:_TELLING], max(0, len(text) - len(secret)))
    if begins >= 0 and secret.startswith(text[begins:]):
        text = text[:begins] + REDACTED
    ends = text.find(secret[-_TELLING:], 0, len(secret)) + _TELLING
    if ends >= _TELLING and secret.endswith(text[:ends]):
        text = REDACTED + text[ends:]
    return text


def _unescaped(escape: re.Match[str]) -> str:
    """But for surrogates, which are no characters."""
    if not escape[1]:
        return escape[2]
    return escape[0] if "d8" <= escape[1][:2].lower() <= "df" else chr(int(escape[1], 16))


def _cores(secret: bytes) -> Iterator[str]:
    """What is in every base64 text that has `secret` in it, wherever it stands there."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        core = encoded[math.ceil(before * 8 / 6) : (before + len(secret)) * 8 // 6]
        if len(core) >= 4:
            yield from {core, core.translate(str.maketrans("+/", "-_"))}
