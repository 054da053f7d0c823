"""The results as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Final

from benchmarks.peers.rounds import Measured

_REFERENCES: Final = ("plain", "raw", "tuned", "prisma", "sqlalchemy", "tortoise", "procrastinate", "pgqueuer")
_COLUMNS: Final = ("p50 ms", "p99 ms", "CPU us", "server", "buffers")
_HEAD: Final = f"{'':24} {'op/s':>9} {'spread':>7}{''.join(f' {name:>8}' for name in _COLUMNS)}"


def lines(title: str, measured: Mapping[str, Measured]) -> Iterator[str]:
    """Yield the lines of one operation: one per peer, and this package's ratios to the others.

    Args:
        title: The operation's title.
        measured: The measurements of each peer, by its label.
    """
    yield f"\n{title}"
    yield _HEAD
    for label, peer in measured.items():
        rate = median(peer.rates)
        spread = 100 * (max(peer.rates) - min(peer.rates)) / rate
        yield (
            f"{label:24} {rate:9,.0f} {spread:6.0f}% {median(peer.p50):8.2f} {median(peer.p99):8.2f}"
            f" {median(peer.cpu):8.0f} {_or_dash(peer.server, '.0f'):>8} {_or_dash(peer.buffers, '.1f'):>8}"
        )
    for ours in measured:
        if ours.startswith("medianest/"):
            others = list(_others(ours, measured))
            yield f"{ours} is so many times as quick as " + ", ".join(
                "{} {:.2f} ({:.2f} to {:.2f})".format(name, *measured[ours].ratio(other)) for name, other in others
            )
            yield f"{ours} uses so many times less client CPU than " + ", ".join(
                f"{name} {measured[ours].cpu_ratio(other)[0]:.2f}" for name, other in others
            )


def _or_dash(numbers: list[float], places: str) -> str:
    return f"{median(numbers):,{places}}" if numbers else "-"


def _others(ours: str, measured: Mapping[str, Measured]) -> Iterator[tuple[str, Measured]]:
    loop = ours.partition("/")[2]
    for name in _REFERENCES:
        # Prisma has only one event loop; all other ratios are between programs on the same event loop.
        label = f"{name}/node" if name == "prisma" else f"{name}/{loop}"
        if label in measured:
            yield name, measured[label]
