"""The site of the docs: it builds without a warning, leads nowhere that is not there, and forgets no public name."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncclick as click
import pytest
from sphinx.util.inventory import InventoryFile

import medianest_models
from docs.extensions.public_names import public_names
from tests.commands import build_site, subcommands
from tests.conftest import CHECKOUT

PAGES: Final = [
    path.relative_to(CHECKOUT / "docs").with_suffix("")
    for path in (CHECKOUT / "docs").rglob("*")
    if path.suffix in {".md", ".rst"}
]
INNER_ROOMS: Final = {
    *(
        "backups",
        "cli",
        "demo_data",
        "embedded",
        "importing",
        "migrate",
        "seed",
        "studio",
    ),  # the commands are for these
    *("checks", "embedding", "encryption", "fields", "masking", "repositories", "signals"),
}

NESTED: Final = ("repositories.services.maintenance", "web.fastapi")


class Page(HTMLParser):
    """The ids of a page, where its links lead, and what a browser loads with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and (link := given.get("href")):
            self.links.add(link)
        if tag in {"img", "script", "iframe", "source"} and (address := given.get("src")):
            self.loaded.add(address)
        if tag == "link" and (address := given.get("href")):
            self.loaded.add(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in site.rglob("*.html")}


def test_every_page_of_the_docs_is_one_of_the_site_and_in_its_sidebar(pages: dict[Path, Page], site: Path) -> None:
    links = {unquote(link.partition("#")[0]) for link in pages[site / "index.html"].links}
    for page in PAGES:
        assert site / f"{page}.html" in pages
        assert str(page) == "index" or f"{page}.html" in links, f"{page} is not in the sidebar"


def test_every_internal_link_leads_somewhere(pages: dict[Path, Page], site: Path) -> None:
    dead = []
    for path, page in pages.items():
        for link in page.links | page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.exists() and (not parts.fragment or unquote(parts.fragment) in pages[target].ids)
            if not there:
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_a_browser_loads_nothing_from_elsewhere(pages: dict[Path, Page], site: Path) -> None:
    assert {address for page in pages.values() for address in page.loaded if re.match(r"\w+:|/", address)} == set()
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:|//)", sheet.read_text()) == [], sheet


def test_a_link_out_of_the_docs_leads_to_the_repository(pages: dict[Path, Page], site: Path) -> None:
    links = pages[site / "migrations.html"].links
    assert any(
        re.fullmatch(rf"https://\S+/blob/v{medianest_models.__version__}/CONTRIBUTING\.md", link) for link in links
    )


def documented(site: Path) -> dict[str, Any]:
    """Return the objects that the site's inventory names."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    found = {}
    for kind, items in inventory.data.items():
        for name in items if kind.startswith("py:") and kind != "py:module" else ():
            found[name] = resolve(name)
    return found


def resolve(name: str) -> Any:
    module, parts = "medianest_models", name.split(".")[1:]
    thing: Any = medianest_models
    for part in parts:
        module = f"{module}.{part}"
        try:
            thing = getattr(thing, part)
        except AttributeError:
            try:
                thing = import_module(module)
            except ImportError:  # an attribute of instances
                return None
    return thing


def rooms() -> list[str]:
    """Return the package, and the modules and packages in it whose names are public: all but `INNER_ROOMS`."""
    root = [room.name for room in iter_modules(medianest_models.__path__) if room.name not in INNER_ROOMS]
    domains = [
        f"repositories.{room.name}" for room in iter_modules(import_module("medianest_models.repositories").__path__)
    ]
    named = [name for name in [*root, *domains, *NESTED] if not name.rpartition(".")[2].startswith("_")]
    return [medianest_models.__name__, *(f"{medianest_models.__name__}.{name}" for name in named)]


ROOMS: Final = rooms()


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site: Path, room: str) -> None:
    names = documented(site)
    module = import_module(room)
    for name in public_names(module):
        if name != "__version__":
            thing = getattr(module, name)
            assert any(thing is found for found in names.values()), f"{room}.{name} is not in the reference"


def test_the_help_of_every_command_is_shown(site: Path) -> None:
    text = (site / "reference" / "commands.txt").read_text()
    for words, command in subcommands().items():
        assert f"Usage: medianest {' '.join(words)}" in text
        (first, *_) = (command.help or "").split("\n")
        assert " ".join(first.split()) in " ".join(text.split())
        for option in command.params:
            assert not isinstance(option, click.Option) or option.hidden or option.opts[0] in text


def test_language_models_get_every_page(site: Path) -> None:
    listed, whole = (site / "llms.txt").read_text(), (site / "llms-full.txt").read_text()
    links = re.findall(r"^- \[.+\]\((.+)\)$", listed, re.MULTILINE)
    assert {re.sub(r"^_sources/|(\.md)?\.txt$", "", link) for link in links} == {str(page) for page in PAGES} - {
        "index"
    }
    for link in links:
        assert (site / link).read_text().strip() in whole
    assert "`" in (site / "_sources/operations.md.txt").read_text()
