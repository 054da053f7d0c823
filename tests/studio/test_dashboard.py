"""The first page, empty and full."""

from __future__ import annotations

import datetime
import html
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from medianest_models.db import database
from medianest_models.db.statements import fetch
from medianest_models.demo_data import fill_with_demo_data
from medianest_models.demo_data.media import make_downloads, make_requests
from medianest_models.demo_data.random_source import RandomSource
from medianest_models.demo_data.users import make_users
from medianest_models.enums import RequestStatus, ServiceStatus
from medianest_models.errors import ConflictError
from medianest_models.models import (
    MediaRequest,
    Service,
    ServiceMaintenance,
    ServiceStatusHistory,
    User,
    YouTubeDownload,
)
from medianest_models.repositories import downloads, media_requests, services, users
from medianest_models.repositories.services import Incident, Uptime
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from medianest_models.studio import Studio
from medianest_models.studio.charts import Span, lasting, percent, response_chart, uptime_strip
from medianest_models.studio.service_panels import Period, read_panels
from tests.studio.conftest import Visitor, visiting

HOUR = datetime.timedelta(hours=1)
DAY = 24 * HOUR
NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def in_an_hour(up: float = 0, degraded: float = 0, down: float = 0, maintenance: float = 0) -> Uptime:
    return Uptime(
        NOW - HOUR, NOW, *(datetime.timedelta(minutes=number) for number in (up, degraded, down, maintenance))
    )


def charts(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r'<svg class="studio-chart.*?</svg>', text, re.DOTALL)]  # noqa: S314 - our own


async def test_an_empty_database_says_what_to_run(visitor: Visitor) -> None:
    text = await visitor.page("/")
    assert "<pre>medianest demo-data</pre>" in text
    assert "medianest bootstrap" in text
    assert charts(text) == []


async def test_a_database_without_tables_says_what_to_run(empty_url: DatabaseUrl, studio: Studio) -> None:
    async with database(empty_url, require_migrated=False), visiting(studio=studio, with_token=False) as owner:
        for path in ("/", "/users/list"):
            response = await owner.get(path, token=studio.token)
            assert response.status_code == 500
            assert "medianest db migrate" in response.text


async def test_a_paused_queue(visitor: Visitor) -> None:
    assert 'id="pause"' not in await visitor.page("/")
    await downloads.pause(reason="<b>YouTube</b> throttles")
    text = await visitor.page("/")
    assert "until it is resumed: &lt;b&gt;YouTube&lt;/b&gt; throttles" in text
    await downloads.pause(until=datetime.datetime(2100, 1, 2, 6, tzinfo=datetime.UTC))
    assert ">2100-01-02 06:00:00+00:00</time>" in await visitor.page("/")


async def test_a_service_that_was_never_checked(visitor: Visitor) -> None:
    await seed()
    text = await visitor.page("/")
    assert text.count("never checked") == 3
    assert text.count("no data</span>") == 9 + 1  # and in the key
    assert text.count("Incidents of 30 days: none") == 3
    assert text.count("no response times in the last 24 hours") == 3


