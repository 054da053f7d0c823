"""The first page, empty and full."""

from __future__ import annotations

import datetime
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
from medianest_models.repositories.services import Uptime
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from medianest_models.studio import Studio
from medianest_models.studio.charts import Span, percent, response_chart, uptime_strip
from tests.studio.conftest import Visitor, visiting

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def lasting(up: float = 0, degraded: float = 0, down: float = 0) -> Uptime:
    parts = [datetime.timedelta(minutes=minutes) for minutes in (up, degraded, down)]
    return Uptime(NOW - datetime.timedelta(hours=1), NOW, *parts)


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
    assert text.count("no data</span>") == 6
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
    day, month, times = (
        charts(text)[:3] if "Overseerr" not in charts(text)[0].get("aria-label", "") else charts(text)[2:5]
    )
    assert [chart.get("role") for chart in (day, month, times)] == ["img"] * 3
    assert len(day.findall("rect")) == 24
    assert len(month.findall("rect")) == 30
    assert "Plex Media Server was up 75.00 % of the last 24 hours" in day.get("aria-label", "")
    assert day.findall("rect")[-1].get("class") == "down"
    assert day.findall("rect")[0].findtext("title", "").endswith("no data")
    assert "the median is 40 to 40 ms" in times.get("aria-label", "")


def test_a_strip_says_what_its_colours_say() -> None:
    uptimes = [lasting(60), lasting(30, 30), lasting(59.9, 0, 0.1), lasting(0, 0, 60), None]
    spans = [Span(f"part {number}", uptime) for number, uptime in enumerate(uptimes)]
    strip = ElementTree.fromstring(uptime_strip("<Plex>", spans, "today"))  # noqa: S314 - our own
    assert [part.get("class") for part in strip] == ["up", "degraded", "short", "down", "unknown"]
    assert [part.findtext("title") for part in strip] == [
        "part 0: up 100.0%",
        "part 1: up 100.0%, degraded 50.0%",
        "part 2: up 99.8%",
        "part 3: up 0.0%",
        "part 4: no data",
    ]
    assert strip.get("aria-label") == ("<Plex> was up 74.96 % of today. 5 parts: 2 with an outage, 1 without data.")
    assert percent([None]) == "no data"


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
    past, planned = await ServiceMaintenance.all().order_by("begins_at")
    assert written["service_maintenance"] == 2
    assert past.ends_at is not None
    assert past.ends_at < datetime.datetime.now(datetime.UTC) < planned.begins_at
    assert await fill_with_demo_data(lambda *_: None) is None
    text = await analyst.page("/")
    assert len(charts(text)) == 9
    assert "no data" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
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
