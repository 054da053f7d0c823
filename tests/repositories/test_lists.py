"""Lists of every kind: of models for Python, and of schemas for an answer in JSON."""

from __future__ import annotations

import inspect
import json
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, assert_type

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from medianest_models import (
    ActivityLog,
    MediaRequest,
    MediaRequestFollower,
    Service,
    ServiceMaintenance,
    SessionToken,
    User,
    YouTubeDownload,
    repositories,
)
from medianest_models.errors import InvalidInputError
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate_by_cursor
from medianest_models.repositories import activity, downloads, media_requests, services, sessions, users
from medianest_models.schemas import (
    ActivityLogRead,
    MediaRequestRead,
    ServiceMaintenanceRead,
    ServiceRead,
    SessionTokenRead,
    UserWithoutSecrets,
    YouTubeDownloadLeaseRead,
    YouTubeDownloadRead,
)
from medianest_models.settings import DatabaseUrl

NOBODY: Final = "01900000-0000-7000-8000-00000000ffff"
OF_A_USER: Final = (
    media_requests.list_followed,
    activity.list_for_user,
    downloads.list_for_user,
    media_requests.list_for_user,
    sessions.list_for_user,
)
SCHEMAS: Final[dict[Any, type[BaseModel]]] = {
    activity.list_for_user: ActivityLogRead,
    activity.list_for_entity: ActivityLogRead,
    activity.list_recent: ActivityLogRead,
    downloads.list_for_user: YouTubeDownloadRead,
    downloads.list_by_filters: YouTubeDownloadRead,
    media_requests.list_followed: MediaRequestRead,
    media_requests.list_for_user: MediaRequestRead,
    media_requests.list_by_filters: MediaRequestRead,
    services.list_enabled: ServiceRead,
    services.maintenance.list_for_service: ServiceMaintenanceRead,
    sessions.list_for_user: SessionTokenRead,
    users.search: UserWithoutSecrets,
}
BY_NAME: Final = {f"{function.__module__.split('.')[2]}.{function.__name__}": function for function in SCHEMAS}


async def page_of(function: Any, user_id: Any = NOBODY, **arguments: Any) -> PaginatedResult[Any]:
    """Call a list function, whichever arguments it needs."""
    if function is activity.list_for_entity:
        function, arguments = partial(function, "user"), {"entity_id": str(user_id), **arguments}
    if function is services.maintenance.list_for_service:
        function = partial(function, (await plex()).name)
    page: PaginatedResult[Any] = await function(*[user_id][: function in OF_A_USER], **arguments)
    return page


def test_every_list_is_here() -> None:
    nouns = [path.stem for path in Path(repositories.__path__[0]).iterdir() if not path.name.startswith("_")]
    modules = [services.maintenance, *(import_module(f"{repositories.__name__}.{noun}") for noun in nouns)]
    lists = {thing for module in modules for name, thing in vars(module).items() if name.startswith("list_")}
    assert lists == SCHEMAS.keys() - {users.search}
    assert all("schema" in inspect.signature(function).parameters for function in SCHEMAS)


async def plex() -> Service:
    service, _ = await Service.get_or_create(name="plex", defaults={"display_name": "Plex", "api_key": "hush"})
    return service


async def make_rows(user: User) -> None:
    """Make a row for each list."""
    await activity.record("login", user_id=user.id, entity_type="user", entity_id=str(user.id))
    await downloads.enqueue(user.id, playlist_url="https://youtu.be/x")
    request = await media_requests.submit(user.id, title="Dune", media_type="movie")
    await MediaRequestFollower.create(request=request, user=user)
    await services.maintenance.begin((await plex()).name)
    await sessions.issue(user.id)


@pytest.mark.parametrize("name", BY_NAME)
async def test_a_list_in_a_schema_becomes_json(user: User, name: str) -> None:
    await make_rows(user)
    function = BY_NAME[name]
    schema = SCHEMAS[function]
    page = await page_of(function, user.id, schema=schema)
    assert [type(row) for row in page.data] == [schema]
    models = await page_of(function, user.id)
    assert page.data == [schema.model_validate(row, from_attributes=True) for row in models.data]
    assert page.pagination == models.pagination
    assert len(json.loads(page.model_dump_json())["data"]) == 1
    with pytest.raises(InvalidInputError, match="schema: must be a class"):
        await page_of(function, user.id, schema="UserWithoutSecrets")


