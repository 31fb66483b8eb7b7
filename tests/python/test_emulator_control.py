"""The control page without a browser: who gets in, what is served, what a page is told."""

import json
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from cometpresence.emulator import Emulator, live
from cometpresence.emulator.control_page import FOLDER, HEADERS

PATIENCE = 20.0


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


class Browser:
    """What a browser does of itself: one host, and the cookies it was given."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.cookie = ""
        self._connection = HTTPConnection(parts.netloc, timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
    ) -> HTTPResponse:
        """The answer, its body still to be read; a header that is None is not sent."""
        own = {"Cookie": self.cookie, "Origin": self.origin if method == "POST" else None}
        sent = {name: value for name, value in {**own, **(headers or {})}.items() if value}
        self._connection.close()
        data = None if body is None else json.dumps(body)
        self._connection.request(method, "/_emulator" + path, data, sent)
        return self._connection.getresponse()

    def status(self, method: str, path: str, *rest: Any, **more: Any) -> int:
        return self.ask(method, path, *rest, **more).status

    def follow(self, link: str) -> HTTPResponse:
        answer = self.ask("GET", link.removeprefix(self.origin + "/_emulator"))
        self.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return answer


@pytest.fixture
def stranger(emulator: Emulator) -> Iterator[Browser]:
    with Browser(emulator.admin_url) as browser:
        yield browser


@pytest.fixture
def browser(emulator: Emulator) -> Iterator[Browser]:
    with Browser(emulator.admin_url) as browser:
        browser.follow(emulator.control_link())
        yield browser


# ---- who gets in


def test_a_link_logs_in_once(emulator: Emulator, stranger: Browser) -> None:
    link = emulator.control_link()
    assert link.startswith(emulator.admin_url + "/login?code=")
    assert stranger.status("GET", "/users") == 401
    answer = stranger.follow(link)
    assert (answer.status, answer.getheader("Location")) == (303, "/_emulator/")
    given = answer.getheader("Set-Cookie") or ""
    assert {"HttpOnly", "SameSite=Strict", "Path=/_emulator"} <= set(given.split("; "))
    assert emulator.admin_token not in given
    assert stranger.status("GET", "/users") == 200

    with Browser(emulator.admin_url) as second:
        answer = second.follow(link)
        assert (answer.getheader("Location"), second.cookie) == ("/_emulator/#used", "")
        assert second.status("GET", "/users") == 401


def test_links_that_nobody_follows_are_forgotten(emulator: Emulator, stranger: Browser) -> None:
    first, *_, last = [emulator.control_link() for _ in range(101)]
    assert stranger.follow(first).getheader("Location") == "/_emulator/#used"
    assert stranger.follow(last).getheader("Location") == "/_emulator/"


def test_who_has_the_token_needs_no_link(emulator: Emulator, stranger: Browser) -> None:
    for wrong in ({"token": "wrong"}, {"token": 1}, {}):
        assert stranger.status("POST", "/login", body=wrong) == 401
    answer = stranger.ask("POST", "/login", body={"token": emulator.admin_token})
    stranger.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    assert (answer.status, stranger.status("GET", "/users")) == (200, 200)


def test_who_has_the_token_makes_links_for_others(emulator: Emulator, stranger: Browser) -> None:
    assert stranger.status("POST", "/links") == 401
    token = {"Authorization": f"Bearer {emulator.admin_token}"}
    link = json.load(stranger.ask("POST", "/links", token))["data"]["control_link"]
    assert stranger.follow(link).getheader("Location") == "/_emulator/"


def test_neither_codes_nor_cookies_are_in_the_journal(emulator: Emulator, browser: Browser) -> None:
    link = emulator.control_link()
    browser.follow(link)
    browser.status("GET", "/users")
    journal = json.dumps(emulator.journal)
    assert "/_emulator/login" in journal
    assert link.partition("=")[2] not in journal
    assert browser.cookie.partition("=")[2] not in journal


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": None}, 403),  # a browser says it with every POST
        ({"Origin": "null"}, 403),
        ({"Origin": "http://page.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # the same site to a browser, which has no ports
        ({"Origin": "https{origin}"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost.evil.example", "Origin": None}, 403),
        ({"Host": "[", "Origin": None}, 403),
        ({"Cookie": None}, 401),
        ({"Cookie": "{name}=page_wrong"}, 401),
        ({"Cookie": "{name}="}, 401),
        ({"Cookie": "other={value}"}, 401),
        ({"Cookie": None, "Authorization": "Bearer {value}"}, 401),  # the cookie is no token
        ({"Cookie": "{name}={token}"}, 401),  # nor the token a cookie
    ],
    ids=str,
)
def test_a_page_gets_in_with_its_cookie_and_from_its_own_origin(
    emulator: Emulator, browser: Browser, headers: dict[str, str | None], status: int
) -> None:
    name, _, value = browser.cookie.partition("=")
    known = {
        "name": name,
        "value": value,
        "token": emulator.admin_token,
        "origin": browser.origin.removeprefix("http"),
    }
    sent = {header: text and text.format(**known) for header, text in headers.items()}
    body = {"status": "online"}
    assert browser.status("POST", "/users/superhero1/status", sent, body) == status
    assert emulator.online == ({"superhero1"} if status == 200 else set())


@pytest.mark.parametrize("path", ["/", "/control.js", "/login?code=x", "/users", "/events"])
def test_a_name_that_was_made_to_point_here_opens_nothing(browser: Browser, path: str) -> None:
    assert browser.status("GET", path, {"Host": "evil.example"}) == 403
    assert browser.status("GET", path, {"Host": "evil.example:80"}) == 403


def test_two_emulators_on_a_host_keep_their_cookies_apart(
    emulator: Emulator, browser: Browser
) -> None:
    with Emulator() as other, Browser(other.admin_url) as there:
        there.follow(other.control_link())
        assert there.cookie.partition("=")[0] != browser.cookie.partition("=")[0]
        there.cookie = f"{browser.cookie}; {there.cookie}"
        assert there.status("GET", "/users") == 200


def test_where_others_may_reach_it_names_are_not_known_and_the_token_still_counts() -> None:
    with Emulator(host="0.0.0.0") as emulator, Browser(emulator.url) as browser:
        named = {"Host": "emulator.example:7000"}
        token = {"Authorization": f"Bearer {emulator.admin_token}"}
        assert browser.status("GET", "/users", named) == 401
        assert browser.status("GET", "/users", named | token) == 200
        assert browser.status("GET", "/users", named | token | {"Origin": "http://a.page"}) == 403


# ---- what is served

FILES = sorted(path for path in FOLDER.iterdir())
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@pytest.mark.parametrize("path", ["/", *(f"/{path.name}" for path in FILES)])
def test_the_files_of_the_page_need_no_login_and_allow_nothing_from_elsewhere(
    stranger: Browser, path: str
) -> None:
    answer = stranger.ask("GET", path)
    assert answer.status == 200
    file = FOLDER / (path.strip("/") or "index.html")
    expected = TYPES.get(file.suffix, "image/svg+xml")
    assert answer.getheader("Content-Type") == f"{expected}; charset=utf-8"
    assert answer.read() == file.read_bytes()
    for name, value in HEADERS.items():
        assert answer.getheader(name) == value
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix != ".svg"], ids=str)
def test_a_file_of_the_page_needs_nothing_from_elsewhere_and_makes_no_markup(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"<script>|<style>|\sstyle=|\son[a-z]+=", text)
    for name in re.findall(r"""(?:src|href|from)[= ]"(?:\./)?([\w.]+)\"""", text):
        assert (FOLDER / name).is_file()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_to_be_read_and_pressed_has_contrast(scheme: str) -> None:
    """WCAG 2.2: 4.5 for text, 3 for the parts of a switch."""
    css = (FOLDER / "control.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark", 1)
    found = re.findall(r"--(\w+): #(\w{6});", light if scheme == "light" else dark)
    colour = {name: _luminance(value) for name, value in found}
    wanted = {
        "text": 4.5,
        "quiet": 4.5,
        "accent": 4.5,
        "good": 4.5,
        "bad": 4.5,
        "bright": 3,
        "off": 3,
    }
    for ground in ("panel", "sunk"):
        for name, least in wanted.items():
            darker, lighter = sorted((colour[name], colour[ground]))
            assert (lighter + 0.05) / (darker + 0.05) >= least, (name, ground)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_page_is_found_without_the_last_slash(stranger: Browser) -> None:
    answer = stranger.ask("GET", "")
    assert (answer.status, answer.getheader("Location")) == (303, "/_emulator/")


