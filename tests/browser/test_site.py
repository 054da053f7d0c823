"""The site of the docs, served under a path of its own: it fits every screen, and its search finds what there is."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.commands import build_site

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Silent(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site into the folder `docs`."""
    folder = tmp_path_factory.mktemp("built")
    return build_site(folder).rename(folder / "docs")


@pytest.fixture(scope="module")
def names(root: Path) -> list[str]:
    """Return the addresses of the pages in the site."""
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*.html"))
    assert len(found) > 30
    return found


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Serve it, not at the root of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=root.parent)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/docs/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("width", [390, 1280])
async def test_every_page_fits(page: Page, address: str, names: list[str], width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    too_wide = []
    for name in names:
        await page.goto(address + name)
        if await page.evaluate(OVERFLOW):
            too_wide.append(name)
    assert too_wide == []


async def test_the_search_finds_a_function(page: Page, address: str) -> None:
    await page.goto(address)
    await page.get_by_placeholder("Search").first.fill("run_worker")
    await page.keyboard.press("Enter")
    await page.locator("#search-results").get_by_role("link", name="run_worker").first.click()
    await page.wait_for_url("**/docs/reference/downloads.html*")
