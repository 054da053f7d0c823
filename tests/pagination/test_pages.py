from __future__ import annotations

import enum
import json
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from tortoise.functions import Count, Lower
from tortoise.models import Model
from tortoise.query_utils import Prefetch

from medianest_models.db.statements import fetch
from medianest_models.enums import RequestStatus, ServiceStatus
from medianest_models.errors import InvalidPaginationError, InvalidSortError, SecretFieldError
from medianest_models.models import (
    ActivityLog,
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    RateLimit,
    Service,
    ServiceStatusHistory,
    SystemConfig,
    User,
    YouTubeDownload,
)
from medianest_models.pagination import PaginationParams, paginate, paginate_json
from medianest_models.schemas import MediaRequestRead
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import make_checks, make_requests, make_service, recorded


class Title(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    title: str


class Owner(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    plex_username: str


class TitleOfUser(Title):
    user: Owner


async def titles(*args: Any, **kwargs: Any) -> list[str]:
    return [row.title.removeprefix("Title ") for row in (await paginate(*args, **kwargs)).data]


async def test_params_stand_for_the_arguments(db: DatabaseUrl) -> None:
    await make_requests(5)
    params = PaginationParams(page=2, limit=2, sort_by="title", sort_order="asc")
    assert await titles(MediaRequest.all(), params) == ["2", "3"]
    assert await titles(MediaRequest.all(), page=2, limit=2, sort_by="title", sort_order="asc") == ["2", "3"]
    with pytest.raises(InvalidPaginationError, match=r"^params: "):
        await paginate(MediaRequest.all(), params, page=3)


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)])
async def test_total_pages(db: DatabaseUrl, total: int, pages: int) -> None:
    await make_requests(total)
    for page in (1, 2, 7):
        pagination = (await paginate(MediaRequest.all(), page=page, limit=2)).pagination
        assert (pagination.total, pagination.total_pages, pagination.page) == (total, pages, page)


class Size(int, enum.Enum):
    """A choice of limits, as FastAPI offers one; a member is formatted as `Size.FEW`."""

    FEW = 2


class Formatted(int):
    def __format__(self, spec: str) -> str:
        return "(SELECT 5)"


@pytest.mark.parametrize("limit", [Size.FEW, Formatted(2)])
@pytest.mark.parametrize("total", ["exact", "capped", None])
async def test_a_limit_of_another_class_of_numbers(db: DatabaseUrl, limit: Any, total: Any) -> None:
    await make_requests(5)
    params = PaginationParams(2, limit, sort_order="asc")
    page = await paginate(MediaRequest.all(), params, total=total)
    assert [row.title for row in page.data] == ["Title 2", "Title 3"]
    assert page.pagination.limit == 2
    written = await paginate_json(MediaRequest.all(), params, schema=MediaRequestRead, total=total)
    assert [row["title"] for row in json.loads(written.body)["data"]] == ["Title 2", "Title 3"]


async def test_what_is_no_number_stays_out_of_the_statement(db: DatabaseUrl) -> None:
    params: Any = SimpleNamespace(page=1, limit="(SELECT 2)", offset=0, sort_by=None, sort_order="desc")
    async with recorded() as recording:
        with pytest.raises(TypeError):
            await paginate(MediaRequest.all(), params, total=None)
    assert not recording


async def test_refuses_a_slice(db: DatabaseUrl) -> None:
    for queryset in (MediaRequest.all().limit(3), MediaRequest.all().offset(3)):
        with pytest.raises(InvalidPaginationError, match=r"^queryset: "):
            await paginate(queryset)


# The number of statements


@pytest.mark.parametrize(
    ("page", "statements"),
    [(1, 1), (2, 1), (3, 1), (4, 2)],
    ids=["full", "full", "short", "past the end"],
)
async def test_page_and_total_take_one_round_trip(db: DatabaseUrl, page: int, statements: int) -> None:
    await make_requests(5)
    async with recorded() as recording:
        result = await paginate(MediaRequest.all(), page=page, limit=2)
    assert len(recording) == statements
    assert result.pagination.total == 5


