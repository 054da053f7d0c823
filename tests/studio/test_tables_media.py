"""The rules of requests and downloads, which an edit keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, YouTubeDownload
from medianest_models.repositories import downloads, media_requests
from tests.studio.conftest import alerts, ann, logged

if TYPE_CHECKING:
    from tests.studio.conftest import Visitor


async def test_a_new_status_is_noted_in_the_requests_history(visitor: Visitor) -> None:
    user = await ann()
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie")
    assert (await visitor.edit("media_requests", request.id, status="approved", title="Orbit II")).status_code == 303
    response = await visitor.edit("media_requests", request.id, status="pending", title="Orbit III")
    assert response.status_code == 422
    assert "can't change from approved to pending" in alerts(response)
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
    response = await visitor.create("media_requests", **typed)
    assert response.status_code == 422
    assert "for this title is open" in alerts(response)
    assert await MediaRequest.all().count() == 1


async def test_a_download_can_be_queued_and_cancelled_and_nothing_else(visitor: Visitor) -> None:
    user = await ann()
    await visitor.create("youtube_downloads", user=str(user.id), playlist_url="https://example.org/1", priority="20")
    download = await YouTubeDownload.get()
    assert (download.status, download.priority) == (DownloadStatus.QUEUED, 20)
    response = await visitor.edit("youtube_downloads", download.id, status="completed")
    assert response.status_code == 422
    assert "can be cancelled" in alerts(response)
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
