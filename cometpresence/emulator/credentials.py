"""Keys, tokens and jwts: what is minted, what it stands for, when it stops counting."""

import hmac
import secrets

from .refusal import Refusal

# Everything minted here ends in 40 hexadecimal digits; the journal redacts by that shape.
_HEX_BYTES = 20


def mint(prefix: str) -> str:
    """A new secret.  Never from the seed: a guessable token would be no token."""
    return prefix + secrets.token_hex(_HEX_BYTES)


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


class Credentials:
    """Auth tokens by user, and the jwts bound to each token."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}  # auth token -> uid
        self._tokens: dict[str, str] = {}  # jwt -> auth token

    def new_token(self, uid: str) -> str:
        token = mint(f"{uid}_")
        self._uids[token] = uid
        return token

    def new_jwt(self, token: str) -> str:
        jwt = mint(f"jwt.{self._uids[token]}.")
        self._tokens[jwt] = token
        return jwt

    def uid_of_token(self, token: str) -> str:
        if not token:
            raise Refusal("AUTH_ERR_EMPTY_AUTH_TOKEN", "the authToken header is missing or empty")
        if token not in self._uids:
            raise Refusal("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "the auth token does not exist")
        return self._uids[token]

    def uid_of_jwt(self, jwt: object) -> str | None:
        """The user a jwt speaks for; None once it, or its auth token, no longer counts."""
        token = self._tokens.get(jwt) if isinstance(jwt, str) else None
        return None if token is None else self._uids.get(token)

    def revoke(self, token: str) -> None:
        self._uids.pop(token, None)
        self._tokens = {jwt: t for jwt, t in self._tokens.items() if t != token}

    def revoke_all(self) -> None:
        self._uids.clear()
        self._tokens.clear()
