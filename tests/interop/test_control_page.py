"""The control page in a browser: what is clicked happens, what happens is shown."""

import json
import queue
import re
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from interop.browser import launch
from interop.official_sdk import PATIENCE, SCHOOL
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from cometpresence import PresenceClient, PresenceScope
from cometpresence.emulator import Emulator

# Playwright runs a loop in this thread, which is free to wait for us.
pytestmark = pytest.mark.filterwarnings("ignore:PresenceClient blocks")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(users=SCHOOL) as emulator:
        yield emulator


@pytest.fixture
def page(browser: Browser, emulator: Emulator) -> Iterator[Page]:
    """The control page, logged in; its console has nothing to complain of, the policy least."""
    page = browser.new_context().new_page()
    page.set_default_timeout(1000 * PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(emulator.control_link())
    expect(page.get_by_role("status").first).to_have_text("live")
    yield page
    page.context.close()
    # Refusals, which tests provoke, are told there too.
    assert not [text for text in complaints if "Failed to load resource" not in text]


def switch(page: Page, name: str) -> Locator:
    return page.get_by_role("switch", name=name)


def exported(emulator: Emulator) -> list[dict[str, Any]]:
    """The users as they are now."""
    with NamedTemporaryFile("r", encoding="utf-8") as file:
        emulator.export(file.name)
        users = json.load(file)["users"]
    assert isinstance(users, list)
    return users


def test_a_click_puts_a_user_online_and_a_listener_fires(emulator: Emulator, page: Page) -> None:
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    arguments = emulator.client_args("carol")
    with PresenceClient(**arguments, presence=PresenceScope.all_users()) as client:
        client.on_user_online(lambda user: heard.put(("online", user.uid)), uids={"bob"})
        client.on_user_offline(lambda user: heard.put(("offline", user.uid)), uids={"bob"})
        bob = switch(page, "Bob B online")
        expect(bob).not_to_be_checked()
        bob.click()
        assert heard.get(timeout=PATIENCE) == ("online", "bob")
        expect(bob).to_be_checked()
        bob.press("Space")
        assert heard.get(timeout=PATIENCE) == ("offline", "bob")
        expect(bob).not_to_be_checked()
        expect(bob).to_be_focused()
        expect(switch(page, "Carol C online")).to_be_checked()
        expect(page.get_by_text("1 socket", exact=True)).to_be_visible()


def test_what_happens_elsewhere_is_shown_and_said(emulator: Emulator, page: Page) -> None:
    emulator.set_online("erin")
    expect(switch(page, "Erin & E online")).to_be_checked()
    expect(page.locator("#said")).to_have_text("Erin & E is online")
    expect(page.locator("#count-online")).to_have_text("1")
    expect(page.get_by_role("log")).to_contain_text("user online")
    emulator.move(["alice", "bob", "carol"])
    expect(page.locator("#said")).to_have_text("3 users came or went")


def test_a_user_is_added_and_a_name_is_never_markup(emulator: Emulator, page: Page) -> None:
    name = "<img src=x onerror=alert(1)>"
    page.get_by_text("Add a user").click()
    page.get_by_label("Uid").fill("mallory")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("textbox", name="Role", exact=True).fill("guest")
    page.get_by_label("online at once").check()
    page.get_by_role("button", name="Add").click()
    expect(switch(page, f"{name} online")).to_be_checked()
    expect(page.locator("img")).to_have_count(1)  # our own
    assert emulator.online == {"mallory"}

    page.get_by_label("Uid").fill("mallory")
    with page.expect_response("**/_emulator/users") as refused:
        page.get_by_role("button", name="Add").click()
    assert refused.value.status == 409
    expect(page.get_by_role("alert")).to_contain_text("exists already")


def test_a_user_is_changed_in_a_dialog(emulator: Emulator, page: Page) -> None:
    page.get_by_role("button", name="Edit Bob B").press("Enter")
    dialog = page.get_by_role("dialog", name="Edit bob")
    dialog.get_by_label("Name").fill("Robert")
    dialog.get_by_label("Friends").fill("carol, nobody")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("nobody does not exist")
    dialog.get_by_label("Friends").fill("carol")
    dialog.get_by_label("Role").fill("headmaster")
    dialog.get_by_label("Role").press("Enter")
    expect(switch(page, "Robert online")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("headmaster")).to_be_visible()
    expect(page.get_by_role("button", name="Edit Robert")).to_be_focused()
    [bob] = [user for user in exported(emulator) if user["uid"] == "bob"]
    assert (bob["name"], bob["role"], bob["friends"]) == ("Robert", "headmaster", ["carol"])


def test_a_user_is_deleted_by_a_second_click_only(emulator: Emulator, page: Page) -> None:
    edit = page.get_by_role("button", name="Edit Bob B")
    edit.click()
    page.get_by_role("button", name="Delete").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "bob" in emulator.uids
    edit.click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Really delete").click()
    expect(switch(page, "Bob B online")).to_have_count(0)
    expect(page.locator("#said")).to_have_text("Deleted bob")
    expect(page.get_by_role("log")).to_contain_text("user removed")
    assert "bob" not in emulator.uids


def test_a_reset_brings_everything_back(emulator: Emulator, page: Page) -> None:
    emulator.add_user("zoe", online=True)
    expect(switch(page, "zoe online")).to_be_checked()
    reset = page.get_by_role("button", name="Reset", exact=True)
    reset.click()
    page.get_by_role("button", name="Cancel").click()
    assert "zoe" in emulator.uids
    reset.click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(switch(page, "zoe online")).to_have_count(0)
    assert "zoe" not in emulator.uids


def test_users_are_found_by_what_is_typed(emulator: Emulator, page: Page) -> None:
    rows = page.locator("#user-list > li")
    expect(rows).to_have_count(6)
    page.get_by_label("Search users").fill("teacher")
    expect(rows).to_have_count(2)
    page.get_by_label("online only").check()
    expect(page.get_by_text("Nobody like that.")).to_be_visible()
    emulator.set_online("bob")
    expect(rows).to_have_count(1)


def test_faults_are_switched_on_with_their_settings_and_off(emulator: Emulator, page: Page) -> None:
    delay = page.locator("li", has=page.get_by_role("switch", name="Delay", exact=True))
    delay.get_by_label("seconds").fill("2.5")
    delay.get_by_label("count").fill("3")
    delay.get_by_role("switch").click()
    expect(delay).to_contain_text("seconds 2.5, jitter 0, 3 more times")
    started = emulator.wait_for(lambda entry: entry.get("event") == "fault_started")
    assert (started["fault"], started["count"]) == ("delay", 3)
    assert started["settings"] == {"seconds": 2.5, "jitter": 0}
    delay.get_by_role("switch").click()
    expect(delay.get_by_role("switch")).not_to_be_checked()
    emulator.wait_for(lambda entry: entry.get("event") == "fault_ended")


def test_all_sockets_are_closed_by_one_button(emulator: Emulator, page: Page) -> None:
    arguments = emulator.client_args("carol")
    with PresenceClient(**arguments, presence=PresenceScope.all_users()):
        page.get_by_label("code").fill("4000")
        page.get_by_role("button", name="Close all sockets").click()
        closing = emulator.wait_for(lambda entry: entry.get("event") == "socket_closing")
    assert (closing["code"], closing["clean"]) == (4000, True)


def test_the_journal_is_followed_to_its_very_end(emulator: Emulator, page: Page) -> None:
    for _ in range(100):
        emulator.move(["bob"])
    log = page.get_by_role("log")
    expect(log.locator("details").nth(100)).to_be_attached()
    emulator.set_online("erin")
    expect(log.get_by_text("erin")).to_be_visible()
    hidden = "log => Math.abs(log.scrollHeight - log.scrollTop - log.clientHeight)"
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert log.evaluate(hidden) <= 2
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


def test_the_journal_is_sifted_and_unfolds(emulator: Emulator, page: Page) -> None:
    log = page.get_by_role("log")
    emulator.set_online("bob")
    emulator.set_online("erin")
    expect(log.get_by_text("erin")).to_be_visible()
    page.get_by_label("Search the journal").fill("bob")
    expect(log.get_by_text("erin")).to_be_hidden()
    log.get_by_text("user online").first.click()
    expect(log.locator("pre")).to_contain_text('"uid": "bob"')
    page.get_by_role("checkbox", name="events").uncheck()
    expect(log.locator("details:visible")).to_have_count(0)


def test_who_is_not_logged_in_is_asked_for_the_token(browser: Browser, emulator: Emulator) -> None:
    used = emulator.control_link()
    first = browser.new_context().new_page()
    first.goto(used)
    expect(first.get_by_role("status").first).to_have_text("live")
    first.context.close()
    page = browser.new_context().new_page()
    page.goto(used)
    expect(page.get_by_text("That link was used already")).to_be_visible()
    expect(page.get_by_label("Admin token")).to_be_focused()
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_text("sockets", exact=True)).to_be_hidden()
    page.get_by_label("Admin token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the admin token")
    page.get_by_label("Admin token").fill(emulator.admin_token)
    page.keyboard.press("Enter")
    expect(switch(page, "Bob B online")).to_be_visible()
    page.context.close()


def test_it_comes_back_when_the_emulator_does(emulator: Emulator, page: Page) -> None:
    emulator.stop()
    expect(page.get_by_role("status").first).to_have_text("lost")
    emulator.start()
    emulator.set_online("bob")
    expect(page.get_by_role("status").first).to_have_text("live")
    expect(switch(page, "Bob B online")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_its_window_and_can_be_read(
    browser: Browser, emulator: Emulator, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(emulator.control_link())
    expect(switch(page, "Bob B online")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert (brightness > 128) == (scheme == "light")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, button")].filter((element) =>
             !element.labels?.length && !element.textContent && !element.ariaLabel
             && !element.getAttribute("aria-labelledby")).map((element) => element.outerHTML)"""
    )
    assert unnamed == []
    context.close()
