"""Whose certificates are trusted: those in a file that is named, or the system's, wherever it has them."""

import os
from collections.abc import Iterable

from . import _core
from ._arguments import warn, words_of
from .errors import ConfigError

__all__ = ["ca_file_of", "system_file"]

# Where systems keep all of them in one file: Debian and its kin, Alpine, Arch; Fedora and its kin;
# openSUSE; macOS, the BSDs; Homebrew.
_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
    "/usr/local/etc/ca-certificates/cert.pem",
)


def ca_file_of(path: str | os.PathLike[str] | None, endpoint: str | None) -> str | None:
    """The file that a client of this endpoint is to trust; None: OpenSSL's own places will do."""
    if path is None:
        path = os.environ.get("COMETPRESENCE_CA_FILE") or None
    if path is None:
        return None if str(endpoint).lower().startswith("http:") else system_file()
    try:
        name = os.fspath(path)  # first: open() would take a number for a descriptor, and close it
        with open(name, "rb"):
            return name
    except (OSError, TypeError, ValueError) as error:
        raise ConfigError(
            "INVALID_PARAMETER", f"The ca_file cannot be read: {words_of(error)}"
        ) from error


def system_file(files: Iterable[str] = _FILES) -> str | None:
    """What to trust beside the places that OpenSSL looks in by itself; None: they will do.

    OpenSSL looks where whoever built it said, unless SSL_CERT_FILE or SSL_CERT_DIR say otherwise;
    but the one in a wheel was built for another system than it runs on.  Then it is the first of
    `files` that is there, or else certifi's, if that is installed.
    """
    places = _core.CERTIFICATES
    file = os.environ.get(places["file_variable"])
    folders = os.environ.get(places["folder_variable"])
    if any(map(_has_some, [file or places["file"], *(folders or places["folder"]).split(":")])):
        return None
    if file or folders:  # whoever says where to look wants nobody else trusted
        warn(f"No certificates were found in {file or folders}, so no server can be verified.")
        return None
    found = next(filter(_has_some, files), None) or _of_certifi()
    if found is None:
        warn(
            "No certificates were found on this system, so no server can be verified: install "
            "ca-certificates, or certifi (the extra of this name), or name a file with ca_file."
        )
    return found


def _has_some(place: str) -> bool:
    try:
        return os.path.getsize(place) > 0 if os.path.isfile(place) else bool(os.listdir(place))
    except OSError:
        return False


def _of_certifi() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()
