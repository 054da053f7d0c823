"""Small SVG charts, which need no script and are readable for screen readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from medianest_models.repositories.services import Uptime

_HEIGHT: Final = 30
_WIDTH: Final = 360
_CHART_HEIGHT: Final = 70
_GOOD: Final = 0.99
"""The uptime ratio from which an outage in a part of a strip is called short, and not drawn red."""
_NEGLIGIBLE: Final = 0.005
"""The share of unknown time up to which it is not mentioned: a late check leaves such gaps."""
_SEEN: Final = 0.12
"""The least share of a strip's height that a state gets, so that a short one can be seen."""


@dataclass(frozen=True)
class Span:
    """A part of a strip: its label, and the uptime in that time, all of which may be unknown."""

    label: str
    uptime: Uptime

    @property
    def has_outage(self) -> bool:
        """Whether the service was down."""
        return bool(self.uptime.down)

    @property
    def has_maintenance(self) -> bool:
        """Whether there was maintenance."""
        return bool(self.uptime.maintenance)

    @cached_property
    def has_gap(self) -> bool:
        """Whether the state is unknown for a time that is not negligible."""
        return unknown_share(self.uptime) > 0

    @property
    def state(self) -> str:
        """The state in the known time, which determines its colour."""
        if self.uptime.down:
            return "short" if (self.uptime.ratio or 0) >= _GOOD else "down"
        return "degraded" if self.uptime.degraded else "up"

    @property
    def heights(self) -> dict[str, float]:
        """The shares of the height by what they show, from below: the known time, maintenance, unknown time."""
        found = {self.state: self.uptime.known, "maintenance": self.uptime.maintenance}
        if self.has_gap:
            found["unknown"] = self.uptime.unknown
        whole = sum(found.values(), timedelta())
        seen = {state: max(time / whole, _SEEN) for state, time in found.items() if time}
        whole_seen = sum(seen.values())
        return {state: share / whole_seen for state, share in seen.items()}

    @property
    def text(self) -> str:
        """The tooltip."""
        said = []
        if self.uptime.known:
            said.append(f"up {self.uptime.ratio:.1%}")
        if self.uptime.degraded:
            said.append(f"degraded {self.uptime.degraded_ratio:.1%}")
        if self.has_maintenance:
            said.append(f"maintenance for {lasting(self.uptime.maintenance)}")
        if self.has_gap:
            said.append(f"no data for {lasting(self.uptime.unknown)}" if said else "no data")
        return f"{self.label}: {', '.join(said)}"


def total(spans: Sequence[Span]) -> Uptime:
    """Return the uptime of all parts of a strip."""
    parts = [span.uptime for span in spans]
    return Uptime(
        parts[0].since,
        parts[-1].until,
        sum((part.up for part in parts), timedelta()),
        sum((part.degraded for part in parts), timedelta()),
        sum((part.down for part in parts), timedelta()),
        sum((part.maintenance for part in parts), timedelta()),
    )


def percent(uptime: Uptime) -> str:
    """Format the share of the known time that a service was up: `99.50 %`; or `maintenance`, or `no data`."""
    if uptime.ratio is None:
        return "maintenance" if uptime.maintenance else "no data"
    return f"{uptime.ratio:.2%}".replace("%", " %")


def unknown_share(uptime: Uptime) -> float:
    """Return the share of the time whose state is unknown; 0 where that is negligible."""
    share = uptime.unknown / (uptime.until - uptime.since)
    return share if share > _NEGLIGIBLE else 0.0


def lasting(duration: timedelta) -> str:
    """Format a duration with its two largest units: `1 h 20 min`."""
    seconds = duration // timedelta(seconds=1)
    units = ("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60)
    first = next((place for place, (_, number) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for unit, number in units[first : first + 2] if number) or "less than 1 s"


def uptime_strip(name: str, spans: Sequence[Span], period: str) -> Markup:
    """Draw a service's strip of coloured parts, oldest first, of a period such as `the last 24 hours`."""
    width = _WIDTH / len(spans)
    bars = "".join(_bar(span, index * width, width * 0.87) for index, span in enumerate(spans))
    found = total(spans)
    title = f"{name} was up {percent(found)} of {period}"
    if found.ratio is None:
        title = f"{name} in {period}: {percent(found)}"
    described = " ".join(
        said
        for said in (
            _named("Outages", spans, lambda span: span.has_outage),
            _named("Maintenance", spans, lambda span: span.has_maintenance),
            _named("Time without data", spans, lambda span: span.has_gap),
        )
        if said
    )
    return _svg("strip", title, described or "No outage.", Markup(bars), _HEIGHT)  # noqa: S704 - escaped by _bar


def _bar(span: Span, left: float, width: float) -> str:
    """Draw a part of a strip. A page has thousands of them, and Markup formats ten times slower than an f-string."""
    bar, bottom = f"<g><title>{escape(span.text)}</title>", float(_HEIGHT)
    for state, share in span.heights.items():
        height = share * _HEIGHT
        bottom -= height
        bar += f'<rect class="{state}" x="{left:.1f}" y="{bottom:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    return f"{bar}</g>"


def _named(what: str, spans: Sequence[Span], has: Callable[[Span], bool]) -> str:
    """Name the parts of a strip that have something, those without a gap from the first to the last."""
    runs = [[span.label for span in run] for found, run in groupby(spans, has) if found]
    labels = (run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"{what}: {', '.join(labels)}." if runs else ""


def response_chart(name: str, medians: Sequence[float | None], highs: Sequence[float | None]) -> Markup:
    """Draw a service's response times in milliseconds as two lines, with a gap where nothing is known.

    They are the medians and the 95th percentiles of each of the last 24 hours, oldest first.
    """
    known = [median for median in medians if median is not None]
    highest = max((high for high in highs if high is not None), default=None)
    if highest is None:
        return Markup('<p class="text-secondary small mb-0">no response times in the last 24 hours</p>')
    lines = Markup().join(_line(kind, line, highest or 1.0) for kind, line in (("high", highs), ("median", medians)))
    title = f"Response times of {name} in the last 24 hours"
    described = (
        f"By the hour, the median is {min(known):.0f} to {max(known):.0f} ms; "
        f"the 95th percentile is at most {highest:.0f} ms."
    )
    return _svg("times", title, described, lines, _CHART_HEIGHT)


def _line(kind: str, values: Sequence[float | None], scale: float) -> Markup:
    step = _WIDTH / max(len(values) - 1, 1)
    path, is_gap = "", True
    for index, value in enumerate(values):
        if value is not None:
            point = f"{index * step:.1f} {_CHART_HEIGHT - 3 - value / scale * (_CHART_HEIGHT - 6):.1f}"
            path += f"M{point}h0.1" if is_gap else f"L{point}"  # a point alone would not be seen
        is_gap = value is None
    return Markup('<path class="{}" d="{}"/>').format(kind, path)


def _svg(kind: str, title: str, described: str, content: Markup, height: int) -> Markup:
    return Markup(
        '<svg class="studio-chart {}" role="img" aria-label="{}. {}" viewBox="0 0 {} {}" preserveAspectRatio="none">'
        "{}</svg>"
    ).format(kind, title, described, _WIDTH, height, content)
