"""The directive `command-help`: what every command says to `--help`, asked from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import asyncclick as click
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from medianest_models.cli.application import application, load_command


def commands(context: click.Context, *, stubs: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the words and the help of a command, and of those below it."""
    command = context.command
    yield context.command_path, command.get_help(context)
    for name, found in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        below = load_command(found) if stubs else found
        yield from commands(click.Context(below, info_name=name, parent=context))


class CommandHelp(SphinxDirective):
    """A section for each command."""

    has_content = False

    def run(self) -> list[Any]:
        """Write the sections."""
        lines: list[str] = []
        top = click.Context(application, info_name="medianest", **application.context_settings)
        for words, text in commands(top, stubs=True):
            lines += [words, "-" * len(words), "", ".. code-block:: text", ""]
            lines += [f"   {line}".rstrip() for line in text.splitlines()]
            lines.append("")
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
