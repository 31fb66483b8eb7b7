"""The README's picture of the control page, from a real browser.  `make screenshots` draws it."""

import io
import warnings

from interop.browser import launch
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from python.screenshots import FOLDER, cast

from cometpresence import PresenceClient, PresenceScope
from cometpresence.emulator import Emulator


def draw() -> None:
    """Two clients are there, two users moved, one fault is on."""
    with (
        Emulator(users=cast(), app_id="demo") as emulator,
        PresenceClient(**emulator.client_args("ada"), presence=PresenceScope.all_users()),
        PresenceClient(**emulator.client_args("grace"), presence=PresenceScope.all_users()),
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        emulator.wait_for_client(count=2)
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(emulator.control_link())
        expect(page.locator(".user")).to_have_count(len(cast()))
        with emulator.refuse_jwt(count=3):
            emulator.set_online("hedy")
            emulator.set_offline("hedy")
            emulator.set_online("alan")
            expect(page.get_by_role("log")).to_contain_text("alan online")
            drawn = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    drawn.convert("RGB").quantize(96).save(FOLDER / "control-page.png", optimize=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="PresenceClient blocks")
    draw()
