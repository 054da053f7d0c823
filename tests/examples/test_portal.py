"""The example portal without a browser: its API and its pages, and how it starts and stops."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from examples.portal.app import app
from medianest_models.db import database
from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus
from medianest_models.models import MediaRequest, SessionToken, User, YouTubeDownload
from medianest_models.repositories import downloads, media_requests, services, sessions, system_config
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl
from medianest_models.web import COOKIE
from tests.commands import python
from tests.portals import refused, running_portal

PORTAL = "https://portal.test"
PAGE = {"Accept": "text/html", "Origin": PORTAL}
PLAYLIST = "https://www.youtube.com/playlist?list=PL1"


@asynccontextmanager
async def visiting(user: User | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Make a browser, in which a user is signed in."""
    cookies = {} if user is None else {COOKIE: (await sessions.issue(user.id)).token.get_secret_value()}
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=PORTAL, cookies=cookies, headers=PAGE) as visitor:
        yield visitor


@pytest.fixture
async def ann(db: DatabaseUrl) -> User:
    return await User.create(plex_id="ann", plex_username="ann")


@pytest.fixture
async def bob(db: DatabaseUrl) -> User:
    return await User.create(plex_id="bob", plex_username="bob")


@pytest.fixture
async def admin(db: DatabaseUrl) -> User:
    return await User.create(plex_id="eve", plex_username="eve", role="admin")


@pytest.fixture
async def browser(ann: User) -> AsyncIterator[httpx.AsyncClient]:
    """Make Ann's browser."""
    async with visiting(ann) as visitor:
        yield visitor


@pytest.fixture
async def program(ann: User) -> AsyncIterator[httpx.AsyncClient]:
    """Make a program of Ann's, with a bearer token."""
    token = (await sessions.issue(ann.id)).token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"{PORTAL}/api", headers=headers) as one:
        yield one


async def test_requests_over_the_api(program: httpx.AsyncClient, bob: User) -> None:
    theirs = await media_requests.submit(bob.id, title="Comet", media_type="movie", tmdb_id="1")
    for title in ("Orbit", "Meteor"):
        made = await program.post("/requests", json={"title": title, "media_type": "movie"})
        assert (made.status_code, made.json()["status"]) == (201, "pending")
    first = await program.get("/requests", params={"limit": 1})
    assert [one["title"] for one in first.json()["data"]] == ["Meteor"]
    second = await program.get("/requests", params={"limit": 1, "cursor": first.json()["nextCursor"]})
    assert [one["title"] for one in second.json()["data"]] == ["Orbit"]
    double = await program.post("/requests", json={"title": "Comet", "media_type": "movie", "tmdb_id": "1"})
    assert (double.status_code, double.json()["request_id"]) == (409, str(theirs.id))
    assert (await program.put(f"/requests/{theirs.id}/follow")).status_code == 204
    assert [user.plex_username for user in await media_requests.followers(theirs.id)] == ["ann"]
    refused = await program.post(f"/requests/{theirs.id}/status", json={"status": "approved"})
    assert refused.json()["type"] == "urn:medianest:problem:admin-required"
    assert (await MediaRequest.get(id=theirs.id)).status == RequestStatus.PENDING


async def test_an_admin_changes_statuses(ann: User, admin: User) -> None:
    wish = await media_requests.submit(ann.id, title="Orbit", media_type="movie")
    async with visiting(admin) as visitor:
        said = await visitor.post(f"/api/requests/{wish.id}/status", json={"status": "approved", "message": "soon"})
        assert said.json()["status"] == "approved"
        assert "Make available: Orbit" in (await visitor.get("/manage?status=approved")).text
        form = {"request_id": str(wish.id), "new": "available"}
        sent = await visitor.post("/manage?status=approved&limit=5", data=form)
        assert sent.headers["Location"] == "/manage?status=approved&limit=5"
        again = await visitor.post("/manage?status=approved", data=form)
        assert again.status_code == 409
        assert "t change from available to available" in again.text
    async with visiting(ann) as visitor:
        for refused in (await visitor.get("/manage"), await visitor.post("/manage", data=form)):
            assert refused.status_code == 403
            assert "This needs an admin" in refused.text
    assert [update.status for update in await media_requests.history(wish.id)] == ["pending", "approved", "available"]


