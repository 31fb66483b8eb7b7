"""Whose certificates count: those of the system, wherever they are, or of a file instead of them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import certifi
import pytest
import trustme
from isolated.script import Script

from cometpresence import _certificates, _core
from cometpresence.emulator import Emulator

UNKNOWN = "unable to get local issuer certificate"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(tls=True) as emulator:
        yield emulator


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    path = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def verdict(emulator: Emulator, ca_file: str = "", **variables: str) -> str:
    variables = {"COMETPRESENCE_CA_FILE": ""} | variables
    with Script("trusts", emulator, ca_file, **variables) as script:
        said = script.line()
        code, complaints = script.end()
        assert code == 0
        return said + complaints


def test_who_the_system_trusts_is_trusted(emulator: Emulator) -> None:
    assert verdict(emulator, SSL_CERT_FILE=str(emulator.ca_file)) == "superhero1"


def test_a_ca_file_replaces_whom_the_system_trusts(emulator: Emulator, stranger: str) -> None:
    system = str(emulator.ca_file)
    assert UNKNOWN in verdict(emulator, stranger, SSL_CERT_FILE=system)
    assert UNKNOWN in verdict(emulator, SSL_CERT_FILE=system, COMETPRESENCE_CA_FILE=stranger)
    assert verdict(emulator, system, SSL_CERT_FILE=stranger) == "superhero1"


def test_whom_the_system_does_not_know_is_refused(emulator: Emulator) -> None:
    assert UNKNOWN in verdict(emulator)


def test_variables_that_lead_nowhere_trust_nobody_and_say_so(
    emulator: Emulator, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere")
    said = verdict(emulator, SSL_CERT_FILE=nowhere, SSL_CERT_DIR=nowhere)
    assert UNKNOWN in said
    assert f"No certificates were found in {nowhere}" in said


# ---- an OpenSSL that was built for another system, as in a wheel


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """OpenSSL looks into this folder, which is empty, and at cert.pem beside it."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    known = cast("dict[str, str]", _core.CERTIFICATES)
    monkeypatch.setitem(known, "file", str(tmp_path / "cert.pem"))
    monkeypatch.setitem(known, "folder", str(tmp_path / "certs"))
    (tmp_path / "certs").mkdir()
    return tmp_path


def test_where_openssl_finds_something_nobody_else_is_asked(places: Path, stranger: str) -> None:
    assert _certificates.system_file([stranger]) == stranger
    (places / "certs" / "0123abcd.0").touch()
    assert _certificates.system_file([stranger]) is None


def test_the_first_file_that_has_something_is_taken(places: Path, stranger: str) -> None:
    (places / "empty.pem").touch()
    files = [str(places / "none.pem"), str(places / "empty.pem"), stranger, str(places / "certs")]
    assert _certificates.system_file(files) == stranger


def test_where_a_system_has_none_it_is_those_of_certifi(places: Path) -> None:
    assert _certificates.system_file([]) == certifi.where()


def test_where_there_are_none_it_is_said(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)  # as if it were not installed
    with pytest.warns(UserWarning, match="install ca-certificates, or certifi"):
        assert _certificates.system_file([]) is None


def test_plain_http_needs_no_certificates(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    assert _certificates.ca_file_of(None, "http://127.0.0.1:1") is None
