"""Every error that can involve a row with secrets, caused on purpose."""

from __future__ import annotations

import datetime
import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final
from uuid import UUID

from tests.leaks.canaries import texts_in

Attempt = Callable[[], Awaitable[object]]


class Failures:
    """The errors of a run, by the name of the attempt."""

    def __init__(self, errors: dict[str, BaseException]) -> None:
        self.errors = errors

    async def expect(self, name: str, attempt: Attempt) -> None:
        """Record the error of an attempt that must fail."""
        assert await self.catch(name, attempt), f"{name}: nothing was raised"

    async def catch(self, name: str, attempt: Attempt) -> bool:
        """Record the error of an attempt that may fail; return whether it did."""
        assert name not in self.errors, name
        try:
            await attempt()
        except Exception as error:  # noqa: BLE001 - any error is examined
            self.errors[name] = error
            return True
        return False


def texts_of(error: BaseException) -> Iterator[str]:
    """Return all texts of an error and of its causes and contexts, including suppressed ones."""
    ahead: list[BaseException] = [error]
    seen: list[BaseException] = []
    while ahead:
        node = ahead.pop()
        if any(node is other for other in seen):
            continue
        seen.append(node)
        yield from traceback.format_exception(node)
        yield from texts_in([node, *node.args, getattr(node, "__notes__", [])])
        for name in dir(node):
            value = getattr(node, name)
            if name == "__dict__" or not name.startswith("__"):
                yield from texts_in(value() if name in ("errors", "json") else value)
        ahead.extend(behind for behind in (node.__cause__, node.__context__) if behind is not None)
        ahead.extend(getattr(node, "exceptions", ()))


class Shows:
    """An object that shows a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def bad_secrets(text: str, number: int) -> dict[str, Any]:
    """Return values that all or most kinds of secret columns reject, each with the canary in it."""
    deep: Any = text
    for _ in range(300):
        deep = {"password": deep}
    return {
        "bytes": text.encode(),
        "a list": [text],
        "a document": {"password": text, "nested": [{"token": text}]},
        "a NUL byte": f"{text}\0",
        "a surrogate": f"{text}\ud800",
        "a surrogate in a document": {"password": f"{text}\ud800"},
        "a NUL byte in a document": {"password": [f"{text}\0"]},
        "too long": text * 300,
        "a number": number,
        "a fraction": float(f"0.{number}"),
        "an object": Shows(text),
        "an object in a document": {"password": Shows(text)},
        "a set in a document": {"token": {text}},
        "bytes in a document": {"token": text.encode()},
        "an endless number in a document": {"password": [text, float("inf")]},
        "a key of another type": {1: text, "password": text},
        "a deep document": deep,
        "a set": {text},
    }


BAD_VALUES: Final[dict[str, Any]] = {
    "None": None,
    "a long text": "x" * 5000,
    "an empty text": "",
    "a NUL byte": "\0",
    "a surrogate": "\ud800",
    "an object": object(),
    "a large number": 2**70,
    "a negative number": -1,
    "a small negative number": -(2**70),
    "not a number": float("nan"),
    "a naive instant": datetime.datetime(2026, 1, 2),  # noqa: DTZ001 - that is what is wrong
    "an instant out of range": datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=9))),
    "a list": [1],
    "bytes": b"bytes",
    "a word": "nonsense",
    "an id of nothing": UUID(int=7),
}
"""Values that other columns may reject."""
