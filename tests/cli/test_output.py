"""Where the output can't be written, and where Ctrl-C comes early: one line at most, and never a traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medianest_models.settings import DatabaseUrl
from tests.commands import PROGRAM, document, medianest, python

COMMANDS = [("--help",), ("--version",), ("db", "url"), ("secrets", "generate-key"), ("health", "--json")]


def run(arguments: tuple[str, ...], *, buffered: bool = True, **options: Any) -> tuple[int, str]:
    """Run the command, and return the exit status and the errors."""
    environment = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    ended = subprocess.run(
        [PROGRAM, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        **options,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_said_on_one_line(arguments: tuple[str, ...], *, buffered: bool) -> None:
    with Path("/dev/full").open("w") as full:
        said = run(arguments, buffered=buffered, stdout=full)
    assert said == (1, "Error: the output can't be written: No space left on device\n")


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_pipe_without_a_reader_ends_it_without_a_word(arguments: tuple[str, ...], *, buffered: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run(arguments, buffered=buffered, stdout=writer) == (1, "")
    finally:
        os.close(writer)


def test_a_closed_output_is_said_before_anything_is_done() -> None:
    said = run(("--help",), preexec_fn=lambda: os.close(1))
    assert said == (1, "Error: the output can't be written: it is closed\n")


def test_no_migration_fails_for_want_of_a_reader(empty_url: DatabaseUrl) -> None:
    with Path("/dev/full").open("w") as full:
        said = run(("db", "migrate"), stdout=full)
    assert said == (1, "Error: the output can't be written: No space left on device\n")
    assert document("db", "status")["migrations"]["pending"] == []


INTERRUPTED = """
import sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "asyncclick":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder)
from medianest_models.cli import main
main()
"""


def test_ctrl_c_may_come_while_it_is_imported() -> None:
    ended = python("-c", INTERRUPTED)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Stopped.\n")


def test_a_home_that_nobody_has_is_named() -> None:
    said = "Error: PG_BINDIR: must be an absolute folder, because ~ leads nowhere here"
    status, _, errors = medianest("db", "up", DATABASE_URL="", PG_BINDIR="~nosuch/bin")
    assert (status, errors.splitlines()[-1]) == (2, said)
