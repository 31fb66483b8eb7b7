"""The control page: its files, served as they are."""

from pathlib import Path

from aiohttp import web

from .admin_access import PREFIX
from .answers import Handler, Route

FOLDER = Path(__file__).with_name("page")

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

# Nothing from elsewhere, nothing in place, and no text that becomes markup.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind} 'self'" for kind in ("script-src", "style-src", "connect-src", "img-src")),
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def routes() -> list[Route]:
    files = [path for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES]
    return [
        ("GET", PREFIX, _to_the_page),
        ("GET", f"{PREFIX}/", _file(FOLDER / "index.html")),
        *(("GET", f"{PREFIX}/{path.name}", _file(path)) for path in files),
    ]


def to_the_page(note: str = "") -> web.Response:
    """A redirection; `note` is a word to the page."""
    where = f"{PREFIX}/#{note}" if note else f"{PREFIX}/"
    return web.Response(status=303, headers={**HEADERS, "Location": where})


async def _to_the_page(_: web.Request) -> web.StreamResponse:
    return to_the_page()


def _file(path: Path) -> Handler:
    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=path.read_bytes(),
            content_type=_TYPES[path.suffix],
            charset="utf-8",
            headers=HEADERS,
        )

    return send
