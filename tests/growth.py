"""Whether the time that a function takes grows with the length of its text and not with the square of it."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST: Final = 0.002
"""In seconds: what takes less is noise."""

_ENOUGH: Final = 0.05
"""In seconds: what takes more is measured once."""


def seconds(function: Callable[[str], Any], text: str) -> float:
    """The CPU time of one call, the least of a few."""
    taken: list[float] = []
    while len(taken) < 3 and (not taken or min(taken) < _ENOUGH):
        started = process_time()
        function(text)
        taken.append(process_time() - started)
    return min(taken)


def assert_linear(function: Callable[[str], Any], make: Callable[[int], str], length: int) -> None:
    """Fails where a text that is four times as long takes far more than four times as long; a square takes 16 times."""
    short = max(seconds(function, make(length // 4)), _LEAST)
    assert seconds(function, make(length)) < 9 * short


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """A function that makes texts of a length: a unit again and again, between a beginning and an end."""
    return lambda length: before + unit * (length // len(unit)) + after
