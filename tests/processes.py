"""Run a function in several Python processes at once: what a race needs, and one event loop can't show."""

from __future__ import annotations

import asyncio
import codecs
import importlib.util
import inspect
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from medianest_models.db import database

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from medianest_models.settings import DatabaseUrl


def run_in_processes(
    function: Callable[..., Awaitable[Any]],
    n: int,
    *args: Any,
    url: DatabaseUrl | None = None,
    connected: bool = False,
    user: int | None = None,
    timeout: float = 60,
) -> list[Any]:
    """Run an async function in `n` processes, which begin together once all of them are up.

    This call blocks; in a test that has to go on meanwhile, use `asyncio.to_thread`.

    Args:
        function: A function at the top level of a module.
        n: How many processes.
        *args: Its arguments; they are pickled.
        url: Becomes each process's DATABASE_URL.
        connected: Whether each process connects to the database before it begins, and disconnects at the end.
        user: The number of the operating-system user that the processes become; only root can ask for one.
        timeout: Seconds until the processes that have not ended are killed.

    Returns:
        What the processes returned, or the exceptions they raised, in the order in which they were started.

    Raises:
        AssertionError: A process died or did not end in time; with what all such processes wrote to stderr.
    """
    environment = dict(os.environ)
    if url is not None:
        environment["DATABASE_URL"] = url.render().get_secret_value()
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        children = []
        for _ in range(n):
            children.append(_Child(function, args, environment, connected=connected, user=user))
            stack.callback(children[-1].kill)
        for child in children:
            child.wait_until_ready(deadline)
        for child in children:
            child.begin()
        outcomes = [child.outcome(deadline) for child in children]
    problems = [f"process {number}: {child.problem}" for number, child in enumerate(children) if child.problem]
    assert not problems, "\n".join(problems)
    return outcomes


class _Child:
    """One process. It says that it is ready, waits for the word, and answers with one pickle."""

    problem: str = ""

    def __init__(
        self,
        function: Callable[..., Awaitable[Any]],
        args: Sequence[Any],
        environment: dict[str, str],
        *,
        connected: bool,
        user: int | None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
        self._stderr: list[bytes] = []
        self._stdout: list[bytes] = []
        self._ready = threading.Event()
        self._readers = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        task = pickle.dumps(
            (
                function.__module__,
                inspect.getfile(function),
                function.__qualname__,
                pickle.dumps(args),
                connected,
                user,
            )
        )
        self._write(len(task).to_bytes(8, "big") + task)

    def wait_until_ready(self, deadline: float) -> None:
        self._ready.wait(max(0, deadline - time.monotonic()))

    def begin(self) -> None:
        self._write(b"!")

    def outcome(self, deadline: float) -> Any:
        try:
            status = self._process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return self._fail("it did not end in time")
        for reader in self._readers:
            reader.join(timeout=5)  # a process it has started may hold the pipe
        if status != 0:
            return self._fail(f"it ended with status {status}")
        return pickle.loads(b"".join(self._stdout))  # noqa: S301 - our own child wrote it

    def kill(self) -> None:
        """End the process if it lives, and close its pipes."""
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _fail(self, reason: str) -> None:
        for reader in self._readers:
            reader.join(timeout=5)
        self.problem = f"{reason}\n{b''.join(self._stderr).decode(errors='replace')}"

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died: its status and stderr say more
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.read(1)
        self._ready.set()
        self._stdout.append(self._process.stdout.read())

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        self._stderr.append(self._process.stderr.read())


def _main() -> None:
    """The life of a child process."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints is no answer
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    task = sys.stdin.buffer.read(size)
    module, file, name, pickled_args, connected, user = pickle.loads(task)  # noqa: S301 - our own parent wrote it
    function = _find(module, file, name)
    args = pickle.loads(pickled_args)  # noqa: S301 - the same; now that the module of their classes is there
    if user is not None:
        for encoding in ("ascii", "idna"):  # the user may not be allowed to read the standard library
            codecs.lookup(encoding)
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    try:
        outcome = asyncio.run(_begin(function, args, answers, connected=connected))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
        outcome = error
    answers.write(_dump(outcome))
    answers.close()


def _find(module: str, file: str, name: str) -> Callable[..., Awaitable[Any]]:
    """The function, from its file: a test module is not importable by its name."""
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
    function: Callable[..., Awaitable[Any]], args: Sequence[Any], answers: IO[bytes], *, connected: bool
) -> Any:
    if connected:
        async with database():
            return await _race(function, args, answers)
    return await _race(function, args, answers)


async def _race(function: Callable[..., Awaitable[Any]], args: Sequence[Any], answers: IO[bytes]) -> Any:
    answers.write(b"!")
    answers.flush()
    sys.stdin.buffer.read(1)
    return await function(*args)


def _dump(outcome: Any) -> bytes:
    try:
        data = pickle.dumps(outcome)
        pickle.loads(data)  # noqa: S301 - some exceptions can be written and not read
    except Exception:  # noqa: BLE001 - pickle raises anything
        return pickle.dumps(RuntimeError(f"{type(outcome).__name__}: {outcome}"))
    return data


if __name__ == "__main__":
    _main()
