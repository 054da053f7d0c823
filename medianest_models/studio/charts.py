"""Small SVG charts, which need no script and are readable for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from medianest_models.repositories.services import Uptime

_HEIGHT: Final = 30
_WIDTH: Final = 360
_CHART_HEIGHT: Final = 70
_GOOD: Final = 0.99
"""The uptime from which a part of a strip with a short outage is not red."""


@dataclass(frozen=True)
class Span:
    """A part of a strip: its label, and the uptime in that time."""

    label: str
    uptime: Uptime | None

    @property
    def state(self) -> str:
        """The state, which determines the colour."""
        if self.uptime is None:
            return "unknown"
        if self.uptime.down:
            return "short" if (self.uptime.ratio or 0) >= _GOOD else "down"
        return "degraded" if self.uptime.degraded else "up"

    @property
    def text(self) -> str:
        """The tooltip."""
        if self.uptime is None:
            return f"{self.label}: no data"
        degraded = f", degraded {self.uptime.degraded_ratio:.1%}" if self.uptime.degraded else ""
        return f"{self.label}: up {self.uptime.ratio:.1%}{degraded}"


def percent(uptimes: Iterable[Uptime | None]) -> str:
    """Format the share of the known time that a service was up: `99.5 %`, or `no data`."""
    known = [uptime for uptime in uptimes if uptime is not None]
    total = sum(uptime.known.total_seconds() for uptime in known)
    if not total:
        return "no data"
    return f"{sum(uptime.ratio * uptime.known.total_seconds() for uptime in known) / total:.2%}".replace("%", " %")


def uptime_strip(name: str, spans: Sequence[Span], period: str) -> Markup:
    """Draw a service's strip of coloured parts, oldest first, of a period such as `the last 24 hours`."""
    width = _WIDTH / len(spans)
    parts = Markup().join(
        Markup('<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="{}" rx="1"><title>{}</title></rect>').format(
            span.state, index * width, width - 1.5, _HEIGHT, span.text
        )
        for index, span in enumerate(spans)
    )
    down = sum(span.state in ("down", "short") for span in spans)
    unknown = sum(span.state == "unknown" for span in spans)
    title = f"{name} was up {percent(span.uptime for span in spans)} of {period}"
    described = f"{len(spans)} parts: {down} with an outage, {unknown} without data."
    return _svg("strip", title, described, parts, _HEIGHT)


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
