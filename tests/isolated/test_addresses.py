"""Names and addresses, with a getaddrinfo() of our own preloaded into a process of its own.

`hang.test` is never answered; `localhost` and `two.test` have two addresses, 127.0.0.2 first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    int error;

    while (node && strcmp(node, "hang.test") == 0)
        pause();
    if (!node || (strcmp(node, "localhost") != 0 && strcmp(node, "two.test") != 0))
        return real(node, service, hints, out);
    error = real("127.0.0.2", service, hints, out);
    return error ? error : real("127.0.0.1", service, hints, &(*out)->ai_next);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


PRELUDE = """
import datetime, socket, ssl, sys, tempfile, threading, time
import trustme
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from cometpresence import PresenceClient, Reconnect, RequestTimeout
from python.hostile import Hostile
from python.hostile_client import watching
from python.inbox import Inbox

authority = trustme.CA()
ca = tempfile.NamedTemporaryFile(suffix=".pem")
authority.cert_pem.write_to_path(ca.name)

def tls_of(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context
"""


def run(shim: Path, script: str) -> str:
    """What it printed before the word that all is good."""
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        env=os.environ | {"LD_PRELOAD": str(shim), "PYTHONPATH": str(TESTS)},
        cwd=TESTS.parent,
        timeout=30,
        text=True,
        capture_output=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("good\n"), result.stdout + result.stderr
    return result.stdout.removesuffix("good\n")


def test_lookup_that_hangs_delays_nobody_else(
    shim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pings of another client go on, close() does not wait for it, nor does the process."""
    measured = run(
        shim,
        """
slowest = 0.0
with Hostile() as server, watching(server, ping_interval=0.02, ping_timeout=5.0) as (client, came):
    came.one()
    hanging = PresenceClient("app", uid="x", auth_key="k", endpoint="https://hang.test")
    with ThreadPoolExecutor(1) as pool:
        login = pool.submit(hanging.login)
        heard = server.sockets[0].frames
        for _ in range(30):
            count = len(heard)
            server.wait_until(lambda: len(heard) > count)
            slowest = max(slowest, client.stats().last_rtt or 0.0)
        assert not login.done()
        assert slowest < 0.05, slowest
        begin = time.monotonic()
        hanging.close()
        took = time.monotonic() - begin
        assert took < 1.0
        assert login.exception(timeout=1.0) is not None
    assert client.stats().reconnects == 0
print(f"a lookup hangs: pongs after {slowest * 1000:.1f} ms at most, close() in {took * 1000:.0f} ms")
print("good")
""",
    )
    with capsys.disabled():
        print("\n" + measured, end="")


def test_lookup_that_hangs_is_a_timeout(shim: Path) -> None:
    run(
        shim,
        """
client = PresenceClient("app", uid="x", auth_key="k", endpoint="https://hang.test",
                        connect_timeout=0.3)
for _ in range(3):
    begin = time.monotonic()
    try:
        client.login()
        print("logged in?")
    except RequestTimeout:
        pass
    assert time.monotonic() - begin < 1.0
client.close()
print("good")
""",
    )


def test_next_address_is_tried_when_the_first_refuses(shim: Path) -> None:
    run(
        shim,
        """
with Hostile() as server:
    server.url = f"http://localhost:{server.port}"
    with watching(server) as (client, came):
        assert came.one().uid == "good"
print("good")
""",
    )


# A full backlog: the kernel answers no further SYN, as if packets were lost.
SILENT = """
def silent(port, stack):
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.2", port))
    listener.listen(0)
    for _ in range(8):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.2", port))
    probe = stack.enter_context(socket.socket())
    probe.settimeout(0.2)
    assert probe.connect_ex(("127.0.0.2", port)) != 0, "the first address is not silent"
"""


def test_next_address_is_tried_when_the_first_is_silent(
    shim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = run(
        shim,
        SILENT
        + """
with ExitStack() as stack, Hostile() as server:
    silent(server.port, stack)
    server.url = f"http://localhost:{server.port}"
    begin = time.monotonic()
    with watching(server, connect_timeout=2.0) as (client, came):
        assert came.one().uid == "good"
    took = time.monotonic() - begin
    # One second, not one for each of the connections.
    assert took < 2.0
print(f"the first address is silent: logged in, connected, told and closed in {took:.2f} s")
print("good")
""",
    )
    with capsys.disabled():
        print("\n" + measured, end="")


def test_next_address_is_tried_when_the_first_accepts_and_is_silent_in_tls(shim: Path) -> None:
    run(
        shim,
        """
with Hostile(tls=tls_of("two.test")) as server, socket.socket() as listener:
    listener.bind(("127.0.0.2", server.port))
    listener.listen(10)
    server.url = f"https://two.test:{server.port}"
    client = PresenceClient(**server.client_args(), ca_file=ca.name, connect_timeout=2.0)
    assert client.login().uid == "alice"
    client.close()
print("good")
""",
    )


def test_certificate_is_checked_against_the_name_not_the_address(shim: Path) -> None:
    run(
        shim,
        """
from cometpresence import TLSError
with Hostile(tls=tls_of("127.0.0.1")) as server:
    server.url = f"https://two.test:{server.port}"
    client = PresenceClient(**server.client_args(), ca_file=ca.name)
    try:
        client.login()
    except TLSError as error:
        assert "mismatch" in str(error), error
    else:
        print("accepted?")
    client.close()
print("good")
""",
    )
