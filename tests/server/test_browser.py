"""The chat page in a real browser: asked by keyboard, cited places marked on the page's picture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from .parts import HEIGHT, LEFT, PDF, STEP, TOP, WIDTH

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSER = next(
    (path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on the path")


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


def picture(page: sync_api.Page, name: str) -> None:
    """Keep a screenshot where someone wants to look at it."""
    folder = os.environ.get("GOLDSMITH_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def test_ask_by_keyboard_and_see_the_place(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    problems: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: r.url.startswith(address) or elsewhere.append(r.url))
    page.goto(address)
    picture(page, "home")
    # The question has the focus from the start, and keeps it.
    page.keyboard.type("Who rebuilt the water wheel?")
    page.keyboard.press("Enter")
    cite = page.locator(".turn .cite").first
    cite.wait_for()
    assert page.evaluate("document.activeElement.id") == "q"
    assert PDF[1] in page.locator(".answer").inner_text()
    assert page.url.rstrip("/") == address

    figure = page.locator("#source-body .page")
    image = figure.locator("img")
    image.evaluate("picture => picture.decode()")  # until it is drawn
    whole, box = image.bounding_box(), figure.locator("rect").first.bounding_box()
    assert whole is not None
    assert box is not None
    # The mark lies on the second sentence of the page, in parts of the picture's size.
    assert (box["x"] - whole["x"]) / whole["width"] == pytest.approx(LEFT / WIDTH, abs=0.01)
    top = (box["y"] - whole["y"]) / whole["height"]
    assert top == pytest.approx((TOP + STEP) / HEIGHT, abs=0.01)
    picture(page, "answer")

    page.keyboard.press("Escape")
    page.locator("#source").wait_for(state="hidden")
    cite.focus()
    page.locator("#source").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "cite"

    page.locator("#q").fill("zyzzyva quasar")
    page.keyboard.press("Enter")
    page.locator(".refusal").wait_for()
    assert "do not answer" in page.locator(".refusal").inner_text()
    page.locator("#q").fill("When does the beekeeper inspect the hives?")
    page.keyboard.press("Enter")
    page.locator("#source-body mark").wait_for()
    picture(page, "conversation")
    assert problems == []
    assert elsewhere == []
    page.close()


def test_small_and_dark(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 780}, color_scheme="dark")
    page.goto(f"{address}/ask?q=Who+rebuilt+the+water+wheel%3F")
    page.locator(".cite").first.click()
    page.locator("#source").wait_for()
    page.locator("#source-body img").evaluate("picture => picture.decode()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "small")
    page.close()


def test_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator("#q").fill("Who rebuilt the water wheel?")
    page.keyboard.press("Enter")
    page.locator(".cite").first.click()
    page.locator("figure.source rect").first.wait_for()
    picture(page, "plain")
    context.close()