@pytest.mark.parametrize("name", BY_NAME)
async def test_a_list_of_models_does_not_even_without_rows(db: DatabaseUrl, name: str) -> None:
    empty = await page_of(BY_NAME[name])
    user = await User.create(plex_id="a", plex_username="a")
    await make_rows(user)
    full = await page_of(BY_NAME[name], user.id)
    assert (len(empty.data), len(full.data)) == (0, 1)
    for page in (empty, full):
        assert page.model_dump()["data"] == page.data
        with pytest.raises(PydanticSerializationError):
            page.model_dump_json()
        with pytest.raises(PydanticSerializationError):
            page.model_dump(mode="json")


async def test_nor_does_an_empty_cursor_page_of_models(db: DatabaseUrl) -> None:
    page = await paginate_by_cursor(User.all())
    for dump in (page.model_dump_json, lambda: page.model_dump(mode="json")):
        with pytest.raises(PydanticSerializationError, match="models do not become JSON"):
            dump()
    shown = await paginate_by_cursor(User.all(), schema=UserWithoutSecrets)
    assert json.loads(shown.model_dump_json()) == {"data": [], "nextCursor": None, "previousCursor": None}


async def test_a_user_s_list_of_downloads_names_no_worker(user: User) -> None:
    await make_rows(user)
    await downloads.claim("the worker's name")
    (running,) = (await downloads.list_for_user(user.id)).data
    assert (running.worker_id, running.lease_expires_at is None) == ("the worker's name", False)
    shown = (await downloads.list_for_user(user.id, schema=YouTubeDownloadRead)).model_dump_json()
    assert "worker" not in shown
    assert "lease" not in shown
    operators = await downloads.list_by_filters(schema=YouTubeDownloadLeaseRead)
    assert [(row.id, row.worker_id) for row in operators.data] == [(running.id, "the worker's name")]


async def test_types(db: DatabaseUrl) -> None:
    params = PaginationParams(limit=5)
    assert_type(await activity.list_for_user(NOBODY), PaginatedResult[ActivityLog])
    assert_type(await activity.list_for_user(NOBODY, schema=ActivityLogRead), PaginatedResult[ActivityLogRead])
    assert_type(await activity.list_for_entity("a", entity_id="1"), PaginatedResult[ActivityLog])
    assert_type(await activity.list_recent(schema=ActivityLogRead), PaginatedResult[ActivityLogRead])
    assert_type(await downloads.list_for_user(NOBODY, params=params), PaginatedResult[YouTubeDownload])
    assert_type(await downloads.list_by_filters(schema=YouTubeDownloadRead), PaginatedResult[YouTubeDownloadRead])
    assert_type(await media_requests.list_for_user(NOBODY), PaginatedResult[MediaRequest])
    assert_type(await media_requests.list_by_filters(schema=MediaRequestRead), PaginatedResult[MediaRequestRead])
    assert_type((await media_requests.list_by_filters()).data, list[MediaRequest])
    assert_type(await services.list_enabled(), PaginatedResult[Service])
    assert_type(await services.list_enabled(schema=ServiceRead), PaginatedResult[ServiceRead])
    await plex()
    windows = services.maintenance.list_for_service
    assert_type(await windows("plex"), PaginatedResult[ServiceMaintenance])
    assert_type(await windows("plex", schema=ServiceMaintenanceRead), PaginatedResult[ServiceMaintenanceRead])
    assert_type(await sessions.list_for_user(NOBODY), PaginatedResult[SessionToken])
    assert_type(await sessions.list_for_user(NOBODY, schema=SessionTokenRead), PaginatedResult[SessionTokenRead])
    assert_type(await users.search(), PaginatedResult[User])
    assert_type(await users.search("a", schema=UserWithoutSecrets, params=params), PaginatedResult[UserWithoutSecrets])
