"""``doctor``: whatever can be wrong is told apart, and each step that fails says what to do."""

import datetime
import http.server
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import trustme
from python.command_line import steps_of

from cometpresence.cli.doctor_findings import State, Trouble
from cometpresence.cli.doctor_network import Host
from cometpresence.cli.output import length
from cometpresence.emulator import Emulator

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
authority = trustme.CA()

Changes = dict[str, str]  # of the environment
Wrong = Callable[[Emulator, Path], AbstractContextManager[Changes]]
Expected = dict[str, tuple[str, str]]  # by step: what it says, and the fix


# ---- servers that are none of CometChat's


@contextmanager
def tls_server(leaf: trustme.LeafCert) -> Iterator[str]:
    """Shakes hands with whoever comes, and hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def http_server(status: int, off: float = 0.0) -> Iterator[str]:
    """Answers all with the same status and nothing else, `off` seconds before its time."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() - off)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# ---- what can be wrong


def setting(**changes: str) -> Wrong:
    """Something to log in with."""

    @contextmanager
    def wrong(emulator: Emulator, folder: Path) -> Iterator[Changes]:
        yield changes

    return wrong


def fault(name: str, *settings: float, **options: int) -> Wrong:
    """One of the emulator's."""

    @contextmanager
    def wrong(emulator: Emulator, folder: Path) -> Iterator[Changes]:
        with getattr(emulator, name)(*settings, **options):
            yield {}

    return wrong


def answers(status: int, off: float = 0.0) -> Wrong:
    @contextmanager
    def wrong(emulator: Emulator, folder: Path) -> Iterator[Changes]:
        with http_server(status, off) as url:
            yield {"COMETPRESENCE_EMULATOR": url}

    return wrong


def certificate(leaf: trustme.LeafCert, *, is_trusted: bool) -> Wrong:
    @contextmanager
    def wrong(emulator: Emulator, folder: Path) -> Iterator[Changes]:
        authority.cert_pem.write_to_path(folder / "ca.pem")
        with tls_server(leaf) as url:
            ca_file = str(folder / "ca.pem") if is_trusted else ""
            yield {"COMETPRESENCE_EMULATOR": url, "COMETPRESENCE_CA_FILE": ca_file}

    return wrong


@contextmanager
def no_certificate_in_the_file(emulator: Emulator, folder: Path) -> Iterator[Changes]:
    (folder / "ca.pem").write_text("not PEM\n")
    with tls_server(authority.issue_cert("127.0.0.1")) as url:
        yield {"COMETPRESENCE_EMULATOR": url, "COMETPRESENCE_CA_FILE": str(folder / "ca.pem")}


@contextmanager
def nobody_listens(emulator: Emulator, folder: Path) -> Iterator[Changes]:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    yield {"COMETPRESENCE_EMULATOR": url, "HTTPS_PROXY": "http://127.0.0.1:3128"}


@contextmanager
def tls_to_a_plain_port(emulator: Emulator, folder: Path) -> Iterator[Changes]:
    yield {"COMETPRESENCE_EMULATOR": emulator.url.replace("http:", "https:")}


@contextmanager
def plain_to_a_tls_port(emulator: Emulator, folder: Path) -> Iterator[Changes]:
    with tls_server(authority.issue_cert("127.0.0.1")) as url:
        yield {"COMETPRESENCE_EMULATOR": url.replace("https:", "http:")}


@contextmanager
def more_online_than_the_cap(emulator: Emulator, folder: Path) -> Iterator[Changes]:
    users = [{"uid": f"u{number}", "online": True} for number in range(1001)]
    with Emulator(users=[*users, {"uid": "alice", "name": "Alice"}]) as crowd:
        yield {
            "COMETPRESENCE_EMULATOR": crowd.url,
            "COMETCHAT_APP_ID": crowd.app_id,
            "COMETCHAT_AUTH_KEY": crowd.auth_key,
        }