@pytest.mark.parametrize(("page", "loops"), [(1, 1), (2, 1), (3, 0), (4, 0)])
async def test_counts_only_when_the_page_is_full(db: DatabaseUrl, page: int, loops: int) -> None:
    await make_requests(5)
    async with recorded() as recording:
        await paginate(MediaRequest.all(), page=page, limit=2)
    explained = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {recording[0]}", *[2 * (page - 1)][: page - 1])
    plan = json.loads(explained[0]["QUERY PLAN"])[0]["Plan"]
    counts = [
        node for node in plan["Plans"] if node.get("Parent Relationship") == "InitPlan" and "CTE" not in str(node)
    ]
    assert [node["Actual Loops"] for node in counts] == [loops]


async def test_an_empty_list_is_not_counted(db: DatabaseUrl) -> None:
    async with recorded() as recording:
        assert (await paginate(MediaRequest.all())).pagination.total == 0
    assert len(recording) == 1


# The order


async def test_own_column_of_each_model(db: DatabaseUrl) -> None:
    models: list[tuple[type[Model], str]] = [
        (ActivityLog, "created_at"),
        (LocalCredential, "updated_at"),
        (RateLimit, "window_start"),
        (Service, "created_at"),
        (ServiceStatusHistory, "checked_at"),
        (SystemConfig, "updated_at"),
        (YouTubeDownload, "created_at"),
    ]
    for model, column in models:
        async with recorded() as recording:
            await paginate(model.all())
        assert f'ORDER BY "{column}" DESC,"id" DESC LIMIT' in recording[0]


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        (MediaRequest, ", ".join(sorted(MediaRequest._meta.fields_db_projection.keys() - {"request_data"}))),
        (User, "created_at, email, id, last_login_at, plex_id, plex_username, role, status"),
        (Service, "created_at, display_name, enabled, id, name, updated_at"),
        (SystemConfig, "customized_at, description, id, key, updated_at, updated_by_id"),
        (LocalCredential, "id, must_change_password, updated_at, user_id, username"),
    ],
)
async def test_columns_that_sort(db: DatabaseUrl, model: Any, allowed: str) -> None:
    with pytest.raises(InvalidSortError) as raised:
        await paginate(model.all(), sort_by="nothing")
    assert str(raised.value) == f"sort_by: {model.__name__} can't be sorted by 'nothing', but by {allowed}"


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (User, "plex_token"),
        (User, "media_requests"),
        (User, "media_requests__title"),
        (MediaRequest, "user"),
        (MediaRequest, "user__plex_token"),
        (MediaRequest, "user__plex_username"),
        (MediaRequest, "request_data"),
        (MediaRequest, "pk"),
        (MediaRequest, "-title"),
        (MediaRequest, ""),
        (MediaRequest, "title, (SELECT 1)"),
        (Service, "api_key"),
        (Service, "config_data"),
        (Service, "url"),
        (LocalCredential, "password_hash"),
        (SystemConfig, "updated_by"),
        (SystemConfig, "value"),
    ],
)
async def test_refuses_to_sort_by(db: DatabaseUrl, model: Any, column: Any) -> None:
    async with recorded() as recording:
        with pytest.raises(InvalidSortError, match=r"^sort_by: \w+ can't be sorted by .*, but by "):
            await paginate(model.all(), sort_by=column)
    assert recording == []


async def test_keeps_an_order_of_the_query_set(db: DatabaseUrl) -> None:
    service = await make_service()
    statuses = [ServiceStatus.UP, ServiceStatus.DOWN, ServiceStatus.UP, ServiceStatus.DEGRADED]
    await make_checks(service, [{"status": status, "response_time_ms": n} for n, status in enumerate(statuses)])
    queryset = ServiceStatusHistory.all()

    async def times(*order: str, **kwargs: Any) -> list[int | None]:
        return [row.response_time_ms for row in (await paginate(queryset.order_by(*order), **kwargs)).data]

    assert await times("status", "-response_time_ms") == [3, 1, 2, 0]
    assert await times("-status", "response_time_ms", sort_order="asc") == [0, 2, 1, 3]
    assert await times("status", sort_by="response_time_ms", sort_order="asc") == [0, 1, 2, 3]  # sort_by has priority
    async with recorded() as recording:
        await times("-status")
        await times("id")
        await times("service__name")
    assert 'ORDER BY "status" DESC,"id" DESC LIMIT' in recording[0]
    assert 'ORDER BY "id" ASC LIMIT' in recording[1]
    assert '"name" ASC,"service_status_history"."id" ASC LIMIT' in recording[2]