async def test_downloads_over_the_api(program: httpx.AsyncClient, bob: User) -> None:
    made = await program.post("/downloads", json={"playlist_url": PLAYLIST})
    assert (made.status_code, made.json()["status"]) == (201, "queued")
    double = await program.post("/downloads", json={"playlist_url": PLAYLIST})
    assert (double.status_code, double.json()["type"]) == (409, "urn:medianest:problem:duplicate-download")
    assert double.json()["download_id"] == made.json()["id"]
    assert [one["id"] for one in (await program.get("/downloads")).json()["data"]] == [made.json()["id"]]
    cancelled = await program.delete(f"/downloads/{made.json()['id']}")
    assert (cancelled.json()["status"], cancelled.json()["error_message"]) == ("failed", "cancelled")
    assert (await program.delete(f"/downloads/{made.json()['id']}")).status_code == 409
    theirs = await downloads.enqueue(bob.id, playlist_url=PLAYLIST)
    assert (await program.delete(f"/downloads/{theirs.id}")).status_code == 404
    assert (await YouTubeDownload.get(id=theirs.id)).status == DownloadStatus.QUEUED


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)//youtube.com/playlist?list=PL1",
        "http://www.youtube.com/playlist?list=PL1",
        "https://youtube.example/playlist?list=PL1",
        "https://www.youtube.com@attacker.example/playlist?list=PL1",
        "https://www.youtube.com/watch?v=1",
        "https://www.you\ntube.com/playlist?list=PL1",
        "https://[",
    ],
)
async def test_only_playlists_are_downloaded(program: httpx.AsyncClient, url: str) -> None:
    refused = await program.post("/downloads", json={"playlist_url": url})
    assert (refused.status_code, refused.json()["errors"][0]["name"]) == (422, "playlist_url")
    assert not await YouTubeDownload.exists()


async def test_services_over_the_api(program: httpx.AsyncClient) -> None:
    await seed()
    await services.record_check("plex", status=ServiceStatus.DOWN)
    await services.maintenance.begin("overseerr", reason="new disks")
    told = {one["name"]: one for one in (await program.get("/services")).json()}
    assert (told["plex"]["status"], len(told["plex"]["days"])) == ("down", 30)
    assert (told["overseerr"]["status"], told["overseerr"]["in_maintenance"]) == (None, True)


async def test_the_api_describes_itself(db: DatabaseUrl) -> None:
    async with visiting() as visitor:
        document = (await visitor.get("/api/openapi.json")).json()
    assert {"/api/session", "/api/requests", "/api/downloads", "/api/services"} <= document["paths"].keys()
    assert all(path.startswith("/api/") for path in document["paths"])


async def test_who_can_not_sign_in_is_told_why(db: DatabaseUrl) -> None:
    async with visiting() as visitor:
        wrong = await visitor.post("/sign-in", data={"username": "ann", "password": "wrong"})
        assert wrong.status_code == 401
        assert "The credentials are not valid." in wrong.text
        assert 'value="ann"' in wrong.text
        assert "Set-Cookie" not in wrong.headers


@pytest.mark.parametrize("path", ["/requests", "/downloads", "/services", "/manage"])
async def test_without_a_session_a_page_leads_to_the_sign_in(db: DatabaseUrl, path: str) -> None:
    async with visiting() as visitor:
        asked = await visitor.get(path)
        assert (asked.status_code, asked.headers["Location"]) == (303, "/sign-in")
        assert (await visitor.get("/api/requests", headers={"Accept": "*/*"})).status_code == 401


async def test_a_form_of_another_origin_is_refused(browser: httpx.AsyncClient) -> None:
    wish = {"title": "Orbit", "media_type": "movie"}
    refused = await browser.post("/requests", data=wish, headers={"Origin": "https://attacker.example"})
    assert refused.status_code == 403
    assert not await MediaRequest.exists()
    assert (await browser.post("/requests", data=wish)).status_code == 303
    assert await MediaRequest.exists()


async def test_pages_run_nothing_of_others(browser: httpx.AsyncClient) -> None:
    await browser.post("/requests", data={"title": "<script>alert(1)</script>", "media_type": "movie"})
    page = await browser.get("/requests")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert not re.search(r"\s(style|on\w+)=", page.text)


async def test_a_problem_that_is_shown_as_a_page_keeps_its_headers(browser: httpx.AsyncClient) -> None:
    refused = await browser.put("/sign-out")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert refused.headers.get_list("Content-Type") == ["text/html; charset=utf-8"]


async def test_what_is_wrong_is_told_beside_the_form(browser: httpx.AsyncClient, bob: User) -> None:
    wrong = await browser.post("/requests", data={"title": "Orbit", "media_type": "movie", "season": "1"})
    assert wrong.status_code == 422
    assert "must be None for a film" in wrong.text
    assert 'value="Orbit"' in wrong.text
    await media_requests.submit(bob.id, title="Comet", media_type="movie", tmdb_id="1")
    wish = {"title": "Comet", "media_type": "movie", "tmdb_id": "1", "season": ""}
    double = await browser.post("/requests", data=wish)
    assert double.status_code == 409
    follow = re.search(r'action="(/requests/\S+/follow)"', double.text)
    assert follow
    assert (await browser.post(follow[1])).status_code == 303
    assert "Comet" in (await browser.get("/requests")).text
    assert "must be like https" in (await browser.post("/downloads", data={"playlist_url": "plex"})).text
    strange = await browser.get("/requests?limit=x")
    assert strange.status_code == 422
    assert "limit: must be a whole number" in strange.text
    assert (await browser.get("/nothing")).status_code == 404