# ---- what a page is told


class Page:
    """An open stream of events."""

    def __init__(self, browser: Browser) -> None:
        self._answer = browser.ask("GET", "/events")
        assert self._answer.status == 200

    def next(self) -> tuple[str, Any]:
        """The next event and its data; heartbeats are left out."""
        event = ""
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                return event, json.loads(value)
        return "", None  # the end

    def until(self, name: str, wanted: Any) -> Any:
        """News until they say so."""
        while (event := self.next())[0] == "news":
            if wanted(event[1][name]):
                return event[1][name]
        raise AssertionError(f"the stream ended: {event}")


@pytest.fixture
def page(browser: Browser) -> Page:
    return Page(browser)


def test_a_page_is_told_everything_first_and_then_what_changes(
    emulator: Emulator, page: Page
) -> None:
    event, hello = page.next()
    assert event == "hello"
    assert hello["about"]["app_id"] == emulator.app_id
    assert hello["counts"] == {"users": 5, "online": 0, "sockets": 0}
    assert [user["uid"] for user in hello["users"]] == [f"superhero{n}" for n in range(1, 6)]
    assert (hello["faults"], hello["skipped"]) == ([], 0)

    emulator.set_online("superhero2")
    [user] = page.until("users", len)
    assert (user["uid"], user["online"], user["sockets"]) == ("superhero2", True, 0)
    emulator.add_user("newcomer", name="<b>", role="guest")
    [user] = page.until("users", len)
    assert (user["uid"], user["name"], user["role"]) == ("newcomer", "<b>", "guest")
    with emulator.delay(2.0, count=3):
        assert page.until("faults", len) == [
            {"name": "delay", "settings": {"seconds": 2.0, "jitter": 0.0}, "left": 3}
        ]
    assert page.until("faults", lambda faults: not faults) == []


