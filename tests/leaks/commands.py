"""Every command of the program, in this process: with all its flags, none of them, and each by itself."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING, Any, Final

import asyncclick as click
import uvicorn
from asyncclick.testing import CliRunner

from medianest_models.cli import application, load_command
from tests.commands import subcommands

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

COMMANDS: Final = sorted(subcommands(), key=lambda words: "reset" in words)
"""The words of each; the one that deletes everything comes last."""

_SHOWING: Final = "--show-password"
"""The flag that is there to show a secret."""


async def outputs(patch: pytest.MonkeyPatch) -> dict[tuple[str, ...], str]:
    """What each prints, and its exit status, by its arguments."""
    patch.setattr(os, "execve", _replace_nothing)
    patch.setattr(uvicorn.Server, "serve", _serve_nobody)
    patch.setattr(webbrowser, "open", lambda _: False)
    found: dict[tuple[str, ...], str] = {}
    for words in COMMANDS:
        for flags in _flags(words):
            result = await CliRunner().invoke(application, [*words, *flags])
            found[*words, *flags] = f"{result.output}exit status {result.exit_code}"
    return found


def _flags(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    command: click.Command = application
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
        command = load_command(command) if word == words[0] else command
    flags = [option.opts[-1] for option in command.params if isinstance(option, click.Option) and option.is_flag]
    yield ()
    yield from ((flag,) for flag in flags if flag != _SHOWING)
    yield tuple(flag for flag in flags if flag != _SHOWING)


async def _serve_nobody(server: uvicorn.Server, **_: object) -> None:
    """Instead of serving the studio until somebody ends it: end at once."""


def _replace_nothing(program: str, arguments: list[str], environment: dict[str, str]) -> Any:
    """Instead of becoming another program: print what everyone on the machine could read."""
    click.echo(f"{program} {arguments}")