async def test_somebody_elses_download_can_not_be_cancelled(browser: httpx.AsyncClient, bob: User, admin: User) -> None:
    theirs = await downloads.enqueue(bob.id, playlist_url=PLAYLIST)
    assert (await browser.post(f"/downloads/{theirs.id}/cancel")).status_code == 404
    async with visiting(admin) as visitor:
        for _ in range(2):  # the second time it is over already
            assert (await visitor.post(f"/downloads/{theirs.id}/cancel")).status_code == 303
    assert (await YouTubeDownload.get(id=theirs.id)).error_message == "cancelled"


async def test_who_asks_too_often_is_told_how_long_to_wait(browser: httpx.AsyncClient) -> None:
    for endpoint in ("media.request", "youtube.download"):
        await system_config.set(f"rate_limit.{endpoint}", value={"limit": 1, "window": 86_400})
    wish = {"title": "Orbit", "media_type": "movie"}
    for path, form in (("/requests", wish), ("/downloads", {"playlist_url": PLAYLIST})):
        assert (await browser.post(path, data=form)).status_code == 303
        refused = await browser.post(path, data=form)
        assert refused.status_code == 429
        assert re.search(r"Try again in \d+ s", refused.text)
        assert (await browser.post(f"/api{path}", json=form)).status_code == 429


async def test_from_start_to_end_as_its_user_sees_it(fresh_url: DatabaseUrl) -> None:
    async with running_portal() as portal, httpx.AsyncClient(base_url=portal.address, timeout=60) as client:
        assert (await client.get("/readyz")).status_code == 200
        wrong = {"username": "portal-friend", "password": portal.passwords["portal-admin"]}
        assert (await client.post("/api/session", json=wrong)).status_code == 401
        right = {"username": "portal-friend", "password": portal.passwords["portal-friend"]}
        forged = {"X-Forwarded-For": "192.0.2.1"}
        signed_in = (await client.post("/api/session", json=right, headers=forged)).json()
        bearer = {"Authorization": f"Bearer {signed_in['token']}"}
        assert (await client.get("/api/session", headers=bearer)).json()["plex_username"] == "portal-friend"
        for number in range(4):
            queued = await client.post("/api/downloads", json={"playlist_url": PLAYLIST + str(number)}, headers=bearer)
            assert queued.status_code == 201
        async with database(fresh_url):
            assert (await SessionToken.get()).ip_address == "127.0.0.1"  # by which attempts are limited, too
            await begun()
            async with client.stream("GET", "/events", headers=bearer) as events:
                assert "event: ChangesMissed" in [line async for line in _until_blank(events, 2)]
                await stop(portal.process, signal.SIGINT)  # with an open stream, and in the middle of downloads
            assert not await YouTubeDownload.filter(status=DownloadStatus.DOWNLOADING).exists()
    async with running_portal() as again, httpx.AsyncClient(base_url=again.address, timeout=60) as client:
        assert again.passwords.keys() == portal.passwords.keys()
        assert again.passwords != portal.passwords
        assert (await client.get("/api/session", headers=bearer)).status_code == 401
        await stop(again.process, signal.SIGTERM)


async def begun() -> None:
    """Wait until the worker has begun with a download."""
    async with asyncio.timeout(60):
        while True:
            if await YouTubeDownload.filter(progress__gt=0).exists():
                return
            await asyncio.sleep(0.05)


async def _until_blank(events: httpx.Response, times: int) -> AsyncIterator[str]:
    """Read the lines of some events."""
    async for line in events.aiter_lines():
        yield line
        times -= not line
        if times == 0:
            return


async def stop(process: Process, number: signal.Signals) -> None:
    """Send a signal as a terminal does, and check that all ends without an error: the worker holds the output too."""
    os.killpg(process.pid, number)
    async with asyncio.timeout(30):
        written, _ = await process.communicate()
    assert (process.returncode, written) == (0, b"")


async def test_a_port_that_is_taken(fresh_url: DatabaseUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = await refused("--port", str(taken.getsockname()[1]))
    assert re.fullmatch(r"the portal can't be started: .*in use.*\n", said)


async def test_it_is_not_for_production(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_ENV", "production")
    assert "MEDIANEST_ENV: says production" in await refused("--port", "0")
    async with database(fresh_url):
        assert not await User.exists()


def test_without_its_extra_it_says_what_is_missing() -> None:
    code = "import sys, runpy; sys.modules['jinja2'] = None; runpy.run_module('examples.portal', run_name='__main__')"
    ended = python("-c", code)
    assert ended.returncode == 1
    assert re.fullmatch(
        r".*jinja2.*: the portal needs its extra, pip install 'medianest-models\[portal\]'\n", ended.stderr
    )
