"""Keys, tokens and jwts: what is minted, what it stands for, when it stops counting."""

import hmac
import random
from dataclasses import dataclass, field
from typing import Any

from .refusal import Refusal

# Everything minted here ends in 40 hexadecimal digits; the journal redacts by that shape.
_HEX_BYTES = 20

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


class Credentials:
    """Auth tokens by user, and the jwts bound to each token; `source` is what they are made of."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._tokens: dict[str, AuthToken] = {}  # by their text
        self._of_uid: dict[str, dict[str, AuthToken]] = {}
        self._of_jwt: dict[str, AuthToken] = {}

    def new_token(self, uid: str, *, now: int) -> AuthToken:
        token = AuthToken(self._mint(f"{uid}_"), uid, now)
        self._tokens[token.text] = token
        own = self._of_uid.setdefault(uid, {})
        own[token.text] = token
        if len(own) > MOST_TOKENS:
            self.revoke(next(iter(own)))
        return token

    def new_jwt(self, text: str) -> str:
        """For the token of that text; the oldest ends when there is one too many."""
        token = self._tokens[text]
        jwt = self._mint(f"jwt.{token.uid}.")
        token.jwts.append(jwt)
        self._of_jwt[jwt] = token
        if len(token.jwts) > MOST_JWTS:
            del self._of_jwt[token.jwts.pop(0)]
        return jwt

    def _mint(self, prefix: str) -> str:
        """A seed's dice may fall as they fell before a restart."""
        while (text := mint(prefix, self._source)) in self._tokens or text in self._of_jwt:
            pass
        return text

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

    def revoke_all_of(self, uid: str) -> None:
        self.revoke(*(token.text for token in self.tokens_of(uid)))

    def revoke_all(self) -> None:
        self._tokens.clear()
        self._of_uid.clear()
        self._of_jwt.clear()
