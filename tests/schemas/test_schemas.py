"""Schemas: the fields that they show, take and refuse, and a worker that uses them and is type-checked."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from pydantic.json_schema import models_json_schema
from tortoise.contrib.pydantic import PydanticModel

from medianest_models import schemas
from medianest_models.enums import UserRole
from medianest_models.errors import InvalidInputError
from medianest_models.models import MediaRequest, Service, User
from medianest_models.pagination import paginate
from medianest_models.repositories import downloads, services, users
from medianest_models.schemas import ServiceUpdate, UserCreate, UserWithoutSecrets, YouTubeDownloadCreate
from tests.leaks.canaries import Canaries
from tests.leaks.rows import make_rows
from tests.schemas import typed_worker
from tests.schemas.shapes import READ, SCHEMAS, WRITTEN, model_of
from tests.schemas.typed_worker import RequestWithUser

ROW = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "plex_id": "1",
    "plex_username": "ada",
    "email": None,
    "role": "admin",
    "created_at": "2026-01-02T03:04:05.678901Z",
    "last_login_at": None,
    "status": "active",
}


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_their_json_schemas_fit_into_one_openapi_document(mode: Any) -> None:
    template = "#/components/schemas/{model}"
    _, document = models_json_schema([(schema, mode) for schema in SCHEMAS.values()], ref_template=template)
    enums = {"RequestStatus", "DownloadStatus", "DownloadPriority", "UserRole", "UserStatus", "ServiceStatus"}
    components = document["$defs"]
    assert components.keys() == SCHEMAS.keys() | enums
    assert components["UserWithoutSecrets"]["title"] == "UserWithoutSecrets"
    assert components["UserWithoutSecrets"]["properties"]["role"] == {"$ref": "#/components/schemas/UserRole"}
    assert components["UserWithoutSecrets"]["properties"]["created_at"]["format"] == "date-time"
    assert components["UserRole"]["enum"] == ["user", "admin"]
    assert json.loads(json.dumps(document)) == document


def test_a_schema_of_one_s_own_has_its_own_name() -> None:
    shape = RequestWithUser.model_json_schema()
    assert shape["title"] == "RequestWithUser"
    assert shape["properties"]["user"] == {"$ref": "#/$defs/UserWithoutSecrets"}


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("schema", READ.values(), ids=READ)
async def test_a_row_is_read_and_its_json_reads_back(schema: type[PydanticModel]) -> None:
    row = (await make_rows(Canaries()))[model_of(schema)]
    shown = schema.model_validate(await model_of(schema).get(id=row.id))
    assert shown == schema.model_validate(row)
    text = shown.model_dump_json()
    assert schema.model_validate_json(text).model_dump_json() == text
    instants = [value for key, value in json.loads(text).items() if key.endswith("_at") and value is not None]
    assert all(re.fullmatch(r"2026-01-02T03:04:\d\d\.678901Z", value) for value in instants)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("schema", READ.values(), ids=READ)
async def test_a_row_that_was_not_fetched_whole_is_refused(schema: type[PydanticModel]) -> None:
    await make_rows(Canaries())
    partial = await model_of(schema).all().only("id").get()
    with pytest.raises(ValidationError) as raised:
        schema.model_validate(partial)
    missing = {problem["loc"][0] for problem in raised.value.errors() if problem["type"] == "missing"}
    assert missing == schema.model_fields.keys() - {"id"}
    with pytest.raises(InvalidInputError, match=rf"^schema: {schema.__name__} does not fit the rows: .*\(missing\)"):
        await paginate(model_of(schema).all().only("id"), schema=schema)


@pytest.mark.usefixtures("db")
async def test_tortoise_s_own_ways_work() -> None:
    rows = await make_rows(Canaries())
    (user,) = await UserWithoutSecrets.from_queryset(User.all())
    assert user == await UserWithoutSecrets.from_tortoise_orm(rows[User])
    assert (await UserWithoutSecrets.from_queryset_single(User.get(id=user.id))).plex_id == user.plex_id
    (request,) = [RequestWithUser.model_validate(row) for row in await MediaRequest.all().prefetch_related("user")]
    assert request.user == user


def test_a_reader_ignores_what_a_later_version_adds() -> None:
    user = UserWithoutSecrets.model_validate_json(json.dumps({**ROW, "nickname": "x", "plex_token": "secret"}))
    assert user.role is UserRole.ADMIN
    assert "secret" not in f"{user!r} {user.model_dump()} {vars(user)}"


@pytest.mark.parametrize("instant", ["2026-01-02T03:04:05", datetime(2026, 1, 2)])  # noqa: DTZ001 - naive
def test_a_naive_instant_is_refused(instant: Any) -> None:
    for schema, row in (
        (UserWithoutSecrets, {**ROW, "created_at": instant}),
        (YouTubeDownloadCreate, {"playlist_url": "https://x", "scheduled_at": instant}),
    ):
        with pytest.raises(ValidationError, match="timezone info"):
            schema.model_validate(row)


@pytest.mark.parametrize("schema", WRITTEN.values(), ids=WRITTEN)
def test_a_written_schema_refuses_what_it_does_not_know(schema: type[PydanticModel]) -> None:
    for unknown in ("id", "role", "created_at", "nope"):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            schema.model_validate({unknown: 1})


@pytest.mark.usefixtures("db")
async def test_functions_take_them() -> None:
    given = UserCreate(plex_id="1", plex_username="ada", plex_token=SecretStr("token"))
    user = await users.upsert_from_plex(**given.model_dump())
    assert user.plex_token == SecretStr("token")
    later = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    wanted = YouTubeDownloadCreate(playlist_url="https://x", scheduled_at=later, metadata={"a": 1})
    download = await downloads.enqueue(user.id, **wanted.model_dump())
    assert (download.scheduled_at, download.metadata) == (later, {"a": 1})


@pytest.mark.usefixtures("db")
async def test_an_update_changes_what_it_was_given_and_nothing_else() -> None:
    await Service.create(name="plex", display_name="Plex", url="http://plex", api_key="key", config_data={"port": 1})
    update = ServiceUpdate.model_validate_json('{"display_name": "Mine", "config_data": {"token": "t", "port": 2}}')
    service = await services.configure("plex", **update.model_dump())
    assert (service.display_name, service.url, service.api_key) == ("Mine", "http://plex", SecretStr("key"))
    assert service.config_data == {"token": SecretStr("t"), "port": 2}
    emptied = await services.configure("plex", **ServiceUpdate(url=None, api_key=None, config_data=None).model_dump())
    assert (emptied.url, emptied.api_key, emptied.config_data) == (None, None, None)
    named = await services.configure("plex", **ServiceUpdate(url=SecretStr("http://ada:secret@plex")).model_dump())
    assert named.url == "http://ada:secret@plex"
    assert ServiceUpdate().model_dump() == {}


@pytest.mark.parametrize("name", ["display_name", "enabled"])
def test_an_update_can_t_clear_what_must_be_there(name: str) -> None:
    with pytest.raises(ValidationError, match="must not be null; leave it out to leave it as it is"):
        ServiceUpdate.model_validate({name: None})


def test_an_update_s_document_is_refused_where_it_is_wrong() -> None:
    with pytest.raises(ValidationError, match=r'services\.config_data\["token"\]: object is not JSON'):
        ServiceUpdate(config_data={"token": object()})


@pytest.mark.usefixtures("db")
async def test_its_response_is_json() -> None:
    rows = await make_rows(Canaries())
    response = await typed_worker.overview()
    again = typed_worker.Overview.model_validate_json(response.model_dump_json())
    assert again == response
    document = json.loads(response.model_dump_json())
    user = document["users"]["data"][0]
    assert user == json.loads(schemas.UserWithoutSecrets.model_validate(rows[User]).model_dump_json())
    assert document["newest"]["user"] == user
    assert document["users"]["pagination"] == {"page": 1, "limit": 20, "total": 1, "totalPages": 1}