LEAF = authority.issue_cert("127.0.0.1")
CASES: dict[str, tuple[Wrong, Expected]] = {
    "nobody to log in as": (
        setting(COMETCHAT_UID=""),
        {"settings": ("not enough", "--as or COMETCHAT_UID")},
    ),
    "a region that cannot be": (
        setting(COMETPRESENCE_EMULATOR="", COMETCHAT_REGION="no such"),
        {"settings": ("region", r"put right .* region \(COMETCHAT_REGION\)")},
    ),
    "no such CA file": (
        setting(COMETPRESENCE_CA_FILE="/nonexistent/ca.pem"),
        {"settings": ("No such file", r"put right .* ca_file \(COMETPRESENCE_CA_FILE\)")},
    ),
    "no certificate in the CA file": (
        no_certificate_in_the_file,
        {"TLS": (r"no certificates in .*ca\.pem", "PEM"), "login": ("cannot be used", "--ca-file")},
    ),
    "nobody listens": (
        nobody_listens,
        {
            "connect": ("Connection refused", "reach port .*; HTTPS_PROXY is set, but"),
            "login": (r"\[ERR_CONNECT", "see whether the server can be reached"),
        },
    ),
    "TLS to a plain port": (
        tls_to_a_plain_port,
        {"TLS": ("speaks plain HTTP", "write http://"), "login": (r"\[ERR_TLS", "write http://")},
    ),
    "plain HTTP to a TLS port": (
        plain_to_a_tls_port,
        {"HTTP": ("no answer", "write https://"), "login": ("", "can be reached")},
    ),
    "a server that says nothing": (
        fault("blackhole"),
        {"HTTP": ("^no answer in time$", "what answers there"), "login": ("in time", "firewall")},
    ),
    "a certificate of a stranger's": (
        certificate(LEAF, is_trusted=False),
        {
            "TLS": ("unable to get local issuer", "--ca-file"),
            "login": (r"\[ERR_TLS", "--ca-file"),
        },
    ),
    "a certificate that has ended": (
        certificate(authority.issue_cert("127.0.0.1", not_after=LONG_AGO), is_trusted=True),
        {"TLS": ("has expired", "date is wrong"), "login": (r"\[ERR_TLS", "clock")},
    ),
    "a certificate of somebody else's": (
        certificate(authority.issue_cert("127.0.0.2"), is_trusted=True),
        {"TLS": ("mismatch", "belongs to somebody else"), "login": (r"\[ERR_TLS", ".")},
    ),
    "a clock 2 h ahead": (
        answers(404, off=7200),
        {"clock": ("^2 h ahead of", "timedatectl"), "login": ("404", "proxy or a portal")},
    ),
    "a clock 1 h behind": (
        answers(404, off=-3600),
        {"clock": ("^1 h behind", "timedatectl"), "login": ("404", "proxy or a portal")},
    ),
    "a gateway without its server": (
        answers(503),
        {"HTTP": ("503", "in a minute"), "login": ("503", "in a minute")},
    ),
    "a server in trouble": (
        fault("server_errors", count=1000),
        {"HTTP": ("503", "in a minute"), "login": ("a fault", "in a minute")},
    ),
    "too many requests": (
        fault("rate_limit", retry_after=600, count=1000),
        {"login": ("TOO_MANY", r"try again in \d+ s")},
    ),
    "a wrong app": (
        setting(COMETCHAT_APP_ID="wrong"),
        {"login": ("AUTH_ERR_INVALID_APPID", "app id and region")},
    ),
    "a wrong key": (
        setting(COMETCHAT_AUTH_KEY="wrong"),
        {"login": ("AUTH_ERR_APIKEY_NOT_FOUND", "Auth Key")},
    ),
    "a wrong token": (
        setting(COMETCHAT_AUTH_TOKEN="wrong", COMETCHAT_AUTH_KEY="", COMETCHAT_UID=""),
        {"login": ("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "get a new one")},
    ),
    "a user there is not": (
        setting(COMETCHAT_UID="nobody"),
        {"login": ("ERR_UID_NOT_FOUND", "users --search")},
    ),
    "a login that the socket refuses": (
        fault("refuse_jwt"),
        {"websocket": ("AUTH_ERR_JWT_REFUSED", "region")},
    ),
    "upgrades that nobody answers": (
        fault("slow_upgrade", 60),
        {"websocket": ("in time", "let WebSocket upgrades through")},
    ),
    "pages that break off": (
        fault("half_page", count=1000),
        {"presence": ("in time", "firewall")},
    ),
    "more online than CometChat tells of": (
        more_online_than_the_cap,
        {"count": ("1,002 users online", "subscribe to roles or friends")},
    ),
}
SHORT = {  # what takes all of its time
    "a server that says nothing",
    "upgrades that nobody answers",
    "pages that break off",
}


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_wrong_has_its_fix(plain_emulator: Emulator, tmp_path: Path, name: str) -> None:
    wrong, expected = CASES[name]
    with wrong(plain_emulator, tmp_path) as changes:
        options = ["--timeout", "3"] if name in SHORT else []
        code, steps = steps_of(plain_emulator, *options, **changes)
    states = {step: finding["state"] for step, finding in steps.items()}
    assert {step for step, state in states.items() if state in ("failed", "warning")} == {*expected}
    assert code == ("failed" in states.values())
    for step, (words, fix) in expected.items():
        assert re.search(words, steps[step]["detail"]), steps[step]
        assert re.search(fix, steps[step]["fix"]), steps[step]
        assert "cometpresence doctor" not in steps[step]["fix"]  # this is the doctor
    for finding in steps.values():
        if finding["state"] == "skipped":
            assert finding["detail"].startswith("not tried: there is no ")
            assert finding["fix"] is None


def test_a_login_that_is_taken_back_is_not_used_any_more(plain_emulator: Emulator) -> None:
    with plain_emulator.refuse_jwt():
        _, steps = steps_of(plain_emulator)
    assert steps["login"]["state"] == "ok"
    assert steps["presence"]["detail"] == "not tried: there is no connection"
    assert steps["count"]["detail"] == "not tried: there is no login"


def test_a_name_that_is_none_is_told_as_such() -> None:
    with Host("https://nothing.invalid", None, 5) as host, pytest.raises(Trouble) as caught:
        host.resolve()
    assert "nothing.invalid" in str(caught.value)
    assert "compare app id and region" in caught.value.fix


def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    with (
        tls_server(authority.issue_cert("127.0.0.1", not_after=soon)) as url,
        Host(url, str(tmp_path / "ca.pem"), 5) as host,
    ):
        host.resolve()
        host.connect()
        finding = host.shake_hands()
    assert finding.state is State.WARNING
    assert "(2 d)" in finding.detail
    assert finding.fix


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.6, "1 min"),
        (100, "1 min 40 s"),
        (3599.7, "1 h"),
        (5400, "1 h 30 min"),
        (7199.5, "2 h"),
        (86399, "1 d"),
        (200_000, "2 d 8 h"),
    ],
)
def test_a_length_is_rounded(seconds: float, text: str) -> None:
    assert length(seconds) == text
