"""A node: Patroni with its PostgreSQL, which can be killed, frozen and cut off; and asking its Patroni."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from examples.cluster.configuration import Place
from examples.cluster.parts import ClusterError
from examples.cluster.processes import kill_all, signal_all
from medianest_models.embedded.programs import Account

Found = TypeVar("Found")

_LIMIT: Final = 180.0  # seconds, for a slow machine
_PAUSE: Final = 0.1
_ANSWER: Final = 2.0
_SWITCHOVER: Final = 60.0


async def until(find: Callable[[], Awaitable[Found | None]], wanted: str) -> Found:
    """Wait until a function returns something true, and return it; ClusterError after three minutes."""
    end = time.monotonic() + _LIMIT
    while not (found := await find()):
        if time.monotonic() > end:
            raise ClusterError(f"not within {_LIMIT:.0f} s: {wanted}")
        await asyncio.sleep(_PAUSE)
    return found


class Program:
    """A program in a folder of its own, which holds its output too.

    Args:
        account: The user that it runs as, where this process is root.
        folder: Its working directory.
        command: The program and its arguments.
    """

    def __init__(self, account: Account, folder: Path, *command: str) -> None:
        self.folder = folder
        self.log = folder / "output.log"
        self._account = account
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it must not run."""
        self.wait()
        is_root = os.geteuid() == 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._account.uid if is_root else None,
                group=self._account.gid if is_root else None,
                extra_groups=() if is_root else None,
            )

    def wait(self) -> None:
        """Wait until it has ended, if it was started."""
        if self._process is not None:
            self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, and not to its children."""
        assert self._process is not None
        self._process.send_signal(number)


class Node:
    """One of the three.

    Args:
        place: Its addresses.
        patroni: Its Patroni.
        wire: The way from it to etcd.
    """

    def __init__(self, place: Place, patroni: Program, wire: Program) -> None:
        self.place = place
        self.patroni = patroni
        self.wire = wire

    @property
    def name(self) -> str:
        """Its name in Patroni."""
        return self.place.name

    def kill_postmaster(self) -> None:
        """Kill the PostgreSQL, as if it had crashed; its Patroni notices."""
        lines = (self.patroni.folder / "data" / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)

    def kill(self) -> None:
        """Kill Patroni and PostgreSQL at once."""
        kill_all(self.patroni.folder)
        self.patroni.wait()

    def start(self) -> None:
        """Start it, or start it again after `kill`."""
        self.patroni.start()

    def freeze_patroni(self) -> None:
        """Stop Patroni, while PostgreSQL goes on."""
        self.patroni.send(signal.SIGSTOP)

    def freeze(self) -> None:
        """Stop all its processes, so that clients get neither an answer nor a refusal."""
        signal_all(self.patroni.folder, signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze` or `freeze_patroni`."""
        signal_all(self.patroni.folder, signal.SIGCONT)

    def cut(self) -> None:
        """Cut Patroni off from etcd: its packets vanish."""
        self.wire.send(signal.SIGSTOP)

    def heal(self) -> None:
        """Undo `cut`."""
        self.wire.send(signal.SIGCONT)

    async def reaches_etcd(self) -> bool:
        """Return whether etcd answers on the way from here, and is ready."""
        version = await ask(f"http://{self.place.host}:{self.place.store_port}/version")
        return version is not None and version["etcdcluster"] != "not_decided"

    async def state(self) -> dict[str, Any]:
        """Ask Patroni about itself; an empty answer when it gives none, or PostgreSQL does not run."""
        return await ask(f"{self._api}/patroni") or {}

    async def switch_over(self) -> bool:
        """Ask the Patroni of the leader to make another node the leader; return whether it did."""
        return await ask(f"{self._api}/switchover", {"leader": self.name}, seconds=_SWITCHOVER) is not None

    @property
    def _api(self) -> str:
        return f"http://{self.place.host}:{self.place.api_port}"


async def ask(url: str, body: dict[str, str] | None = None, *, seconds: float = _ANSWER) -> Any:
    """Send a request, and return the answer, or None when there is none or it is a refusal."""
    data = None if body is None else json.dumps(body).encode()

    def request() -> bytes | None:
        try:
            with urlopen(Request(url, data), timeout=seconds) as answer:  # noqa: S310 - it is http
                text: bytes = answer.read()
                return text
        except HTTPError as error:
            error.close()
        except (OSError, HTTPException):
            pass
        return None

    text = await asyncio.to_thread(request)
    return text if body is not None or text is None else json.loads(text)
