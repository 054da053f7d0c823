"""The results as a table, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.history.readings import COLUMNS, Timing


@dataclass(frozen=True)
class Verdict:
    """A measured figure, the most that it may be, and the unit of both."""

    title: str
    figure: float
    goal: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.figure <= self.goal

    def line(self) -> str:
        """Return it in words."""
        said = "yes" if self.reached else "no"
        return f"goal: {said:4} {self.title}: {_short(self.figure)} {self.unit}, at most {self.goal:,g}"

    def kept(self) -> dict[str, Any]:
        """Convert it for JSON."""
        return asdict(self) | {"reached": self.reached}


def head() -> Iterator[str]:
    """Yield the two lines above the table."""
    yield f"\n{'':48}" + "".join(f" {column:>26}" for column in COLUMNS)
    yield f"{'milliseconds of a call; CPU of client and server':48}" + f" {'time':>10}{'client':>8}{'server':>8}" * 3


def line(title: str, measured: Mapping[str, Timing]) -> str:
    """Return the line of a reading."""
    return f"{title:48}" + "".join(_cells(measured.get(column)) for column in COLUMNS)


def _cells(timing: Timing | None) -> str:
    if timing is None:
        return f"{'-':>11}{'':16}"
    return f" {_short(timing.milliseconds):>10}{_short(timing.client):>8}{_short(timing.server):>8}"


def _short(number: float) -> str:
    return f"{number:,.{2 if number < 10 else 1 if number < 100 else 0}f}"  # noqa: PLR2004 - three digits
