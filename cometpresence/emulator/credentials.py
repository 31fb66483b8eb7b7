"""Keys, tokens and jwts: what is minted, what it stands for, when it stops counting."""

import hmac
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .refusal import Refusal

# Everything minted here ends in 40 hexadecimal digits; the journal redacts by that shape.
_HEX_BYTES = 20

_TOKEN = re.compile(rf"([a-z0-9_-]+)_[0-9a-f]{{{2 * _HEX_BYTES}}}")
_JWT = re.compile(rf"jwt\.([a-z0-9_-]+)\.[0-9a-f]{{{2 * _HEX_BYTES}}}")

# As documented: the oldest token of a user ends when there is one too many.
MOST_TOKENS = 100

# Our choice; clients ask for a new one now and then, as long as they have the token.
MOST_JWTS = 100  # of one token

_SYSTEM = random.SystemRandom()


def source_of(seed: int | None) -> random.Random:
    """Where keys, tokens and jwts come from: the system, unless runs are to be alike."""
    return _SYSTEM if seed is None else random.Random(f"{seed}/tokens")


def mint(prefix: str, source: random.Random = _SYSTEM) -> str:
    """A new secret; whoever knows the seed of a `source` can guess it."""
    return prefix + source.randbytes(_HEX_BYTES).hex()


def is_token_of(uid: str, text: str) -> bool:
    """Could it have been made here?  The journal knows no other shape."""
    return (found := _TOKEN.fullmatch(text)) is not None and found[1] == uid


def is_jwt_of(uid: str, text: str) -> bool:
    return (found := _JWT.fullmatch(text)) is not None and found[1] == uid


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


@dataclass(slots=True)
class AuthToken:
    text: str
    uid: str
    created_at: int
    details: dict[str, Any] = field(default_factory=dict)  # of the device, when somebody told
    jwts: list[str] = field(default_factory=list)  # made for it, the oldest first

    def json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "authToken": self.text,
            "createdAt": self.created_at,
            **self.details,
        }

    def record(self) -> dict[str, Any]:
        """Everything there is to know."""
        return self.json() | {"jwts": self.jwts}


class Credentials:
    """Auth tokens by user, and the jwts bound to each token; `source` is what they are made of.

    `tell` is given the text of each token that came, changed or went; whoever changes an AuthToken
    calls changed().
    """

    def __init__(
        self, source: random.Random = _SYSTEM, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self._source = source
        self._tell = tell
        self._tokens: dict[str, AuthToken] = {}  # by their text
        self._of_uid: dict[str, dict[str, AuthToken]] = {}
        self._of_jwt: dict[str, AuthToken] = {}

    def new_token(self, uid: str, *, now: int) -> AuthToken:
        token = AuthToken(self._mint(f"{uid}_"), uid, now)
        self.put(token)
        own = self._of_uid[uid]
        if len(own) > MOST_TOKENS:
            self.revoke(next(iter(own)))
        return token

    def put(self, token: AuthToken) -> None:
        self._tokens[token.text] = token
        self._of_uid.setdefault(token.uid, {})[token.text] = token
        self._of_jwt.update((jwt, token) for jwt in token.jwts)
        self.changed(token)

    def changed(self, token: AuthToken) -> None:
        self._tell(token.text)

    def new_jwt(self, text: str) -> str:
        """For the token of that text; the oldest ends when there is one too many."""
        token = self._tokens[text]
        jwt = self._mint(f"jwt.{token.uid}.")
        token.jwts.append(jwt)
        self._of_jwt[jwt] = token
        if len(token.jwts) > MOST_JWTS:
            del self._of_jwt[token.jwts.pop(0)]
        self.changed(token)
        return jwt

    def _mint(self, prefix: str) -> str:
        """A seed's dice may fall as they fell before a restart."""
        while self.has(text := mint(prefix, self._source)):
            pass
        return text

    def has(self, *texts: str) -> bool:
        """Is one of them a token or a jwt here?"""
        return any(text in self._tokens or text in self._of_jwt for text in texts)

    def tokens_of(self, uid: str) -> list[AuthToken]:
        """The oldest first."""
        return list(self._of_uid.get(uid, {}).values())

    def token_of(self, uid: str, text: str) -> AuthToken:
        token = self._tokens.get(text)
        if token is None or token.uid != uid:
            raise Refusal("ERR_AUTH_TOKEN_NOT_FOUND", f"{uid} has no such auth token")
        return token

    def uid_of_token(self, token: str) -> str:
        if not token:
            raise Refusal("AUTH_ERR_EMPTY_AUTH_TOKEN", "the authToken header is missing or empty")
        if token not in self._tokens:
            raise Refusal("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "the auth token does not exist")
        return self._tokens[token].uid

    def uid_of_jwt(self, jwt: object) -> str | None:
        """The user a jwt speaks for; None once it, or its auth token, no longer counts."""
        token = self._of_jwt.get(jwt) if isinstance(jwt, str) else None
        return None if token is None else token.uid

    def revoke(self, *tokens: str) -> None:
        for text in tokens:
            if (token := self._tokens.pop(text, None)) is not None:
                del self._of_uid[token.uid][text]
                for jwt in token.jwts:
                    del self._of_jwt[jwt]
                self.changed(token)

    def revoke_all_of(self, uid: str) -> None:
        self.revoke(*(token.text for token in self.tokens_of(uid)))

    def revoke_all(self) -> None:
        self.revoke(*self.all_keys())

    def become(self, other: "Credentials") -> None:
        """Have the tokens of the other one instead; nobody is told."""
        self._tokens, self._of_uid, self._of_jwt = other._tokens, other._of_uid, other._of_jwt

    def __iter__(self) -> Iterator[AuthToken]:
        return iter(self._tokens.values())

    def all_keys(self) -> list[str]:
        return list(self._tokens)

    def kept(self, text: str) -> dict[str, Any] | None:
        token = self._tokens.get(text)
        return None if token is None else token.record()
