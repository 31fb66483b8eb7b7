"""The unmodified official SDK in a browser, with the documentation's snippets, over TLS."""

import json
import queue
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop import documented
from interop.browser import launch, site
from interop.official_sdk import HERE, PATIENCE, SCHOOL
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from cometpresence import PresenceClient, PresenceScope, User
from cometpresence.emulator import Emulator

# Playwright runs a loop in this thread, which is free to wait for us.
pytestmark = pytest.mark.filterwarnings("ignore:PresenceClient blocks")

SDK = HERE / "node_modules/@cometchat/chat-sdk-javascript/CometChat.js"
PAGE = b"""<!doctype html><title>a page</title><link rel="icon" href="data:,">
<script src="/CometChat.js"></script>"""
LOG_IN = """async ({ appId, region, host, uid, authKey }) => {
  const settings = new CometChat.AppSettingsBuilder()
    .subscribePresenceForAllUsers().setRegion(region)
    .overrideAdminHost(host).overrideClientHost(host).build();
  await CometChat.init(appId, settings);
  return (await CometChat.login(uid, authKey)).getUid();
}"""
NOTE_WHAT_IS_LOGGED = """
window.heard = [];
console.log = (text, thing) => {
  if (!String(text).startsWith("On User")) return;
  const [user] = Object.values(thing);
  heard.push([text, user.getUid(), user.getStatus()]);
};
"""
IMPORT = 'import { CometChat } from "@cometchat/chat-sdk-javascript";'


def compiled(source: str, folder: Path) -> str:
    """What the TypeScript compiler makes of it, checked against the SDK's own types."""
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    (folder / "snippet.ts").write_text(f"{IMPORT}\n{source}")
    node = shutil.which("node")
    assert node
    options = ["--strict", "--target", "es2020", "--module", "es2020", "--skipLibCheck"]
    options += ["--moduleResolution", "bundler"]
    compiler = [node, HERE / "node_modules/typescript/bin/tsc", *options, "snippet.ts"]
    done = subprocess.run(compiler, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    script = (folder / "snippet.js").read_text()
    assert IMPORT in script
    return script.replace(IMPORT, "")  # on a page the SDK is global


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Listener and removal, as a page can run them."""
    typed = (documented.TYPED_LISTENER, documented.TYPED_REMOVAL)
    listener, removal = (compiled(each, tmp_path_factory.mktemp("typed")) for each in typed)
    return {
        "JavaScript": (documented.LISTENER, documented.REMOVAL),
        "TypeScript": (listener, removal),
    }


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(tls=True, users=SCHOOL) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def browser(playwright: Playwright, emulator: Emulator) -> Iterator[Browser]:
    with launch(playwright, emulator) as browser:
        yield browser


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    files = {"/": ("text/html", PAGE), "/CometChat.js": ("text/javascript", SDK.read_bytes())}
    with site(files) as url:
        yield url


class Tab:
    """One page, of a browser context of its own, and what its console said."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.context = browser.new_context()
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.broken: list[str] = []
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        self.page.add_init_script(NOTE_WHAT_IS_LOGGED)
        self.page.goto(url)

    def log_in(self, emulator: Emulator, uid: str) -> None:
        self.page.evaluate(
            LOG_IN,
            {
                "appId": emulator.app_id,
                "region": emulator.region,
                "host": emulator.url.removeprefix("https://"),
                "uid": uid,
                "authKey": emulator.auth_key,
            },
        )

    def run(self, script: str) -> None:
        self.page.add_script_tag(content=script, type="module")

    def hears(self, action: str, uid: str) -> None:
        """Waits for it: it is the next thing heard."""
        self.page.wait_for_function("heard.length > 0")
        told = self.page.evaluate("heard.shift()")
        assert told == [f"On User {action.capitalize()}:", uid, action]

    def hears_no_more(self) -> None:
        assert self.page.evaluate("heard") == []
        assert self.broken == []


@pytest.mark.parametrize("language", ["JavaScript", "TypeScript"])
def test_two_browsers_and_a_python_client_see_each_other_come_and_go(
    emulator: Emulator,
    browser: Browser,
    url: str,
    snippets: dict[str, tuple[str, str]],
    language: str,
) -> None:
    listener, removal = snippets[language]
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    first, second = Tab(browser, url), Tab(browser, url)
    first.run(listener)
    first.log_in(emulator, "alice")
    emulator.wait_for_client(timeout=PATIENCE)
    arguments = emulator.client_args("carol")
    with PresenceClient(**arguments, presence=PresenceScope.all_users()) as client:
        watched = {"uids": {"bob", "alice"}}
        client.on_user_online(lambda user: heard.put(("online", user.uid)), **watched)
        client.on_user_offline(lambda user: heard.put(("offline", user.uid)), **watched)
        first.hears("online", "carol")
        second.run(listener)
        second.log_in(emulator, "bob")
        first.hears("online", "bob")
        assert heard.get(timeout=PATIENCE) == ("online", "bob")
        emulator.wait_for_client(count=3, timeout=PATIENCE)
    first.hears("offline", "carol")
    second.hears("offline", "carol")

    second.run(removal)
    with PresenceClient(**arguments, presence=PresenceScope.all_users()) as client:
        first.hears("online", "carol")
        came_and_went(client, heard, first, second)
    first.hears("offline", "carol")
    first.hears_no_more()
    first.context.close()
    emulator.wait_for(lambda entry: not emulator.online, timeout=PATIENCE)


def came_and_went(
    client: PresenceClient, heard: "queue.Queue[tuple[str, str]]", first: Tab, second: Tab
) -> None:
    """The second browser logs out; who stays hears it."""

    @client.on_user_offline(uids={"bob"})
    def went(user: User) -> None:
        heard.put(("offline", user.uid))

    second.page.evaluate("() => CometChat.logout()")
    first.hears("offline", "bob")
    second.hears_no_more()  # it took its listener back
    assert heard.get(timeout=PATIENCE) == ("offline", "bob")
    second.context.close()


def test_a_browser_that_was_told_nothing_trusts_no_emulator(
    playwright: Playwright, emulator: Emulator, url: str
) -> None:
    """So that what the others see went over TLS that was looked at."""
    with launch(playwright) as stranger:
        page = stranger.new_context().new_page()
        page.goto(url)
        failed = page.evaluate(
            "url => fetch(url).then(() => 'answered', error => error.message)", emulator.url + "/me"
        )
        assert failed == "Failed to fetch"


def test_a_page_may_send_every_header_and_method_of_the_api(
    emulator: Emulator, browser: Browser, url: str
) -> None:
    """As a browser sees it, which asks first."""
    from cometpresence.emulator.coverage import Kind, entries

    headers = {entry.name: "x" for entry in entries(Kind.HEADER, "request")}
    page = browser.new_context().new_page()
    page.goto(url)
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = page.evaluate(
            "([url, options]) => fetch(url, options).then((answer) => answer.json())",
            [emulator.url + "/users", {"method": method, "headers": headers}],
        )
        assert answer["error"]["code"] == "AUTH_ERR_INVALID_APPID", json.dumps(answer)
    page.context.close()
