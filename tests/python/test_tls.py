"""Servers that must not be believed, and what is said about them (LIBWEBSOCKETS §1)."""

import datetime
import re
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from python.hostile import Gone, Hostile, Peer, Script, came_online
from python.hostile_client import watching
from python.inbox import Inbox

from cometpresence import ConfigError, PresenceClient, TLSError

# Who makes a server of an old TLS is warned by OpenSSL, through Python.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
FAR_OFF = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)

authority = trustme.CA()
stranger = trustme.CA()


def written(path: Path, ca: trustme.CA) -> str:
    ca.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    return written(tmp_path / "ca.pem", authority)


def context_of(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def good() -> ssl.SSLContext:
    return context_of(authority.issue_cert("127.0.0.1"))


def wrong_authority() -> ssl.SSLContext:
    return context_of(stranger.issue_cert("127.0.0.1"))


def self_signed() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with stranger.private_key_pem.tempfile() as key, stranger.cert_pem.tempfile() as cert:
        context.load_cert_chain(cert, key)
    return context


def expired() -> ssl.SSLContext:
    return context_of(authority.issue_cert("127.0.0.1", not_after=LONG_AGO))


def not_yet_valid() -> ssl.SSLContext:
    return context_of(authority.issue_cert("127.0.0.1", not_before=FAR_OFF, not_after=None))


def another_address() -> ssl.SSLContext:
    return context_of(authority.issue_cert("127.0.0.2"))


def another_name() -> ssl.SSLContext:
    return context_of(authority.issue_cert("example.org", common_name="127.0.0.1"))


def only(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = good()
    context.set_ciphers("ALL:@SECLEVEL=0")  # at its usual level OpenSSL refuses to be this old
    context.minimum_version = context.maximum_version = version
    return context


TOO_OLD = "protocol version|unsupported protocol"

BAD: dict[str, tuple[Callable[[], ssl.SSLContext], str]] = {
    "wrong_authority": (wrong_authority, "unable to get local issuer certificate"),
    "self_signed": (self_signed, "self"),  # "self signed" before OpenSSL 3, "self-signed" since
    "expired": (expired, "certificate has expired"),
    "not_yet_valid": (not_yet_valid, "certificate is not yet valid"),
    "another_address": (another_address, "mismatch"),
    "another_name": (another_name, "mismatch"),
    "tls_1_0": (lambda: only(ssl.TLSVersion.TLSv1), TOO_OLD),
    "tls_1_1": (lambda: only(ssl.TLSVersion.TLSv1_1), TOO_OLD),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_is_refused_with_the_words_of_openssl(name: str, ca_file: str) -> None:
    make, words = BAD[name]
    with Hostile(tls=make()) as server:
        client = PresenceClient(**server.client_args(), ca_file=ca_file)
        with pytest.raises(TLSError, match=words) as caught:
            client.login()
        client.close()
        assert server.requests == []  # no key, no token
        assert caught.value.code == "ERR_TLS"
        assert isinstance(caught.value, ConnectionError)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_of_the_socket_is_refused_likewise(name: str, ca_file: str) -> None:
    """The login meets a good one, the socket then another: the jwt must not go there."""
    make, words = BAD[name]
    bad = make()

    def answer_and_turn_bad(peer: Peer) -> None:
        peer.server.tls = bad
        peer.answer_decently()

    failed = Inbox()
    with Hostile(tls=good(), answers={"PUT /me": answer_and_turn_bad}) as server:
        client = PresenceClient(**server.client_args(), ca_file=ca_file)
        client.on_error(failed)
        client.login()
        error, where = failed.one()
        client.close()
        assert isinstance(error, TLSError)
        assert re.search(words, str(error))
        assert where == "connection"
        assert server.sockets == []
        assert server.names() == ["POST /users/alice/auth_tokens", "PUT /me"]


def relay_to(port: int) -> Script:
    """For a server in the middle: carries what it reads to the one at this port, and back."""

    def relay(peer: Peer) -> None:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as onward,
        ):
            assert isinstance(peer.connection, ssl.SSLSocket)
            other = {peer.connection: onward, onward: peer.connection}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    pass_on(end, other[end])

    return relay


def pass_on(end: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
    end.setblocking(False)  # what makes it readable may be of TLS's own
    try:
        data = end.recv(65536)
    except ssl.SSLWantReadError:
        return
    finally:
        end.setblocking(True)
    if not data:
        raise Gone
    other.sendall(data)


def test_a_proxy_that_takes_tls_apart_sees_nothing_unless_it_is_trusted(
    ca_file: str, tmp_path: Path
) -> None:
    with Hostile(tls=good()) as server, Hostile(tls=wrong_authority()) as middle:
        middle.first_words = relay_to(server.port)
        server.port = middle.port  # which it names in its settings, so sockets come here too
        client = PresenceClient(**middle.client_args(), ca_file=ca_file)
        with pytest.raises(TLSError, match="unable to get local issuer certificate"):
            client.login()
        client.close()
        assert server.requests == []
        trusting = written(tmp_path / "proxy.pem", stranger)
        with watching(middle, ca_file=trusting) as (_, came):
            assert came.one().uid == "good"


def test_good_certificate_is_accepted(ca_file: str) -> None:
    with Hostile(tls=good()) as server, watching(server, ca_file=ca_file) as (_, came):
        assert came.one().uid == "good"


def test_certificate_for_a_name_is_checked_against_the_name(ca_file: str) -> None:
    with Hostile(tls=context_of(authority.issue_cert("localhost"))) as server:
        server.url = f"https://localhost:{server.port}"
        client = PresenceClient(**server.client_args(), ca_file=ca_file)
        assert client.login().uid == "alice"
        client.close()


def test_the_system_is_not_trusted_beside_ca_file_nor_ca_file_without_being_named() -> None:
    with Hostile(tls=good()) as server:
        client = PresenceClient(**server.client_args())
        with pytest.raises(TLSError, match="unable to get local issuer certificate"):
            client.login()
        client.close()


@pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
def test_both_versions_of_tls_are_spoken(version: ssl.TLSVersion, ca_file: str) -> None:
    context = good()
    context.minimum_version = context.maximum_version = version
    with Hostile(tls=context) as server, watching(server, ca_file=ca_file) as (_, came):
        assert came.one().uid == "good"


def test_http_1_1_is_all_that_is_offered(ca_file: str) -> None:
    """A server that is offered nothing may choose what we cannot read."""
    context = good()
    context.set_alpn_protocols(["h2", "http/1.1"])
    agreed: list[str | None] = []

    def note(peer: Peer) -> None:
        assert isinstance(peer.connection, ssl.SSLSocket)
        agreed.append(peer.connection.selected_alpn_protocol())

    with Hostile(tls=context) as server:
        server.first_words = note
        with watching(server, ca_file=ca_file) as (_, came):
            assert came.one().uid == "good"
        assert len(agreed) >= 3  # two requests and the socket
        assert set(agreed) == {"http/1.1"}


def test_plain_port_is_no_tls(ca_file: str) -> None:
    with Hostile() as server:
        arguments = server.client_args() | {"endpoint": f"https://127.0.0.1:{server.port}"}
        client = PresenceClient(**arguments, ca_file=ca_file)

        def answer_in_plain(peer: Peer) -> None:
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        server.first_words = answer_in_plain
        with pytest.raises(TLSError, match="wrong version number"):
            client.login()
        client.close()


def test_missing_ca_file_is_a_wrong_argument(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ca_file cannot be read"):
        PresenceClient("app", region="us", ca_file=tmp_path / "missing.pem")


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_ca_file_without_certificates_is_told_at_login(content: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text(content)
    with Hostile(tls=good()) as server:
        client = PresenceClient(**server.client_args(), ca_file=path)
        with pytest.raises(TLSError, match=r"empty\.pem"):
            client.login()
        client.close()
        assert server.connections == 0


@pytest.fixture
def turning_bad(ca_file: str) -> Iterator[tuple[Hostile, str]]:
    """A server whose certificate is renewed wrongly, and that is restarted then."""

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.send(came_online("bob"))
        peer.read_frame()  # the first ping
        peer.server.tls = wrong_authority()

    with Hostile(script, tls=good()) as server:
        yield server, ca_file


def test_certificate_that_turns_bad_is_reported_once_and_not_hammered(
    turning_bad: tuple[Hostile, str],
) -> None:
    server, ca_file = turning_bad
    failed, connecting = Inbox(), Inbox()
    with watching(server, ca_file=ca_file, ping_interval=0.1) as (client, came):
        client.on_error(failed)
        client.on_connecting(connecting)
        assert came.one().uid == "bob"
        error, where = failed.one()
        assert isinstance(error, TLSError)
        assert "issuer" in str(error)
        assert where == "connection"
        before = server.connections
        with pytest.raises(AssertionError):  # reconnecting at once would be some 50 times a second
            server.wait_until(lambda: server.connections > before, patience=1.0)
        assert len(failed.letters) == 1
        assert client.stats().reconnects == 0
