"""Output of the commands: text for people, one JSON document for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

import asyncclick as click
import orjson
from asyncclick._termui_impl import ProgressBar

AS_JSON: Final = f"{__name__}.as_json"
"""Where a command's context has whether it was given `--json`."""

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def json_option(command: CommandT) -> CommandT:
    """Add `--json`, passed on as `as_json`; errors are printed as JSON, too."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's signature
        ctx.meta[AS_JSON] = value
        return value

    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=remember,
        help="Print one JSON document instead of text, even for an error.",
    )(command)


def print_result(document: object, text: str | Iterable[tuple[object, ...]], *, as_json: bool) -> None:
    """Print a document as JSON, with its keys in insertion order; or else a text, or the rows of a table.

    Lines are not wrapped, so that a URL can be copied.
    """
    if as_json:
        click.echo(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))
    elif isinstance(text, str):
        click.echo(text)
    else:
        cells = [[str(cell) for cell in row] for row in text]
        widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
        for row in cells:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def progress_bar(label: str, length: int) -> AbstractContextManager[ProgressBar[int]]:
    """Show the progress of something long, where somebody is looking."""
    stderr = click.get_text_stream("stderr")
    return click.progressbar(length=length, label=label, file=stderr, hidden=not stderr.isatty())
