"""A check that a function's time is linear in the length of its text, and not quadratic."""

from __future__ import annotations

import gc
from collections.abc import Callable
from math import inf
from time import process_time
from typing import Any, Final

_LEAST: Final = 0.002
"""In seconds: a shorter time is noise."""

_ATTEMPTS: Final = 10
"""A busy machine may make the longer text look slow in some of them."""


def assert_linear(function: Callable[[str], Any], make: Callable[[int], str], length: int) -> None:
    """Check that a text of four times the length takes about four times as long; quadratic time would take 16 times."""
    assert_no_slower(function, make(length), make(length // 4))


def assert_no_slower(function: Callable[[str], Any], text: str, than: str) -> None:
    """Check that a text takes less than nine times the CPU time of another, each by the quickest of some calls."""
    function(than)  # what is made only once
    took = least = inf
    for _ in range(_ATTEMPTS):
        least = min(least, *(_seconds(function, than) for _ in range(3)))
        took = min(took, _seconds(function, text))
        if took < 9 * max(least, _LEAST):
            return
    raise AssertionError(f"{took:.4f} s for {len(text)} characters, {least:.4f} s for {len(than)}")


def _seconds(function: Callable[[str], Any], text: str) -> float:
    """Return the CPU time of a call, without that of a garbage collection of all that the tests have loaded."""
    gc.disable()
    try:
        started = process_time()
        function(text)
        return process_time() - started
    finally:
        gc.enable()


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Return a function that makes texts of a given length: a repeated unit between a beginning and an end."""
    return lambda length: before + unit * (length // len(unit)) + after
