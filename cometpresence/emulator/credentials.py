"""Keys, tokens and jwts: what is minted, what it stands for, when it stops counting."""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from .refusal import Refusal

# Everything minted here ends in 40 hexadecimal digits; the journal redacts by that shape.
_HEX_BYTES = 20

# As documented: the oldest token of a user ends when there is one too many.
MOST_TOKENS = 100


def mint(prefix: str) -> str:
    """A new secret.  Never from the seed: a guessable token would be no token."""
    return prefix + secrets.token_hex(_HEX_BYTES)


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


@dataclass(slots=True)
class AuthToken:
    text: str
    uid: str
    created_at: int
    details: dict[str, Any] = field(default_factory=dict)  # of the device, when somebody told

    def json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "authToken": self.text,
            "createdAt": self.created_at,
            **self.details,
        }


class Credentials:
    """Auth tokens by user, and the jwts bound to each token."""

    def __init__(self) -> None:
        self._tokens: dict[str, AuthToken] = {}  # by their text
        self._of_uid: dict[str, dict[str, AuthToken]] = {}
        self._of_jwt: dict[str, str] = {}  # jwt -> the text of its token

    def new_token(self, uid: str, *, now: int) -> AuthToken:
        token = AuthToken(mint(f"{uid}_"), uid, now)
        self._tokens[token.text] = token
        own = self._of_uid.setdefault(uid, {})
        own[token.text] = token
        if len(own) > MOST_TOKENS:
            self.revoke(next(iter(own)))
        return token

    def new_jwt(self, token: str) -> str:
        jwt = mint(f"jwt.{self._tokens[token].uid}.")
        self._of_jwt[jwt] = token
        return jwt

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
        text = self._of_jwt.get(jwt) if isinstance(jwt, str) else None
        token = None if text is None else self._tokens.get(text)
        return None if token is None else token.uid

    def revoke(self, *tokens: str) -> None:
        for text in tokens:
            if (token := self._tokens.pop(text, None)) is not None:
                del self._of_uid[token.uid][text]
        self._of_jwt = {jwt: token for jwt, token in self._of_jwt.items() if token not in tokens}

    def revoke_all_of(self, uid: str) -> None:
        self.revoke(*(token.text for token in self.tokens_of(uid)))

    def revoke_all(self) -> None:
        self._tokens.clear()
        self._of_uid.clear()
        self._of_jwt.clear()
