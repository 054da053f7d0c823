"""The package's goals, and the verdicts of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.peers.deep import NEAR
from benchmarks.peers.memory import STEPS, WARM_UP
from benchmarks.peers.rounds import Measured

GOALS: Final[dict[str, dict[str, float]]] = {
    "startup": {"prisma": 1.3},
    "page": {"tuned": 0.9, "prisma": 2.3},
    "page_json": {"tuned": 1.0, "prisma": 2.5},
    "cursor": {"tuned": 0.8, "prisma": 400},
    "cursor_json": {"tuned": 0.95},
    "find": {"tuned": 1.8, "prisma": 2.8},
    "find_together": {"raw": 8, "prisma": 7},
    "find_alone": {"tuned": 0.75, "plain": 1 / 1.1},
    "verify": {"tuned": 1.2, "prisma": 3},
    "verify_alone": {"plain": 1 / 1.1},
    "hit": {"tuned": 1.3, "prisma": 3.5},
    "hit_hot": {"tuned": 4, "prisma": 6},
    "hit_alone": {"plain": 1 / 1.1},
    "claim": {"procrastinate": 2.3, "pgqueuer": 2.3},
    "record_checks": {"raw": 1.5, "prisma": 16},
}
"""By operation and peer: the minimum ratio of the operations per second."""
CPU_GOALS: Final = {"page": 0.75, "page_json": 1.0, "cursor": 0.7, "cursor_json": 0.9}
"""By operation: the minimum ratio of the client CPU time of tuned asyncpg to that of this package."""
SLOWER_WHEN_DEEP: Final = 1.5
"""The maximum ratio of the times of a deep page and a page near the beginning."""
GROWTH: Final = 1.05
"""The maximum ratio of a worker's memory at the end and after the warm-up."""


@dataclass(frozen=True)
class Verdict:
    """A measured figure and its goal.

    Attributes:
        title: The name of the measurement.
        against: The other side of the comparison, such as `prisma`, or `tuned, CPU` for the client CPU.
        figure: The measured ratio of speed, client CPU, time or memory; the median of the rounds.
        least: The minimum of the rounds.
        most: The maximum of the rounds.
        goal: The goal for the figure.
        at_most: Whether the goal is a maximum; otherwise it is a minimum.
    """

    title: str
    against: str
    figure: float
    least: float
    most: float
    goal: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.figure <= self.goal if self.at_most else self.figure >= self.goal

    @property
    def close(self) -> bool:
        """Whether some rounds reached the goal and some did not."""
        return self.least < self.goal <= self.most

    def kept(self) -> dict[str, Any]:
        """Convert it for JSON."""
        return asdict(self) | {"reached": self.reached, "close": self.close}


def of_operation(name: str, title: str, measured: Mapping[str, Measured]) -> Iterator[Verdict]:
    """Yield an operation's verdicts, for this package on uvloop, which its documentation recommends.

    For raw asyncpg, which runs on both loops, there is a verdict for each loop.

    Args:
        name: The operation.
        title: The operation's title in the table.
        measured: The measurements of each peer, by its label.
    """
    loops = [loop for loop in ("uvloop", "asyncio") if f"medianest/{loop}" in measured]
    for against, goal in GOALS.get(name, {}).items():
        for loop in loops if against == "raw" else loops[:1]:
            theirs = f"{against}/node" if against == "prisma" else f"{against}/{loop}"
            if theirs in measured:
                ratio = measured[f"medianest/{loop}"].ratio(measured[theirs])
                yield Verdict(title, against if loop == loops[0] else f"{against}/{loop}", *ratio, goal)
    if name in CPU_GOALS and "tuned/uvloop" in measured:
        ratio = measured["medianest/uvloop"].cpu_ratio(measured["tuned/uvloop"])
        yield Verdict(title, "tuned, CPU", *ratio, CPU_GOALS[name])


def of_depth(rows: int, far: int, measured: Mapping[str, Mapping[str, Measured]]) -> Verdict:
    """Return the verdict on the time of a deep page, compared with one near the beginning of the list.

    Args:
        rows: The number of rows of the list.
        far: The number of the deep page.
        measured: The measurements of each page, by `cursor 2` and the like, and by the labels of the peers.
    """
    near, deep = (measured[f"cursor {page}"]["medianest/uvloop"] for page in (NEAR, far))
    title = f"time of page {far:,} of {rows:,} rows"
    return Verdict(title, f"page {NEAR}", *near.ratio(deep), SLOWER_WHEN_DEEP, at_most=True)


def of_memory(operations: int, megabytes: Sequence[float]) -> Verdict:
    """Return the verdict on a worker's memory at the end, compared with that after the warm-up.

    Args:
        operations: The number of its operations.
        megabytes: Its memory after each tenth of them.
    """
    warm = megabytes[WARM_UP - 1]
    growth = megabytes[-1] / warm
    title = f"memory after {operations:,} operations"
    return Verdict(title, f"after {operations * WARM_UP // STEPS:,}", growth, growth, growth, GROWTH, at_most=True)


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the lines of the last table: one per operation, and one for each other figure.

    Args:
        verdicts: All verdicts.
    """
    peers = ("tuned", "tuned, CPU", "prisma")
    yield f"\n{'verdict':50}{''.join(f' {peer:>22}' for peer in peers)}"
    for title in dict.fromkeys(verdict.title for verdict in verdicts if verdict.against in peers):
        of_peers = {verdict.against: verdict for verdict in verdicts if verdict.title == title}
        cells = [
            f"{found.figure:.2f} of {found.goal:.3g}: {_said(found)}" if (found := of_peers.get(peer)) else "-"
            for peer in peers
        ]
        yield f"{title:50}{''.join(f' {cell:>22}' for cell in cells)}"
    for verdict in verdicts:
        if verdict.against not in peers:
            spread = "" if verdict.least == verdict.most else f" ({verdict.least:.2f} to {verdict.most:.2f})"
            bound = "at most" if verdict.at_most else "at least"
            yield (
                f"{verdict.title}: {verdict.figure:.2f} x {verdict.against}{spread},"
                f" {bound} {verdict.goal:.3g}: {_said(verdict)}"
            )


def _said(verdict: Verdict) -> str:
    said = "yes" if verdict.reached else "no"
    return f"{said}, close" if verdict.close else said