def test_a_page_is_told_who_is_gone(emulator: Emulator, browser: Browser, page: Page) -> None:
    page.next()
    key = {"apiKey": emulator.rest_api_key, "appId": emulator.app_id}
    with closing(HTTPConnection(urlsplit(emulator.url).netloc, timeout=PATIENCE)) as script:
        script.request("DELETE", "/users/superhero3", headers=key)
        assert script.getresponse().status == 200
    gone = {"uid": "superhero3", "gone": True}
    assert gone in page.until("users", lambda users: gone in users)


def test_a_page_reads_the_journal_but_not_its_own_calls(
    emulator: Emulator, browser: Browser, page: Page
) -> None:
    _, hello = page.next()
    assert [entry["event"] for entry in hello["journal"]] == ["started"]
    with Browser(emulator.admin_url) as other:
        other.cookie = browser.cookie
        assert other.status("POST", "/users/superhero1/status", {}, {"status": "online"}) == 200
    entries = page.until("journal", len)
    assert [(entry["event"], entry["uid"]) for entry in entries] == [("user_online", "superhero1")]


def test_a_page_that_opens_late_is_told_the_end_of_the_journal(
    emulator: Emulator, browser: Browser
) -> None:
    for _ in range(live._MOST_ENTRIES):
        emulator.move(["superhero1"])
    _, hello = Page(browser).next()
    assert len(hello["journal"]) + hello["skipped"] >= live._MOST_ENTRIES
    assert hello["skipped"] > 0
    assert hello["journal"][-1]["event"] in ("user_online", "user_offline")


def test_long_entries_come_shortened(emulator: Emulator, page: Page) -> None:
    page.next()
    emulator.send_raw("x" * 10_000)
    [entry] = page.until("journal", len)
    assert entry["type"] == "raw"
    assert "frame" not in entry
    assert "cut" in entry


def test_only_so_many_pages_are_open_at_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_MOST_PAGES", 2)
    browsers = [Browser(emulator.admin_url) for _ in range(3)]
    for browser in browsers:
        browser.follow(emulator.control_link())
    for browser in browsers[:2]:
        assert Page(browser).next()[0] == "hello"
    assert browsers[2].status("GET", "/events") == 429
    for browser in browsers:
        browser.__exit__()


def test_a_page_that_leaves_without_having_read_all_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    much = "x" * 16_000_000  # more than the buffers of a connection hold
    with Emulator(region=much) as emulator, closing(socket.socket()) as page:
        parts = urlsplit(emulator.admin_url)
        page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        page.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # leave by RST
        page.connect((parts.hostname, parts.port))
        page.sendall(
            f"GET /_emulator/events HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {emulator.admin_token}\r\n\r\n".encode()
        )
        while b"xxxx" not in page.recv(4096):
            pass
        page.close()
        emulator.wait_for(
            lambda entry: entry["dir"] == "out" and entry.get("path") == "/_emulator/events"
        )
    assert [record for record in caplog.records if record.name.startswith("cometpresence")] == []


def test_a_page_works_while_everything_is_closed_to_clients(emulator: Emulator, page: Page) -> None:
    assert page.next()[0] == "hello"
    with emulator.blackhole(), emulator.refuse_connections():
        emulator.set_online("superhero4")
        [user] = page.until("users", len)
        assert user["uid"] == "superhero4"


def test_a_page_ends_when_the_emulator_stops(emulator: Emulator, page: Page) -> None:
    page.next()
    emulator.stop()
    while (event := page.next())[0] == "news":
        pass
    assert event == ("", None)


def test_the_faults_are_described_in_the_words_of_the_emulator(browser: Browser) -> None:
    faults = {fault["name"]: fault for fault in json.load(browser.ask("GET", "/faults"))["data"]}
    assert "blackhole" in faults
    for name, fault in faults.items():
        assert fault["about"] == " ".join((getattr(Emulator, name).__doc__ or "").split())
    assert [field["name"] for field in faults["delay"]["settings"]] == ["seconds", "jitter"]
    assert [field["default"] for field in faults["delay"]["settings"]] == [None, 0.0]
    assert faults["server_errors"]["count"] == 1
    assert not faults["blackhole"]["counted"]
