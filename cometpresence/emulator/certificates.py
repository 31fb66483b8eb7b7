"""A private certificate authority for one emulator."""

import contextlib
import os
import ssl
import tempfile
from pathlib import Path

import trustme


class Certificates:
    """The CA lives as long as the emulator object, so that a restart keeps its clients' trust."""

    def __init__(self, host: str, ca_out: str | Path | None = None) -> None:
        self._authority = trustme.CA()
        names = dict.fromkeys(("localhost", "127.0.0.1", "::1", host.strip("[]")))
        self._leaf = self._authority.issue_cert(*(name for name in names if name))
        self._ca_out = ca_out
        self.ca_file: str | None = None

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf.configure_cert(context)
        return context

    def publish(self) -> None:
        """Write the CA's certificate where clients can read it."""
        if self._ca_out is not None:
            self.ca_file = str(self._ca_out)
        elif self.ca_file is None:
            descriptor, self.ca_file = tempfile.mkstemp(prefix="cometpresence-ca-", suffix=".pem")
            os.close(descriptor)
        self._authority.cert_pem.write_to_path(self.ca_file)

    def withdraw(self) -> None:
        """Remove the file, unless somebody chose its place and so owns it."""
        if self._ca_out is None and self.ca_file is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.ca_file)
