"""The journal of a worker's acknowledged work, in a file that survives the worker."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import IO, Any, Final

WRITES: Final = frozenset({"enqueued", "completed", "request"})
"""The kinds of facts that are acknowledged writes."""
_LATENCIES_KEPT: Final = 2000  # per operation and worker
_TAIL: Final = 16_384  # bytes, in which there is a write


class Journal:
    """The file of one worker: acknowledged facts at once, figures at the end.

    Args:
        path: The file, which is overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", buffering=1)  # line-buffered, for a worker that is killed
        self._latencies: dict[str, list[float]] = defaultdict(list)
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._allowed: Counter[str] = Counter()
        self._last = monotonic()
        self._longest_gap = 0.0

    def fact(self, kind: str, **values: Any) -> None:
        """Record an acknowledged write, or a figure of this process, with the time."""
        self._file.write(json.dumps({"kind": kind, "at": time(), **values}) + "\n")

    def did(self, operation: str, seconds: float) -> None:
        """Count an operation that succeeded."""
        now = monotonic()
        self._longest_gap = max(self._longest_gap, now - self._last)
        self._last = now
        count = self._counts[operation]
        self._counts[operation] += 1
        kept = self._latencies[operation]
        if count < _LATENCIES_KEPT:
            kept.append(seconds)
        elif (place := random.randrange(count + 1)) < _LATENCIES_KEPT:  # noqa: S311 - a random sample, not a secret
            kept[place] = seconds

    def failed(self, error: str) -> None:
        """Count an operation that the database did not acknowledge."""
        self._failures[error] += 1

    def allowed(self, window: str) -> None:
        """Count a hit that a rate limit allowed."""
        self._allowed[window] += 1

    def close(self) -> None:
        """Write the figures."""
        self.fact(
            "figures",
            latencies=self._latencies,
            counts=self._counts,
            failures=self._failures,
            allowed=self._allowed,
            longest_gap=self._longest_gap,
        )
        self._file.close()


def last_write(path: Path) -> float:
    """Return the time of the last acknowledged write in a journal that is being written; 0 before the first."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        lines = file.read().splitlines(keepends=True)
    for line in reversed(lines):
        if line.startswith(b"{") and line.endswith(b"}\n") and (fact := json.loads(line))["kind"] in WRITES:
            return float(fact["at"])
    return 0


@dataclass
class Report:
    """The contents of all journals."""

    facts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    longest_gap: float = 0.0

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The acknowledged writes."""
        return [fact for kind in WRITES for fact in self.facts[kind]]

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Report:
        """Merge the journals, and ignore an incomplete line of a killed worker."""
        report = cls()
        for path in paths:
            for line in path.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    report._add(path.stem, json.loads(line))
        return report

    def _add(self, worker: str, entry: dict[str, Any]) -> None:
        if entry["kind"] != "figures":
            self.facts[entry["kind"]].append(entry | {"worker": worker})
            return
        for operation, seconds in entry["latencies"].items():
            self.latencies[operation].extend(seconds)
        self.counts.update(entry["counts"])
        self.failures.update(entry["failures"])
        self.allowed.update(entry["allowed"])
        self.longest_gap = max(self.longest_gap, entry["longest_gap"])
