"""What came in that nobody taught the emulator: noted in the journal, each thing once."""

from aiohttp import web

from .coverage import Kind, supported
from .journal import Journal

_MOST = 1000  # then no more are noted: a client that invents names must not fill our memory
_LONGEST = 100  # characters of a name

VERSIONS = ("/v3.0", "/v3")  # what paths may begin with

# What any HTTP client or browser sends, whatever the API.
_OF_HTTP = frozenset(
    {"host", "user-agent", "accept-encoding", "accept-language", "connection", "content-length"}
    | {"transfer-encoding", "expect", "origin", "referer", "cache-control", "pragma", "cookie"}
    | {"dnt", "priority", "te", "upgrade", "keep-alive", "if-none-match", "if-modified-since"}
)
_OF_HTTP_TOO = ("sec-", "access-control-request-")

_ENDPOINTS = supported(Kind.ENDPOINT)


class Notices:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: set[tuple[Kind, str, str]] = set()
        self._headers = _OF_HTTP | {name.lower() for name in supported(Kind.HEADER, "request")}

    def clear(self) -> None:
        self._noted.clear()

    def of_request(self, request: web.Request, body: object) -> None:
        """Its headers, query options and the members of its body; whether there is such an
        endpoint its answer says."""
        for header in request.headers:
            name = header.lower()
            if name not in self._headers and not name.startswith(_OF_HTTP_TOO):
                self.note(Kind.HEADER, header, "request")
        endpoint = endpoint_of(request)
        if endpoint is None or request.path == "/":
            return
        options = supported(Kind.QUERY, endpoint)
        for name, value in request.query.items():
            # Without a value it is the rest of a search keyword that SDK 3 does not encode.
            if value and name not in options:
                self.note(Kind.QUERY, name, endpoint)
        members = supported(Kind.MEMBER, endpoint)
        if members and isinstance(body, dict):
            for name in body.keys() - members:
                self.note(Kind.MEMBER, name, endpoint)

    def of_frame(self, name: object) -> bool:
        """Notes a frame of a kind that nobody answers; True if it did."""
        if isinstance(name, str) and name in supported(Kind.FRAME, "from the client"):
            return False
        self.note(Kind.FRAME, str(name), "from the client")
        return True

    def note(self, kind: Kind, name: str, of: str) -> None:
        thing = (kind, self._journal.excerpt(name, _LONGEST), of)
        if thing in self._noted or len(self._noted) >= _MOST:
            return
        self._noted.add(thing)
        self._journal.write(
            "in", "lifecycle", event="not_emulated", what=str(kind), name=thing[1], of=of
        )


def endpoint_of(request: web.Request) -> str | None:
    """What the coverage table calls it; None if there is no such endpoint."""
    resource = request.match_info.route.resource
    name = endpoint_name(request.method, resource.canonical) if resource is not None else ""
    managed = f"{name} with apiKey"  # some are two: for scripts, and for clients with a token
    if "apiKey" in request.headers and managed in _ENDPOINTS:
        return managed
    return name if name in _ENDPOINTS else None


def endpoint_name(method: str, path: str) -> str:
    """As the coverage table has it: without the version that clients may put in front."""
    for version in VERSIONS:
        if path.startswith(version + "/"):
            path = path.removeprefix(version)
    return f"{method} {path}"
