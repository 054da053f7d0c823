"""A check that a function's time is linear in the length of its text, and not quadratic."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any, Final

_LEAST: Final = 0.002
"""In seconds: a shorter time is noise."""

_ENOUGH: Final = 0.05
"""In seconds: a call that takes longer is measured once."""


def seconds(function: Callable[[str], Any], text: str) -> float:
    """Return the CPU time of a call, the minimum of a few."""
    taken: list[float] = []
    while len(taken) < 3 and (not taken or min(taken) < _ENOUGH):
        started = process_time()
        function(text)
        taken.append(process_time() - started)
    return min(taken)


def assert_linear(function: Callable[[str], Any], make: Callable[[int], str], length: int) -> None:
    """Check that a text of four times the length takes about four times as long; quadratic time would take 16 times."""
    short = max(seconds(function, make(length // 4)), _LEAST)
    assert seconds(function, make(length)) < 9 * short


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Return a function that makes texts of a given length: a repeated unit between a beginning and an end."""
    return lambda length: before + unit * (length // len(unit)) + after
