"""The rules of each table, which an edit keeps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import DownloadStatus, RequestStatus, UserRole, UserStatus
from medianest_models.models import (
    ActivityLog,
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    RateLimit,
    Service,
    ServiceMaintenance,
    ServiceStatusHistory,
    SessionToken,
    SystemConfig,
    User,
    YouTubeDownload,
)
from medianest_models.repositories import downloads, media_requests, sessions
from medianest_models.seed import seed
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.studio.conftest import Visitor, ann, logged, refused


async def ann_with_a_password() -> User:
    user = await ann()
    await LocalCredential.create(user=user, username="ann", password_hash="a hash")
    return user


async def test_the_last_admin_stays_one(visitor: Visitor) -> None:
    user = await ann(role=UserRole.ADMIN)
    for typed in ({"role": "user"}, {"status": "suspended"}):
        refused(await visitor.edit("users", user.id, **typed), "last active admin")
    response = await visitor.delete("users", user.id)
    assert response.status_code == 400
    assert "last active admin" in response.json()["msg"]
    await user.refresh_from_db()
    assert (user.role, user.status) == (UserRole.ADMIN, UserStatus.ACTIVE)


async def test_a_suspended_user_can_be_reinstated(visitor: Visitor) -> None:
    user = await ann(status=UserStatus.SUSPENDED)
    await visitor.edit("users", user.id, status="active")
    await user.refresh_from_db()
    assert user.is_active


async def set_the_password(visitor: Visitor, user: User) -> httpx.Response:
    return await visitor.edit("local_credentials", (await LocalCredential.get()).id, password="another password")


async def take_the_password_away(visitor: Visitor, user: User) -> httpx.Response:
    return await visitor.delete("local_credentials", (await LocalCredential.get()).id)


async def end_the_session(visitor: Visitor, user: User) -> httpx.Response:
    return await visitor.delete("session_tokens", (await SessionToken.get()).id)


@pytest.mark.parametrize(
    "end",
    [
        set_the_password,
        take_the_password_away,
        end_the_session,
        lambda visitor, user: visitor.edit("users", user.id, status="suspended"),
        lambda visitor, user: visitor.delete("users", user.id),
    ],
)
async def test_no_session_whose_token_is_being_exchanged_outlives_its_end(analyst: Visitor, end: Any) -> None:
    user = await ann_with_a_password()
    issued = await sessions.issue(user.id)
    async with transaction():
        await sessions.rotate(issued.token)
        ending: asyncio.Task[httpx.Response] = elsewhere(end(analyst, user))
        await until(someone_waits_for_a_lock, seconds=10)
    assert (await ending).status_code in (200, 303)
    assert not await SessionToken.exists()


async def test_to_end_a_session_leaves_the_others(visitor: Visitor) -> None:
    user = await ann()
    ended, kept = await sessions.issue(user.id), await sessions.issue(user.id)
    assert (await visitor.delete("session_tokens", ended.session.id)).status_code == 200
    assert await SessionToken.all() == [kept.session]


async def test_a_password_is_set_behind_whoever_holds_the_user_and_goes_for_the_password(analyst: Visitor) -> None:
    user = await ann_with_a_password()
    async with transaction():  # as a change of the password does
        await fetch_one("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", user.id)
        setting = elsewhere(set_the_password(analyst, user))
        await until(someone_waits_for_a_lock, seconds=10)
        await execute("UPDATE local_credentials SET must_change_password = TRUE")
    assert (await setting).status_code == 303
    assert (await LocalCredential.get()).must_change_password


async def test_a_new_status_is_noted_in_the_requests_history(visitor: Visitor) -> None:
    user = await ann()
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie")
    assert (await visitor.edit("media_requests", request.id, status="approved", title="Orbit II")).status_code == 303
    refused(
        await visitor.edit("media_requests", request.id, status="pending", title="Orbit III"),
        "can't change from approved to pending",
    )
    assert (await visitor.edit("media_requests", request.id, status="available")).status_code == 303
    await request.refresh_from_db()
    assert (request.title, request.status) == ("Orbit II", RequestStatus.AVAILABLE)
    assert request.completed_at is not None
    history = await media_requests.history(request.id)
    assert [update.status for update in history] == ["pending", "approved", "available"]
    assert await logged() == [("studio.update", "media_request", str(request.id))] * 2


async def test_a_request_is_submitted_and_a_second_one_for_its_title_refused(visitor: Visitor) -> None:
    user = await ann()
    typed = {"user": str(user.id), "title": "Orbit", "media_type": "movie", "tmdb_id": "1"}
    assert (await visitor.create("media_requests", **typed)).status_code == 303
    assert await MediaRequestStatusUpdate.all().count() == 1
    refused(await visitor.create("media_requests", **typed), "for this title is open")
    assert await MediaRequest.all().count() == 1


async def test_a_download_can_be_queued_and_cancelled_and_nothing_else(visitor: Visitor) -> None:
    user = await ann()
    await visitor.create("youtube_downloads", user=str(user.id), playlist_url="https://example.org/1", priority="20")
    download = await YouTubeDownload.get()
    assert (download.status, download.priority) == (DownloadStatus.QUEUED, 20)
    refused(await visitor.edit("youtube_downloads", download.id, status="completed"), "can be cancelled")
    assert (await visitor.edit("youtube_downloads", download.id, status="failed")).status_code == 303
    assert (await downloads.get(download.id)).error_message == "cancelled"


async def test_the_history_can_not_be_forged(visitor: Visitor) -> None:
    user = await ann()
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie")
    (update,) = await media_requests.history(request.id)
    assert (await visitor.get("/media_request_status_updates/create")).status_code == 403
    assert (await visitor.delete("media_request_status_updates", update.id)).status_code == 400
    form = await visitor.form("media_request_status_updates", update.id)
    typed = form | {"message": "a note", "status": "failed"}
    assert (await visitor.post("/media_request_status_updates/edit", typed, pk=update.id)).status_code == 303
    await update.refresh_from_db()
    assert (update.message, update.status) == ("a note", RequestStatus.PENDING)


async def test_a_setting_keeps_its_shape_and_its_mark(visitor: Visitor) -> None:
    await seed()
    config = await SystemConfig.get(key="youtube.concurrent_downloads")
    refused(await visitor.edit("system_config", config.id, value='{"max": 0}'), "must hold max")
    await visitor.edit("system_config", config.id, value='{"max": 7}', description="mine")
    await config.refresh_from_db()
    assert (config.value, config.description, config.customized_at is None) == ({"max": 7}, "mine", False)
    await visitor.create("system_config", key="own", value="[1]", description="d")
    assert (await SystemConfig.get(key="own")).description == "d"


async def test_a_maintenance_window_is_planned_moved_and_deleted(visitor: Visitor) -> None:
    await seed()
    service = await Service.get(name="plex")
    typed = {"service": str(service.id), "begins_at": "2026-01-02 03:00:00+00:00", "reason": "new disks"}
    refused(
        await visitor.create("service_maintenance", **typed, ends_at="2026-01-02 03:00:00+00:00"),
        "must be after begins_at",
    )
    refused(await visitor.create("service_maintenance", service=typed["service"]), "is required")
    assert not await ServiceMaintenance.exists()
    assert (await visitor.create("service_maintenance", **typed)).status_code == 303
    window = await ServiceMaintenance.get()
    assert (window.service_id, window.ends_at, window.reason) == (service.id, None, "new disks")
    assert window.begins_at == datetime(2026, 1, 2, 3, tzinfo=UTC)
    await visitor.edit("service_maintenance", window.id, ends_at="2026-01-02 04:00:00+00:00", reason="")
    await window.refresh_from_db()
    assert (window.ends_at, window.reason) == (datetime(2026, 1, 2, 4, tzinfo=UTC), None)
    refused(
        await visitor.edit("service_maintenance", window.id, ends_at="2026-01-02 02:00:00+00:00"),
        "ck_service_maintenance_ends_at_after_begins_at",
    )
    assert (await visitor.delete("service_maintenance", window.id)).status_code == 200
    assert not await ServiceMaintenance.exists()


async def test_checks_and_counters_and_entries(visitor: Visitor) -> None:
    await seed()
    service = await Service.get(name="plex")
    await visitor.create("service_status_history", service=str(service.id), status="up", response_time_ms="12")
    check = await ServiceStatusHistory.get()
    assert check.response_time_ms == 12
    refused(
        await visitor.edit("service_status_history", check.id, response_time_ms="-1"),
        "ck_service_status_history_response_time_ms",
    )
    await visitor.create("rate_limits", endpoint="x", ip_address="::ffff:192.0.2.1")
    assert (await RateLimit.get()).ip_address == "192.0.2.1"
    await visitor.create("activity_logs", action="note", metadata='{"a": 1}')
    entry = await ActivityLog.get(action="note")
    assert entry.metadata == {"a": 1}
    assert (await visitor.get("/activity_logs/edit", pk=entry.id)).status_code == 403
    assert (await visitor.delete("activity_logs", entry.id)).status_code == 200
    assert await ActivityLog.filter(action="studio.delete", entity_id=str(entry.id)).exists()