async def test_a_secret_in_the_order_of_the_query_set_is_refused(db: DatabaseUrl) -> None:
    with pytest.raises(SecretFieldError):
        await paginate(MediaRequest.all().order_by("user__plex_token"))


# Features of query sets


async def test_relations_and_annotations_come_along_together(db: DatabaseUrl) -> None:
    ada = await make_requests(3)
    for request in await MediaRequest.all():
        await MediaRequestStatusUpdate.create(request=request, status=RequestStatus.APPROVED)
        await MediaRequestStatusUpdate.create(request=request, status=RequestStatus.AVAILABLE)
    approvals = Prefetch("status_updates", queryset=MediaRequestStatusUpdate.filter(status=RequestStatus.APPROVED))
    queryset = ada.media_requests.all().annotate(low=Lower("title")).select_related("user").prefetch_related(approvals)
    for page in (1, 2):  # the same query set, again
        (row,) = (await paginate(queryset, page=page, limit=1)).data
        title = f"Title {3 - page}"
        assert (row.title, getattr(row, "low"), row.user) == (title, title.lower(), ada)  # noqa: B009 - no attribute
        assert [update.status for update in row.status_updates] == [RequestStatus.APPROVED]


async def test_annotations_come_along(db: DatabaseUrl) -> None:
    ada = await make_requests(3)
    bob = await make_requests(2)
    await User.create(plex_id="none", plex_username="None")
    queryset = User.annotate(requests=Count("media_requests"), low=Lower("plex_username"))
    result = await paginate(queryset.filter(requests__gte=2).order_by("-requests"), limit=1)
    assert [(row.id, getattr(row, "requests"), getattr(row, "low")) for row in result.data] == [  # noqa: B009
        (ada.id, 3, "name 3")
    ]
    assert result.pagination.total == 2
    second = await paginate(queryset.filter(low__in=["name 2", "name 3"]), page=2, limit=1, sort_order="asc")
    assert [row.id for row in second.data] == [bob.id]
    assert second.pagination.total == 2


async def test_the_total_stays_out_of_the_models(db: DatabaseUrl) -> None:
    await make_requests(2)
    fetched = vars(await MediaRequest.get(title="Title 1"))
    paged = vars((await paginate(MediaRequest.all(), limit=1)).data[0])
    assert paged == fetched


async def test_filter_through_a_relation_to_many(db: DatabaseUrl) -> None:
    ada = await make_requests(3)
    bob = await make_requests(2)
    queryset = User.filter(media_requests__media_type="movie").distinct()
    pages = [await paginate(queryset, page=page, limit=1) for page in (1, 2, 3)]
    assert [[row.id for row in page.data] for page in pages] == [[bob.id], [ada.id], []]
    assert [page.pagination.total for page in pages] == [2, 2, 2]


async def test_schemas_instead_of_models(db: DatabaseUrl) -> None:
    await make_requests(3)
    result = await paginate(MediaRequest.all(), limit=2, schema=Title)
    assert result.data == [Title(title="Title 2"), Title(title="Title 1")]
    assert json.loads(result.model_dump_json()) == {
        "data": [{"title": "Title 2"}, {"title": "Title 1"}],
        "pagination": {"page": 1, "limit": 2, "total": 3, "totalPages": 2},
    }
    nested = await paginate(MediaRequest.all().select_related("user"), limit=1, schema=TitleOfUser)
    assert nested.data[0].user.plex_username == "Name 3"
