"""Debian's chromium, steered by Playwright, trusting one emulator; and a site for it to visit."""

import base64
import hashlib
import shutil
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Playwright

from cometpresence.emulator import Emulator

NAMES = ("chromium", "chromium-browser", "google-chrome")


def launch(playwright: Playwright, *trusted: Emulator) -> Browser:
    """A browser that believes these emulators' certificates, and no other that is unknown."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "Chromium is needed here; `.ci/deps interop` brings one"
    keys = ",".join(map(key_hash, trusted))
    trust = [f"--ignore-certificate-errors-spki-list={keys}"] if keys else []
    return playwright.chromium.launch(executable_path=path, args=trust)


def key_hash(emulator: Emulator) -> str:
    """Of the key in the certificate that it shows."""
    parts = urlsplit(emulator.url)
    assert parts.hostname is not None
    assert parts.port is not None
    shown = ssl.get_server_certificate((parts.hostname, parts.port), ca_certs=emulator.ca_file)
    key = x509.load_pem_x509_certificate(shown.encode()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return base64.b64encode(digest.digest()).decode()


@contextmanager
def site(files: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    """A web site of these files, each with its type; its URL."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in files else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
