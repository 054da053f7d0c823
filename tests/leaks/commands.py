"""Every command of the program, in this process: with all its flags, none of them, and each by itself."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING, Any, Final

import asyncclick as click
import uvicorn
from asyncclick.testing import CliRunner

from medianest_models.cli.application import application
from tests.commands import subcommands

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

COMMANDS: Final = dict(
    sorted(subcommands().items(), key=lambda command: ("demo-data" in command[0], "reset" in command[0]))
)
"""Each by its words; the one that deletes everything comes late, and after it what wants a database without users."""

_SHOWING: Final = "--show-password"
"""The flag that is there to show a secret."""


async def outputs(patch: pytest.MonkeyPatch) -> dict[tuple[str, ...], str]:
    """What each prints, and its exit status, by its arguments."""
    patch.setattr(os, "execve", _replace_nothing)
    patch.setattr(uvicorn.Server, "serve", _serve_nobody)
    patch.setattr(webbrowser, "open", lambda _: False)
    found: dict[tuple[str, ...], str] = {}
    for words, command in COMMANDS.items():
        for flags in _flags(command):
            result = await CliRunner().invoke(application, [*words, *flags])
            found[*words, *flags] = f"{result.output}exit status {result.exit_code}"
    return found


def _flags(command: click.Command) -> Iterator[tuple[str, ...]]:
    flags = [option.opts[-1] for option in command.params if isinstance(option, click.Option) and option.is_flag]
    yield ()
    yield from ((flag,) for flag in flags if flag != _SHOWING)
    yield tuple(flag for flag in flags if flag != _SHOWING)


async def _serve_nobody(server: uvicorn.Server, **_: object) -> None:
    """Instead of serving the studio until somebody ends it: end at once."""


def _replace_nothing(program: str, arguments: list[str], environment: dict[str, str]) -> Any:
    """Instead of becoming another program: print what everyone on the machine could read."""
    click.echo(f"{program} {arguments}")
