"""Every interface rejects a value that a column can't hold, before a statement is sent."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus
from medianest_models.errors import InvalidInputError
from medianest_models.models import MediaRequest, YouTubeDownload
from medianest_models.testing import a_media_request, a_user

pytestmark = pytest.mark.usefixtures("db")

NAIVE = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - that is the test
OTHER_ENUM = r": must be a \w+, not a \w+$"
BAD: list[tuple[str, Any, str]] = [
    ("status", DownloadStatus.FAILED, OTHER_ENUM),
    ("status", ServiceStatus.UP, OTHER_ENUM),
    ("status", "canary", ": must be one of pending, approved, available, failed$"),
    ("completed_at", NAIVE, ": must be an aware datetime, with a time zone$"),
    ("completed_at", "2026-01-01T00:00:00Z", ": must be a datetime, not str$"),
    ("title", "canary" * 84, ": must be at most 500 characters long$"),
    ("title", "canary\0", ": must not hold a NUL byte$"),
    ("title", "canary\ud800", ": is not valid Unicode$"),
    ("title", 5, ": must be a text, not int$"),
    ("tmdb_id", b"canary", ": must be a text, not bytes$"),
]


def assign(request: MediaRequest, name: str, value: Any) -> MediaRequest:
    setattr(request, name, value)
    return request


def values(request: MediaRequest, name: str, value: Any) -> dict[str, Any]:
    return {"user_id": request.user_id, "title": "x", "media_type": "movie", name: value}


WRITES: dict[str, Callable[[MediaRequest, str, Any], Any]] = {
    "create": lambda request, name, value: MediaRequest.create(**values(request, name, value)),
    "assign, save": lambda request, name, value: assign(request, name, value).save(),
    "assign, save one": lambda request, name, value: assign(request, name, value).save(update_fields=[name]),
    "update_from_dict": lambda request, name, value: request.update_from_dict({name: value}).save(),
    "update": lambda _, name, value: MediaRequest.all().update(**{name: value}),
    "bulk_update": lambda request, name, value: MediaRequest.bulk_update([assign(request, name, value)], [name]),
    "bulk_create": lambda request, name, value: MediaRequest.bulk_create([assign(request, name, value)]),
    "get_or_create": lambda request, name, value: MediaRequest.get_or_create(
        values(request, name, value), overseerr_id="new"
    ),
    "update_or_create": lambda request, name, value: MediaRequest.update_or_create({name: value}, id=request.id),
}
READS: dict[str, Callable[[MediaRequest, str, Any], Any]] = {
    "filter": lambda _, name, value: MediaRequest.filter(**{name: value}),
    "exclude": lambda _, name, value: MediaRequest.exclude(**{name: value}),
    "not": lambda _, name, value: MediaRequest.filter(**{f"{name}__not": value}),
    "in": lambda _, name, value: MediaRequest.filter(**{f"{name}__in": [value]}),
    "not_in": lambda _, name, value: MediaRequest.filter(**{f"{name}__not_in": [value]}),
    "gt": lambda _, name, value: MediaRequest.filter(**{f"{name}__gt": value}),
    "range": lambda _, name, value: MediaRequest.filter(**{f"{name}__range": (value, value)}),
    "get": lambda _, name, value: MediaRequest.get(**{name: value}),
    "through a relation": lambda _, name, value: YouTubeDownload.filter(**{f"user__media_requests__{name}": value}),
}


@pytest.fixture
async def request_() -> MediaRequest:
    return await a_media_request(user=await a_user())


@pytest.mark.parametrize("use", WRITES | READS)
@pytest.mark.parametrize(("name", "value", "message"), BAD)
async def test_a_bad_value_is_refused(request_: MediaRequest, use: str, name: str, value: Any, message: str) -> None:
    before = dict(await MediaRequest.get(id=request_.id))
    with pytest.raises(InvalidInputError, match=rf"^media_requests\.{name}{message}") as raised:
        await (WRITES | READS)[use](request_, name, value)
    assert "canary" not in str(raised.value)
    assert [dict(request) for request in await MediaRequest.all()] == [before]


@pytest.mark.parametrize("use", WRITES)
@pytest.mark.parametrize("document", [{"a": {1}}, {1: "a"}, float("nan"), 2**64, ["\0"], ["\ud800"], object()])
async def test_a_bad_document_is_refused(request_: MediaRequest, use: str, document: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^media_requests\.request_data"):
        await WRITES[use](request_, "request_data", document)


async def test_good_values_are_taken(request_: MediaRequest) -> None:
    berlin = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    good: list[tuple[str, Any, Any]] = [
        ("status", "failed", RequestStatus.FAILED),
        ("status", RequestStatus.APPROVED, RequestStatus.APPROVED),
        ("completed_at", berlin, datetime.datetime(2026, 7, 1, 10, tzinfo=datetime.UTC)),
        ("completed_at", None, None),
        ("title", "字" * 500, "字" * 500),
        ("request_data", "123", "123"),
        ("request_data", {"a": [1, 2.5, None]}, {"a": [1, 2.5, None]}),
    ]
    for name, value, expected in good:
        for use in ("assign, save", "update", "bulk_update", "update_from_dict", "update_or_create"):
            await MediaRequest.all().update(
                **{name: "x" if name == "title" else "pending" if name == "status" else None}
            )
            await WRITES[use](request_, name, value)
            assert getattr(await MediaRequest.get(id=request_.id), name) == expected