async def test_an_empty_portal_is_told_of_demo_data_but_not_in_production(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "medianest demo-data" in await visitor.page("/")
    monkeypatch.setenv("MEDIANEST_ENV", "production")
    text = await visitor.page("/")
    assert "There is nothing here yet" in text
    assert "demo-data" not in text


async def test_the_page_shows_what_is_known(visitor: Visitor) -> None:
    await seed()
    now = datetime.datetime.now(datetime.UTC)
    for minutes, status in (
        (20, ServiceStatus.UP),
        (15, ServiceStatus.DOWN),
        (10, ServiceStatus.UP),
        (5, ServiceStatus.UP),
    ):
        await services.record_check(
            "plex", status=status, response_time_ms=40, checked_at=now - datetime.timedelta(minutes=minutes)
        )
    user = await User.create(plex_id="1", plex_username="ann")
    await media_requests.submit(user.id, title="Orbit", media_type="movie")
    await YouTubeDownload.create(user=user, playlist_url="https://example.org", playlist_title="Jazz & more")
    text = await visitor.page("/")
    assert "There is nothing here yet" not in text
    assert "Jazz &amp; more" in text
    assert re.search(r"<span>pending</span><strong>1</strong>", text)
    day, month, year, times = (chart for chart in charts(text) if "Plex" in chart.get("aria-label", ""))
    assert [chart.get("role") for chart in (day, month, year, times)] == ["img"] * 4
    assert [len(chart.findall("g")) for chart in (day, month, year)] == [24, 30, 52]
    for chart, period in ((day, "24 hours"), (month, "30 days"), (year, "year")):
        assert f"Plex Media Server was up 75.00 % of the last {period}. Outages: " in chart.get("aria-label", "")
    assert day.findall("g")[0].findtext("title", "").endswith("no data")
    assert re.search(r"Time without data: \w{3} \d\d:00 to ", day.get("aria-label", ""))
    assert "the median is 40 to 40 ms" in times.get("aria-label", "")
    assert "98.6 % without data,</span> 75.00 %" in text


def maintenance(text: str) -> list[str]:
    """Return what a service's card says about its maintenance."""
    found = re.findall(r'<p class="small mb-2 place">(.*?)</p>', re.sub(r"<time.*?</time>", "...", text), re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", said)).split()) for said in found]


async def test_incidents_and_maintenance_are_shown(visitor: Visitor) -> None:
    await seed()
    now = datetime.datetime.now(datetime.UTC)
    for hours in range(5, 0, -1):
        await services.record_check(
            "plex",
            status=ServiceStatus.DOWN,
            error_message=f"<b>refused</b> {hours}",
            checked_at=now - hours * HOUR,
        )
    await services.record_check("overseerr", status=ServiceStatus.DOWN, checked_at=now)
    await services.maintenance.begin("plex", reason="<i>new disks</i>")
    await services.maintenance.plan(
        "plex", begins_at=now + 10 * DAY, ends_at=now + 10 * DAY + 2 * HOUR, reason="upgrade"
    )
    await services.maintenance.plan("plex", begins_at=now + 20 * DAY, ends_at=None, reason="move")
    await services.maintenance.begin("uptime-kuma", ends_at=now + 30 * DAY)
    text = await visitor.page("/")
    overseerr, plex, kuma = re.findall(r'<section class="col-md-6 col-xl-4".*?</section>', text, re.DOTALL)
    assert "Incidents of 30 days: 5" in plex
    shown = re.findall(r'<li class="[^"]*incident">(.*?)</li>', plex, re.DOTALL)
    assert [f">&lt;b&gt;refused&lt;/b&gt; {hours}</span>" in item for hours, item in enumerate(shown, 1)] == [True] * 3
    assert all(re.search(r">\s+5 min\s", item) for item in shown)
    assert f"{now - HOUR:%Y-%m-%d %H:%M:%S}+00:00</time>" in shown[0]
    assert maintenance(plex) == [
        "maintenance until it is ended, from ... <i>new disks</i>",
        "planned maintenance for 2 h, from ... upgrade",
    ]
    assert f">{now + 10 * DAY:%Y-%m-%d %H:%M:%S}+00:00</time>" in plex
    assert "<strong>ongoing</strong>" in overseerr
    assert maintenance(overseerr) == []
    assert maintenance(kuma) == ["maintenance for 29 d 23 h, from ..."]


async def test_time_to_come_is_neither_unknown_nor_maintenance(db: DatabaseUrl) -> None:
    await seed()
    now = datetime.datetime.now(datetime.UTC)
    await services.record_check("plex", status=ServiceStatus.UP, checked_at=now - datetime.timedelta(minutes=1))
    await services.maintenance.plan("plex", begins_at=now + HOUR / 2, ends_at=None)
    panel = next(panel for panel in await read_panels() if panel["display_name"] == "Plex Media Server")
    for strip in panel["strips"]:
        drawn = ElementTree.fromstring(strip["drawn"])  # noqa: S314 - our own
        assert "Maintenance" not in drawn.get("aria-label", "")
        uptime = drawn.findall("g")[-1].findtext("title", "")
        assert "up 100.0%" in uptime


async def test_all_services_are_read_by_the_statements_for_one(
    db: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = []
    for names in (["one"], ["two", "three", "four"]):
        await Service.bulk_create([Service(name=name, display_name=name) for name in names])
        caplog.clear()
        with caplog.at_level("DEBUG", "medianest_models.query"):
            panels = await read_panels()
        numbers.append((len(panels), len(caplog.messages)))
    (first, statements), (then, same) = numbers
    assert then == first + 3
    assert statements == same


async def test_a_service_that_is_disabled_meanwhile_is_left_out(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed()
    read = services.incidents_by_service

    async def disabling(**window: Any) -> dict[str, list[Incident]]:
        await Service.filter(name="plex").update(enabled=False)
        return await read(**window)

    monkeypatch.setattr(services, "incidents_by_service", disabling)
    assert [panel["display_name"] for panel in await read_panels()] == ["Overseerr", "Uptime Kuma"]


def drawn(name: str, uptimes: list[Uptime]) -> ElementTree.Element:
    spans = [Span(f"part {number}", uptime) for number, uptime in enumerate(uptimes)]
    return ElementTree.fromstring(uptime_strip(name, spans, "today"))  # noqa: S314 - our own


def test_a_strip_says_what_its_colours_say() -> None:
    strip = drawn(
        "<Plex>",
        [
            in_an_hour(60),
            in_an_hour(30, 30),
            in_an_hour(59.9, 0, 0.1),
            in_an_hour(0, 0, 60),
            in_an_hour(),
            in_an_hour(45, maintenance=15),
            in_an_hour(maintenance=60),
            in_an_hour(0, 0, 10, 5),
            in_an_hour(59.8),
        ],
    )
    assert [[rect.get("class") for rect in part.findall("rect")] for part in strip] == [
        ["up"],
        ["degraded"],
        ["short"],
        ["down"],
        ["unknown"],
        ["up", "maintenance"],
        ["maintenance"],
        ["down", "maintenance", "unknown"],
        ["up"],
    ]
    assert [part.findtext("title") for part in strip] == [
        "part 0: up 100.0%",
        "part 1: up 100.0%, degraded 50.0%",
        "part 2: up 99.8%",
        "part 3: up 0.0%",
        "part 4: no data",
        "part 5: up 100.0%, maintenance for 15 min",
        "part 6: maintenance for 1 h",
        "part 7: up 0.0%, maintenance for 5 min, no data for 45 min",
        "part 8: up 100.0%",
    ]
    assert strip.get("aria-label") == (
        "<Plex> was up 80.24 % of today. Outages: part 2 to part 3, part 7. Maintenance: part 5 to part 7. "
        "Time without data: part 4, part 7."
    )


def test_the_heights_of_a_part_are_its_shares_and_nothing_is_too_small_to_be_seen() -> None:
    for uptime in (
        in_an_hour(59, maintenance=1),
        in_an_hour(20, maintenance=20),
        in_an_hour(),
        in_an_hour(1, 1, 57, 1),
    ):
        rects = drawn("Plex", [uptime])[0].findall("rect")
        edges = [float(rect.get("y", "")) + float(rect.get("height", "")) for rect in rects]
        assert edges[0] == 30
        assert [float(rect.get("y", "")) for rect in rects] == pytest.approx([*edges[1:], 0], abs=0.11)
        assert all(float(rect.get("height", "")) > 3 for rect in rects)
    thirds = [
        float(rect.get("height", "")) for rect in drawn("Plex", [in_an_hour(20, maintenance=20)])[0].findall("rect")
    ]
    assert thirds == [10, 10, 10]


def test_a_label_is_text() -> None:
    strip = ElementTree.fromstring(uptime_strip("Plex", [Span("<b>", in_an_hour(60))], "today"))  # noqa: S314 - our own
    assert strip[0].findtext("title") == "<b>: up 100.0%"


def test_a_strip_without_known_time_says_so() -> None:
    assert drawn("Plex", [in_an_hour()]).get("aria-label") == "Plex in today: no data. Time without data: part 0."
    assert percent(in_an_hour(maintenance=30)) == "maintenance"
    assert drawn("Plex", [in_an_hour(60)]).get("aria-label") == "Plex was up 100.00 % of today. No outage."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "less than 1 s"), (59, "59 s"), (60, "1 min"), (90, "1 min 30 s"), (3_600, "1 h"), (3_659, "1 h"),
        (4_800, "1 h 20 min"), (90_000, "1 d 1 h"), (86_400 * 400 + 59, "400 d"),
    ],
)  # fmt: skip
def test_a_duration_is_said_with_its_two_largest_units(seconds: float, said: str) -> None:
    assert lasting(datetime.timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(("step", "number"), [(HOUR, 24), (DAY, 30), (7 * DAY, 52)])
@pytest.mark.parametrize(
    "now", [NOW, NOW + datetime.timedelta(minutes=1), NOW + 12 * HOUR - datetime.timedelta(microseconds=1)]
)
def test_the_last_part_of_a_strip_ends_with_the_hour_or_the_day(
    step: datetime.timedelta, number: int, now: datetime.datetime
) -> None:
    period = Period("", "", step, number, "")
    end = period.since(now) + number * step
    unit = min(step, DAY)
    assert end - step < now <= end < now + unit
    assert (end - NOW) % unit == datetime.timedelta()


def test_a_gap_in_the_response_times_is_a_gap_in_the_line() -> None:
    chart = ElementTree.fromstring(response_chart("Plex", [10, 20, None, 30], [20, 40, None, 40]))  # noqa: S314 - our own
    lines = {path.get("class"): path.get("d", "") for path in chart.findall("path")}
    assert lines["high"].count("M") == 2
    assert lines["high"].endswith("h0.1")
    assert "the median is 10 to 30 ms; the 95th percentile is at most 40 ms" in chart.get("aria-label", "")


async def test_the_demo_data_make_sense_and_a_page_worth_looking_at(analyst: Visitor) -> None:
    await seed()
    seen: list[tuple[int, int]] = []
    written = await fill_with_demo_data(lambda *rows: seen.append(rows))
    assert written is not None
    assert {total for _, total in seen} == {sum(rows for rows, _ in seen)} == {sum(written.values())}
    assert written["users"] == await User.all().count() == 50
    assert written["media_requests"] == await MediaRequest.all().count() == 2000
    assert written["service_status_history"] == await ServiceStatusHistory.all().count() == 3 * 30 * 288
    *past, planned = await ServiceMaintenance.all().order_by("begins_at")
    assert written["service_maintenance"] == len(past) + 1 == 4
    now = datetime.datetime.now(datetime.UTC)
    assert all(window.ends_at and window.ends_at < now for window in past)
    assert planned.begins_at > now
    assert await fill_with_demo_data(lambda *_: None) is None
    text = await analyst.page("/")
    assert "about 25,920</strong>" in text
    assert len(charts(text)) == 12
    strips = [chart.get("aria-label", "") for chart in charts(text) if "strip" in chart.get("class", "")]
    for said in ("Outages: ", "Maintenance: ", "Time without data: "):
        assert [said in strip for strip in strips].count(True) >= 3
    assert maintenance(text) == ["planned maintenance for 2 h, from ... upgrade of the operating system"]
    assert "never checked" not in text
    assert await users.bootstrap_admin() is not None
    plex = await Service.get(name="plex")
    assert plex.api_key is not None
    counts = await media_requests.counts_by_status()
    assert sum(counts.values()) == 2000
    assert counts[RequestStatus.AVAILABLE] > 1000
    assert all(number > 10 for number in counts.values())
    (disorder,) = await fetch(
        "SELECT count(*) AS number FROM media_requests AS request LEFT JOIN LATERAL (SELECT status, created_at FROM "
        "media_request_status_updates WHERE request_id = request.id ORDER BY created_at DESC, id DESC LIMIT 1) AS last "
        "ON TRUE WHERE last.status IS DISTINCT FROM request.status OR last.created_at > now() "
        "OR (request.completed_at IS NULL) <> (request.status IN ('pending', 'approved'))"
    )
    assert disorder["number"] == 0
    newest = await MediaRequest.all().order_by("-id").first()
    assert newest == await MediaRequest.all().order_by("-created_at", "-id").first()


@pytest.mark.parametrize("given", [{"api_key": "mine"}, {"url": "http://mine"}, {"config_data": {"token": "mine"}}])
async def test_the_demo_data_leave_a_configured_service_alone(db: DatabaseUrl, given: dict[str, Any]) -> None:
    await seed()
    before = await services.configure("plex", **given)
    await users.bootstrap_admin()
    written = await fill_with_demo_data(lambda *_: None)
    assert written is not None
    after = await Service.get(name="plex")
    assert (after.url, after.api_key, after.config_data) == (before.url, before.api_key, before.config_data)
    assert await ServiceStatusHistory.filter(service_id=after.id).count() == 0
    assert written["service_status_history"] == await ServiceStatusHistory.all().count() > 0


async def test_the_demo_data_are_not_mixed_with_users(db: DatabaseUrl) -> None:
    await users.upsert_from_plex("17", plex_username="ann")
    with pytest.raises(ConflictError, match=r"^there are users already: "):
        await fill_with_demo_data(lambda *_: None)
    assert await User.all().count() == 1


def test_the_demo_data_are_the_same_every_time() -> None:
    def made() -> list[tuple[object, ...]]:
        source = RandomSource(NOW)
        members = make_users(source)
        requests, history = make_requests(source, members)
        return [(row.id, str(dict(row))) for row in (*members, *requests, *history, *make_downloads(source, members))]

    assert made() == made()
