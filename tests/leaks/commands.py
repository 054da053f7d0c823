"""Every command of the program, run in this process: with all flags, with none, and with each one alone."""

from __future__ import annotations

import os
import signal
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncclick as click
import pytest
import uvicorn
from asyncclick.testing import CliRunner

from medianest_models.cli.application import application
from medianest_models.telemetry import prometheus
from tests.commands import subcommands

COMMANDS: Final = dict(
    sorted(subcommands().items(), key=lambda command: ("demo-data" in command[0], "reset" in command[0]))
)
"""The commands by their words; the one that deletes everything comes late, then the one that needs no users."""

_SHOWING: Final = "--show-password"
"""The flag whose purpose is to show a secret."""


async def outputs(patch: pytest.MonkeyPatch) -> dict[tuple[str, ...], str]:
    """Return the output and the exit status of each command, by its arguments."""
    patch.setattr(os, "execve", _replace_nothing)
    patch.setattr(uvicorn.Server, "serve", _serve_nobody)
    patch.setattr(prometheus, "on_signals", _signal_at_once)
    patch.setattr(webbrowser, "open", lambda _: False)
    found: dict[tuple[str, ...], str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for words, command in COMMANDS.items():
            needed = [argument for argument in command.params if isinstance(argument, click.Argument)]
            for number, flags in enumerate(_flags(command)):
                files = [f"{folder}/{number}" for argument in needed if argument.name == "file"]  # of `db backup`
                result = await CliRunner().invoke(application, [*words, *flags, *files])
                found[*words, *flags] = f"{result.output}exit status {result.exit_code}"
    return found


def _flags(command: click.Command) -> Iterator[tuple[str, ...]]:
    flags = [option.opts[-1] for option in command.params if isinstance(option, click.Option) and option.is_flag]
    yield ()
    yield from ((flag,) for flag in flags if flag != _SHOWING)
    yield tuple(flag for flag in flags if flag != _SHOWING)


async def _serve_nobody(server: uvicorn.Server, **_: object) -> None:
    """End at once, instead of serving the studio until it is interrupted."""


@contextmanager
def _signal_at_once(act: Callable[[], object], *_: signal.Signals) -> Iterator[None]:
    """End `medianest metrics` as soon as it serves."""
    act()
    yield


def _replace_nothing(program: str, arguments: list[str], environment: dict[str, str]) -> Any:
    """Print the command line, which everyone on the machine can read, instead of running another program."""
    click.echo(f"{program} {arguments}")
