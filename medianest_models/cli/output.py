"""Output of the commands: text for people, one JSON document for machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import asyncclick as click
import orjson

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def json_option(command: CommandT) -> CommandT:
    """Add `--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")(command)


def print_json(document: object) -> None:
    """Print a document, with keys in the order they were made."""
    click.echo(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))


def print_table(*rows: tuple[object, ...]) -> None:
    """Print rows in columns. A line is as long as it has to be, so that a URL can be copied."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
