"""What the package is to reach, and whether a run has reached it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.peers.deep import NEAR
from benchmarks.peers.memory import STEPS, WARM_UP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.peers.rounds import Measured

GOALS: Final[dict[str, dict[str, float]]] = {
    "startup": {"prisma": 1 / 1.3},
    "page": {"prisma": 3.0, "raw": 1.25},
    "page_json": {"prisma": 3.0, "raw": 1.0},
    "cursor": {"prisma": 210, "raw": 1.3},
    "find": {"prisma": 4, "raw": 5},
    "find_together": {"prisma": 7, "raw": 8},
    "hit": {"prisma": 6.5, "raw": 3},
    "hit_hot": {"prisma": 10, "raw": 7},
    "verify_noting": {"prisma": 10, "raw": 2.7},
    "find_alone": {"plain": 1 / 1.1},
    "verify_alone": {"plain": 1 / 1.1},
    "hit_alone": {"plain": 1 / 1.1},
    "claim": {"prisma": 2.3, "raw": 1.3, "procrastinate": 2.3, "pgqueuer": 2.3},
    "record_checks": {"prisma": 16, "raw": 1.5},
}
"""By the operation and the peer: how many times as quick as it, at least."""
SLOWER_WHEN_DEEP: Final = 1.5
"""How many times as long a deep page may take."""
GROWTH: Final = 1.05
"""How many times the memory of a warm worker it may hold at the end."""


@dataclass(frozen=True)
class Verdict:
    """A figure beside its goal.

    Attributes:
        title: What was measured.
        against: What with, `prisma` for instance.
        figure: How many times as quick, or as long, or as much; the median of the rounds.
        least: The least of the rounds.
        most: The most of the rounds.
        goal: What the figure is to be.
        at_most: Whether it is to be that or less; else that or more.
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
        """Whether the figure is what it is to be."""
        return self.figure <= self.goal if self.at_most else self.figure >= self.goal

    @property
    def close(self) -> bool:
        """Whether some rounds say the one thing and some the other."""
        return self.least < self.goal <= self.most

    def kept(self) -> dict[str, Any]:
        """It as JSON can hold it."""
        return asdict(self) | {"reached": self.reached, "close": self.close}


def of_operation(name: str, title: str, measured: Mapping[str, Measured]) -> Iterator[Verdict]:
    """An operation's goals, for this package on uvloop: the setup that its documentation advises.

    Beside raw asyncpg, which runs on either loop, there is a verdict for each.

    Args:
        name: The operation.
        title: What the table calls it.
        measured: What each peer did, by its label.
    """
    loops = [loop for loop in ("uvloop", "asyncio") if f"medianest/{loop}" in measured]
    for against, goal in GOALS.get(name, {}).items():
        for loop in loops if against == "raw" else loops[:1]:
            theirs = f"{against}/node" if against == "prisma" else f"{against}/{loop}"
            if theirs in measured:
                ratio = measured[f"medianest/{loop}"].ratio(measured[theirs])
                yield Verdict(title, against if loop == loops[0] else f"{against}/{loop}", *ratio, goal)


def of_depth(rows: int, far: int, measured: Mapping[str, Mapping[str, Measured]]) -> Verdict:
    """Whether a page takes as long far down the list as near its top.

    Args:
        rows: How many rows the list has.
        far: The number of the page that lies deep.
        measured: What was done at each page, by `cursor 2` and the like, and by the labels of the peers.
    """
    near, deep = (measured[f"cursor {page}"]["medianest/uvloop"] for page in (NEAR, far))
    title = f"time of page {far:,} of {rows:,} rows"
    return Verdict(title, f"page {NEAR}", *near.ratio(deep), SLOWER_WHEN_DEEP, at_most=True)


def of_memory(operations: int, megabytes: Sequence[float]) -> Verdict:
    """Whether a worker holds as much at the end as when it was warm.

    Args:
        operations: How many it has done.
        megabytes: What it held after each tenth of them.
    """
    warm = megabytes[WARM_UP - 1]
    growth = megabytes[-1] / warm
    title = f"memory after {operations:,} operations"
    return Verdict(title, f"after {operations * WARM_UP // STEPS:,}", growth, growth, growth, GROWTH, at_most=True)


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The last table: a line an operation, and one for each figure of another kind.

    Args:
        verdicts: All of them.
    """
    peers = ("prisma", "raw", "raw/asyncio")
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
