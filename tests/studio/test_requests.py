"""Changing the status of media requests: many at once from the list, or one on its page."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.enums import REQUEST_TRANSITIONS, RequestStatus
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate
from medianest_models.repositories import media_requests
from tests.studio.conftest import HOST, Visitor, ann, logged, visiting

ACTIONS = {"approve": "approved", "make-available": "available", "fail": "failed", "reopen": "pending"}


async def requested(*statuses: str, **columns: Any) -> list[MediaRequest]:
    """Make a request for each status, with that status."""
    user = await ann()
    return [
        await MediaRequest.create(user=user, title=f"Film {number}", media_type="movie", status=status, **columns)
        for number, status in enumerate(statuses)
    ]


async def statuses() -> list[str]:
    return [request.status.value for request in await MediaRequest.all().order_by("title")]


async def said(visitor: Visitor) -> list[str]:
    """Return the messages about the last action, which the next page shows."""
    text = await visitor.page("/media_requests/list")
    return [html.unescape(message) for message in re.findall(r'<div class="alert-description">(.*?)</div>', text)]


async def test_many_requests_are_approved_with_a_message(visitor: Visitor) -> None:
    requests = await requested("pending", "pending", "pending", "available", "approved")
    chosen = [str(request.id) for request in requests[1:]]
    gone = uuid4()
    response = await visitor.post(
        "/_api/media_requests/action", {"message": "soon"}, name="approve", pks=[*chosen, str(gone)]
    )
    assert response.status_code == 200
    assert await statuses() == ["pending", "approved", "approved", "available", "approved"]
    assert await said(visitor) == [
        "Changed to approved: 2 requests.",
        "Not changed, because available can't change to approved: Film 3.",
        "Not changed, because already so: Film 4.",
        f"Not changed, because deleted meanwhile: {gone}.",
    ]
    updates = await MediaRequestStatusUpdate.filter(message="soon")
    assert {(update.request_id, update.status.value) for update in updates} == {
        (request.id, "approved") for request in requests[1:3]
    }
    assert sorted(await logged()) == sorted(
        ("studio.update", "media_request", str(request.id)) for request in requests[1:3]
    )


async def test_all_rows_of_a_filter_are_failed_without_a_message(visitor: Visitor) -> None:
    await requested("pending", "approved", "available", "pending")
    response = await visitor.post(
        "/_api/media_requests/action",
        {"message": " "},
        name="fail",
        all="1",
        _list_query="?filter=status__in=pending",
    )
    assert response.status_code == 200
    assert await statuses() == ["failed", "approved", "available", "failed"]
    assert [update.message for update in await MediaRequestStatusUpdate.filter(status="failed")] == [None, None]


async def test_an_outcome_names_some_titles_and_counts_the_others(visitor: Visitor) -> None:
    requests = await requested(*["available"] * 8)
    await MediaRequest.filter(id=requests[0].id).update(title="<b>" + "x" * 497)
    ids = [str(request.id) for request in requests]
    await visitor.post("/_api/media_requests/action", {}, name="fail", pks=ids)
    (message,) = await said(visitor)
    assert message == (
        f"Not changed, because available can't change to failed: <b>{'x' * 56}…, Film 1, Film 2, Film 3, Film 4"
        " and 3 more."
    )


async def test_a_title_that_is_open_again_is_not_reopened(visitor: Visitor) -> None:
    failed, _ = await requested("failed", "pending", tmdb_id="17")
    await visitor.post("/_api/media_requests/row-action", {}, name="reopen", pk=failed.id)
    assert await said(visitor) == ["Not changed, because another request for the title is open: Film 0."]
    assert await statuses() == ["failed", "pending"]


@pytest.mark.parametrize("status", RequestStatus)
async def test_a_page_offers_the_transitions_that_are_allowed(visitor: Visitor, status: RequestStatus) -> None:
    (request,) = await requested(status)
    text = await visitor.page("/media_requests/detail", pk=request.id)
    offered = {ACTIONS[name] for name in re.findall(r'data-sa-name="([a-z-]+)"', text) if name in ACTIONS}
    assert offered == REQUEST_TRANSITIONS[status]
    for name, target in ACTIONS.items():
        if target not in offered:
            response = await visitor.post("/_api/media_requests/row-action", {}, name=name, pk=request.id)
            assert (response.status_code, response.json()) == (400, {"msg": "Forbidden"})
    assert await statuses() == [status]


async def test_a_request_is_approved_on_its_page(visitor: Visitor) -> None:
    (request,) = await requested("pending")
    response = await visitor.post("/_api/media_requests/row-action", {"message": "fine"}, name="approve", pk=request.id)
    assert response.status_code == 200
    assert [update.message for update in await media_requests.history(request.id)] == ["fine"]


@pytest.mark.parametrize("pk", ["x", str(UUID(int=1)), "1;--"])
async def test_an_id_that_is_none_changes_nothing(visitor: Visitor, pk: str) -> None:
    (request,) = await requested("pending")
    response = await visitor.post("/_api/media_requests/action", {}, name="approve", pks=[str(request.id), pk])
    assert response.status_code == (200 if pk.startswith("0") else 400)
    assert await statuses() == ["approved" if pk.startswith("0") else "pending"]


async def test_a_request_of_another_site_and_one_without_the_csrf_token_change_nothing(visitor: Visitor) -> None:
    (request,) = await requested("pending")
    path = f"/_api/media_requests/action?name=approve&pks={request.id}"
    token = visitor.client.cookies["starlette_admin_csrftoken"]
    for origin, given in (("http://127.0.0.1:5556", token), ("https://example.org", token), (HOST, "")):
        response = await visitor.client.post(path, data={"csrftoken": given}, headers={"Origin": origin})
        assert response.status_code == 403
    assert await statuses() == ["pending"]


async def test_read_only_offers_and_does_nothing(visitor: Visitor) -> None:
    (request,) = await requested("pending")
    async with visiting(read_only=True) as reader:
        for path in ("/media_requests/list", f"/media_requests/detail?pk={request.id}"):
            assert not set(re.findall(r'data-sa-name="([a-z-]+)"', await reader.page(path))) & set(ACTIONS)
        for kind, ids in (("action", {"pks": request.id}), ("row-action", {"pk": request.id})):
            response = await reader.post(f"/_api/media_requests/{kind}", {}, name="approve", **ids)
            assert response.status_code == 403
            assert "--read-write" in response.text
    assert await statuses() == ["pending"]
