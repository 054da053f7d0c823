"""The peers, each in a separate process, with its own event loop and CPU time."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.data import USERS
from medianest_models.settings import DatabaseUrl

PRISMA: Final = Path(__file__).parent / "prisma"
_LINE: Final = 2**26  # maximum bytes of an answer
_CALLS: Final = frozenset(
    {
        "page", "page_json", "cursor", "find", "find_together", "hit", "hit_hot", "verify", "verify_noting", "claim",
        "record_checks",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """One of the compared libraries.

    Attributes:
        name: Its name in the table.
        loop: Its event loop: asyncio, uvloop or node.
        calls: The operations that it supports.
        warm_up: The number of turns before an operation is measured. V8 compiles frequent code gradually: Prisma's
            pages became twice as fast in their first two seconds. CPython has the same speed from the beginning.
    """

    name: str
    loop: str
    calls: frozenset[str] = _CALLS
    warm_up: float = 0.5

    @property
    def label(self) -> str:
        """The name and the loop."""
        return f"{self.name}/{self.loop}"

    @property
    def command(self) -> list[str]:
        """The command that starts its program."""
        if self.loop == "node":
            return ["node", str(PRISMA / "build" / "client.mjs")]
        return [sys.executable, "-m", "benchmarks.peers.clients", self.name, self.loop]


_ALL: Final = _CALLS | {"cursor_json", "claim_limited"}
_LOOPS: Final = ("asyncio", "uvloop")
PEERS: Final = [
    *(Peer("medianest", loop, _ALL) for loop in _LOOPS),
    *(Peer("raw", loop, _ALL | {"offset"}) for loop in _LOOPS),
    Peer("tuned", "uvloop", _ALL),
    Peer("prisma", "node", _CALLS | {"cursor_json"}, warm_up=7),
    Peer("sqlalchemy", "uvloop"),
    Peer("tortoise", "uvloop"),
    *(Peer(name, "uvloop", frozenset({"claim"})) for name in ("procrastinate", "pgqueuer")),
]


class PeerProcess:
    """A running peer.

    Attributes:
        peer: The peer.
    """

    def __init__(self, peer: Peer, process: Process) -> None:
        self.peer = peer
        self._process = process

    @classmethod
    async def start(cls, peer: Peer) -> PeerProcess:
        """Start its program, which connects on `open`."""
        process = await asyncio.create_subprocess_exec(
            *peer.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE
        )
        return cls(peer, process)

    async def open(self, url: DatabaseUrl, *, checks: int, positions: dict[int, Any]) -> None:
        """Make it connect."""
        server = {"host": url.host, "port": url.port, "user": url.user, "database": url.database}
        await self._ask({"do": "open", "server": server, "users": USERS, "checks": checks, "positions": positions})

    async def check(self, operation: str, *, depth: int, calls: int) -> list[Any]:
        """Return the results of the first calls of an operation."""
        answers: list[Any] = await self._ask({"do": "check", "operation": operation, "depth": depth, "calls": calls})
        return answers

    async def run(
        self, operation: str, *, depth: int, first: int, seconds: float, most: int | None, at_once: int
    ) -> dict[str, Any]:
        """Run a turn, and return its measurement: seconds, CPU seconds and the seconds of each call."""
        message = {
            "do": "run", "operation": operation, "depth": depth, "first": first, "seconds": seconds, "most": most,
            "at_once": at_once,
        }  # fmt: skip
        measured: dict[str, Any] = await self._ask(message)
        return measured

    async def memory(self) -> int:
        """Return the kilobytes of memory of its program."""
        kilobytes: int = await self._ask({"do": "memory"})
        return kilobytes

    async def report(self) -> list[int]:
        """Make the server's session of each connection publish its statistics; return the sessions' process ids."""
        sessions: list[int] = await self._ask({"do": "report"})
        return sessions

    async def _ask(self, message: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.peer.label} has ended; what it said stands above")
        return json.loads(line)

    async def stop(self) -> None:
        """Make it disconnect and exit."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def available(peers: Sequence[Peer]) -> list[Peer]:
    """Return the peers that can run here; install Prisma with npm if needed."""
    if shutil.which("npm") is None:
        print("prisma: left out, because there is no npm")
        return [peer for peer in peers if peer.loop != "node"]
    _install_prisma()
    return list(peers)


def _install_prisma() -> None:
    """Install Prisma Client and its driver, generate and bundle them; no engine is needed or downloaded."""
    environment = os.environ | {"PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "CHECKPOINT_DISABLE": "1"}

    def run(*command: str) -> None:
        subprocess.run(command, cwd=PRISMA, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own

    if not (PRISMA / "node_modules" / ".bin" / "prisma").exists():
        print("prisma: installing it with npm", flush=True)
        run("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if _is_stale():
        run("node_modules/.bin/prisma", "generate", "--schema", "schema.prisma")
        run(
            "node_modules/.bin/esbuild", "client.ts", "first_query.ts", "--bundle", "--platform=node", "--format=esm",
            "--packages=external", "--outdir=build", "--out-extension:.js=.mjs", "--log-level=error",
        )  # fmt: skip


def _is_stale() -> bool:
    built = PRISMA / "build" / "client.mjs"
    sources = [PRISMA / name for name in ("schema.prisma", "client.ts", "first_query.ts", "package.json")]
    return not built.exists() or built.stat().st_mtime < max(source.stat().st_mtime for source in sources)
