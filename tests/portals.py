"""The example portal, run as a user runs it."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Portal:
    """A portal that serves."""

    process: Process
    address: str
    """Without a slash at the end."""
    passwords: dict[str, str]
    """By the name to sign in with."""


@asynccontextmanager
async def running_portal() -> AsyncIterator[Portal]:
    """Run the portal on the database of the environment, as it says how to sign in; stop it at the end."""
    process = await start("--port", "0")
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(60):
            while "Ctrl-C" not in said:
                line = await process.stdout.readline()
                assert line, f"the portal ended: {said}"
                said += line.decode()
        found = re.search(r"at (http://127\.0\.0\.1:\d+)/", said)
        assert found
        yield Portal(process, found[1], dict(re.findall(r"sign in as (\S+), password (\S+)", said)))
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(30):
                await process.communicate()
        except TimeoutError:
            process.kill()


async def refused(*arguments: str) -> str:
    """Start a portal that has a reason not to serve, and return what it says."""
    process = await start(*arguments)
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
    assert process.returncode == 1
    return said.decode()


async def start(*arguments: str) -> Process:
    """Start it in a process group of its own, as a shell does; what it writes, errors too, is its output."""
    command = (sys.executable, "-m", "examples.portal", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, cwd=_CHECKOUT, stdout=PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True
    )
