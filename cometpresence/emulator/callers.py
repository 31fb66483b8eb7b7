"""Who is asking: the app, the key, the token or the jwt that came with a request."""

from enum import Enum

from aiohttp import web

from .credentials import same
from .refusal import Refusal
from .users import User
from .world import World


class Access(Enum):
    """What an API key may do.  Each app has one of each."""

    AUTH_ONLY = "authOnly"
    FULL = "fullAccess"


class Callers:
    def __init__(self, world: World) -> None:
        self._world = world

    def check_app(self, request: web.Request) -> None:
        """Our choice: a key names its app, so where the docs send no appId we want none."""
        app_id = request.headers.get("appId")
        if app_id is None and has_key(request):
            return
        if not app_id:
            raise Refusal("AUTH_ERR_EMPTY_APPID", "the appId header is missing or empty")
        if app_id != self._world.app_id:
            raise Refusal("AUTH_ERR_INVALID_APPID", f"the app {app_id} does not exist")

    def check_key(self, request: web.Request, needed: Access = Access.FULL) -> None:
        """Our choice: the auth key creates tokens and creates and updates users, as the SDK does
        with it; all else needs the REST API key."""
        self.check_app(request)
        key = request.headers.get("apiKey", "")
        if not key:
            raise Refusal("AUTH_ERR_EMPTY_APIKEY", "the apiKey header is missing or empty")
        if same(key, self._world.rest_api_key):
            return
        if not same(key, self._world.auth_key):
            raise Refusal("AUTH_ERR_APIKEY_NOT_FOUND", "the api key does not exist")
        if needed is Access.FULL:
            raise Refusal("AUTH_ERR_NO_ACCESS", "this needs the REST API key, not the auth key")

    def own_user(self, request: web.Request) -> tuple[User, str]:
        """The user whose auth token came with the request, and the token."""
        self.check_app(request)
        token = request.headers.get("authToken", "")
        return self._world.users.get(self._world.credentials.uid_of_token(token)), token

    def viewer(self, request: web.Request) -> User | None:
        """On whose behalf a request with a key is made, if it says so."""
        uid = request.headers.get("onBehalfOf")
        return self._world.users.get(uid) if uid else None

    def check_jwt(self, request: web.Request, scheme: str) -> None:
        """Our choice: a bad jwt is ERR_NO_AUTH everywhere; the SDK knows it from the ping."""
        self.check_app(request)
        jwt = request.headers.get("Authorization", "").removeprefix(scheme)
        if self._world.credentials.uid_of_jwt(jwt) is None:
            raise Refusal("ERR_NO_AUTH", "the jwt is missing, unknown or expired")


def has_key(request: web.Request) -> bool:
    """Is this a script on a server, rather than a client with a user's token?"""
    return "apiKey" in request.headers
