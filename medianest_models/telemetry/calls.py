"""A span of kind INTERNAL for each call of a repository, such as `downloads.claim`."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from importlib import import_module
from types import TracebackType
from typing import Any, Final

from opentelemetry.context import attach, detach
from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context

from medianest_models import repositories

MODULES: Final = (
    *("activity", "changes", "downloads", "media_requests", "rate_limits", "services", "services.maintenance"),
    *("sessions", "system_config", "users"),
)
"""The modules whose functions are the operations, by their names in `medianest_models.repositories`."""
ENDLESS: Final = "downloads.run_worker"
"""Its span would be the parent of all that a worker ever does; each call in it has a span of its own instead."""

Operation = Callable[..., Any]


def operations() -> Iterator[tuple[str, Operation]]:
    """Yield each public operation of the repositories with its name: what is awaited, or entered by `async with`."""
    for name in MODULES:
        module = import_module(f"{repositories.__name__}.{name}")
        for attribute, found in vars(module).items():
            if not inspect.isfunction(found) or not found.__module__.startswith(module.__name__):
                continue
            is_operation = inspect.iscoroutinefunction(found) or _is_block(found)
            if is_operation and not attribute.startswith("_") and f"{name}.{attribute}" != ENDLESS:
                yield f"{name}.{attribute}", found


def trace_calls(tracer: Tracer, undo: ExitStack) -> None:
    """Replace every operation by one that makes a span, wherever a module of this package holds it, until `undo`."""
    wrappers = {found: _wrap(_Calls(tracer, name, undo), found) for name, found in operations()}
    package = f"{repositories.__name__.partition('.')[0]}."
    for module in [module for name, module in sys.modules.items() if name.startswith(package)]:
        for attribute, found in list(vars(module).items()):
            if inspect.isfunction(found) and found in wrappers:
                setattr(module, attribute, wrappers[found])
                undo.callback(setattr, module, attribute, found)


def _is_block(found: Operation) -> bool:
    """Tell whether it is what `asynccontextmanager` makes of a function."""
    return inspect.isasyncgenfunction(inspect.unwrap(found))


class _Calls:
    """The calls of one operation; `is_on` until `undo`, after which somebody may still hold its wrapper."""

    def __init__(self, tracer: Tracer, name: str, undo: ExitStack) -> None:
        self.tracer = tracer
        self.name = name
        self.is_on = True
        undo.callback(setattr, self, "is_on", False)  # noqa: FBT003 - setattr's signature


class _CallSpan:
    """The span of one call, current inside its `with` block: written out for speed."""

    __slots__ = ("_calls", "_span", "_token")

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def __enter__(self) -> None:
        calls = self._calls
        self._span = calls.tracer.start_span(calls.name)
        self._token = attach(set_span_in_context(self._span))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._token)
        if kind is not None:  # by its class alone: the text may quote an argument
            self._span.set_attribute("error.type", kind.__qualname__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class _Block(AbstractAsyncContextManager[Any]):
    """An `async with` block, of which only the entering has a span: the rest lasts as long as its caller likes."""

    def __init__(self, calls: _Calls, block: AbstractAsyncContextManager[Any]) -> None:
        self._calls = calls
        self._block = block

    async def __aenter__(self) -> Any:
        with _CallSpan(self._calls):
            return await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, trace)


def _wrap(calls: _Calls, operation: Operation) -> Operation:
    if _is_block(operation):

        @functools.wraps(operation)
        def block(*args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Any]:
            entered = operation(*args, **kwargs)
            return _Block(calls, entered) if calls.is_on else entered

        return block

    @functools.wraps(operation)
    async def call(*args: Any, **kwargs: Any) -> Any:
        if not calls.is_on:
            return await operation(*args, **kwargs)
        with _CallSpan(calls):
            return await operation(*args, **kwargs)

    return call
