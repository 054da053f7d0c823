"""Run a function in several Python processes at once, to test races that one event loop can't show."""

from __future__ import annotations

import asyncio
import codecs
import importlib.util
import inspect
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

from medianest_models.db import database
from medianest_models.settings import DatabaseUrl

# Forked from a process that has only imported the package: thirty separate imports would take half a minute on two
# cores.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["medianest_models", "pytest", "tests.processes"])
_CHECKOUT: Final = Path(__file__).parents[1]


def run_in_processes(
    function: Callable[..., Awaitable[Any]],
    n: int,
    *args: Any,
    url: DatabaseUrl | None = None,
    connected: bool = False,
    user: int | None = None,
    timeout: float = 60,
) -> list[Any]:
    """Run an async function in `n` processes, which begin together once all of them are ready.

    This call blocks; use `asyncio.to_thread` in a test that must continue meanwhile.

    Args:
        function: A function at the top level of a module.
        n: The number of processes.
        *args: Its arguments; they are pickled.
        url: The DATABASE_URL of each process.
        connected: Whether each process connects to the database before it begins, and disconnects at the end.
        user: The id of the operating-system user for the processes; only root can set one.
        timeout: Seconds until the processes that have not ended are killed.

    Returns:
        The results of the processes, or their exceptions, in the order of their start.

    Raises:
        AssertionError: A process died or did not end in time; the error contains the output of all such processes.
    """
    environment = dict(os.environ)
    if url is not None:
        environment["DATABASE_URL"] = url.render().get_secret_value()
    task = _Task(
        module=function.__module__,
        file=inspect.getfile(function),
        name=function.__qualname__,
        arguments=pickle.dumps(args),
        environment=environment,
        connected=connected,
        user=user,
    )
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        children = []
        for _ in range(n):
            children.append(_Child(task))
            stack.callback(children[-1].kill)
        for child in children:
            child.wait_until_ready(deadline)
        for child in children:
            child.begin()
        outcomes = [child.outcome(deadline) for child in children]
    problems = [f"process {number}: {child.problem}" for number, child in enumerate(children) if child.problem]
    assert not problems, "\n".join(problems)
    return outcomes


@dataclass(frozen=True)
class _Task:
    """The work of a process, and the place of its code."""

    module: str
    file: str
    name: str
    arguments: bytes
    environment: dict[str, str]
    connected: bool
    user: int | None


class _Child:
    """One process. It reports that it is ready, waits for the start signal, and returns one pickle."""

    problem: str = ""

    def __init__(self, task: _Task) -> None:
        descriptor, name = tempfile.mkstemp(prefix="medianest-tests-")
        os.close(descriptor)
        self._output = Path(name)
        self._pipe, theirs = _FORKS.Pipe()
        self._process = _FORKS.Process(target=_live, args=(theirs, name, task), daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until it is ready or has ended, or until the timeout."""
        self._answer(deadline)

    def begin(self) -> None:
        """Send the start signal."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it died: its status and output explain more
            self._pipe.send_bytes(b"begin")

    def outcome(self, deadline: float) -> Any:
        """Return the result or the exception; None, and a `problem`, if the process did not get that far."""
        answer = self._answer(deadline)
        self._process.join(max(0, deadline - time.monotonic()))
        if self._process.exitcode is None:
            return self._fail("it did not end in time")
        if self._process.exitcode != 0 or answer is None:
            return self._fail(f"it ended with status {self._process.exitcode}")
        return pickle.loads(answer)  # noqa: S301 - our own child wrote it

    def kill(self) -> None:
        """End the process if it lives."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._output.unlink()

    def _answer(self, deadline: float) -> bytes | None:
        ready = wait([self._pipe, self._process.sentinel], max(0, deadline - time.monotonic()))
        if self._pipe not in ready:
            return None
        try:
            return self._pipe.recv_bytes()
        except (EOFError, ConnectionResetError):
            return None

    def _fail(self, reason: str) -> None:
        self.problem = f"{reason}\n{self._output.read_text(errors='replace')}"


def _live(pipe: Connection, output: str, task: _Task) -> None:
    """Run a child process from start to end."""
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ.clear()
    os.environ.update(task.environment)
    os.chdir(_CHECKOUT)
    function = _find(task.module, task.file, task.name)
    arguments = pickle.loads(task.arguments)  # noqa: S301 - our parent wrote it; the module of their classes is there now
    if task.user is not None:
        for encoding in ("ascii", "idna"):  # the user may not be allowed to read the standard library
            codecs.lookup(encoding)
        os.setgroups([])
        os.setgid(task.user)
        os.setuid(task.user)
    try:
        outcome = asyncio.run(_begin(function, arguments, pipe, connected=task.connected))
    except Exception as error:  # noqa: BLE001 - any exception is the outcome
        outcome = error
    pipe.send_bytes(_dump(outcome))


def _find(module: str, file: str, name: str) -> Callable[..., Awaitable[Any]]:
    """Load the function from its file, because a test module can't be imported by its name."""
    if module not in sys.modules:
        spec = importlib.util.spec_from_file_location(module, file)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[module] = loaded  # so that pickle finds the module's classes
        spec.loader.exec_module(loaded)
    found: Callable[..., Awaitable[Any]] = getattr(sys.modules[module], name)
    return found


async def _begin(
    function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...], pipe: Connection, *, connected: bool
) -> Any:
    if connected:
        async with database():
            return await _race(function, arguments, pipe)
    return await _race(function, arguments, pipe)


async def _race(function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...], pipe: Connection) -> Any:
    pipe.send_bytes(b"ready")
    pipe.recv_bytes()
    return await function(*arguments)


def _dump(outcome: Any) -> bytes:
    try:
        data = pickle.dumps(outcome)
        pickle.loads(data)  # noqa: S301 - some exceptions can be pickled but not unpickled
    except Exception:  # noqa: BLE001 - pickle may raise anything
        return pickle.dumps(RuntimeError(f"{type(outcome).__name__}: {outcome}"))
    return data
