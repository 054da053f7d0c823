"""The factories: each model has one, and what it makes is valid, whatever is named."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, get_type_hints

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.fields.relational import ForeignKeyFieldInstance

from medianest_models import models, testing
from medianest_models.enums import DownloadStatus, RequestStatus, UserRole
from medianest_models.models.base import Base
from medianest_models.repositories import downloads, sessions
from medianest_models.settings import DatabaseUrl

Factory = Callable[..., Awaitable[Any]]

FACTORIES: Final[dict[type[Base], Factory]] = {
    get_type_hints(factory)["return"]: factory
    for factory in (getattr(testing, name) for name in testing.__all__)
    if inspect.iscoroutinefunction(factory)
}
MODELS: Final[tuple[type[Base], ...]] = tuple(getattr(models, name) for name in models.__all__)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_factory(model: type[Base]) -> None:
    assert model in FACTORIES, f"medianest_models/testing/factories.py has none for {model.__name__}"


@pytest.mark.parametrize("model", FACTORIES)
async def test_many_rows_of_a_model(db: DatabaseUrl, model: type[Base]) -> None:
    made = {(await FACTORIES[model]()).pk for _ in range(30)}
    assert {row.pk async for row in model.filter(pk__in=made)} == made
    assert len(made) == 30


@pytest.mark.parametrize("model", FACTORIES)
async def test_every_value_of_an_enum(db: DatabaseUrl, model: type[Base]) -> None:
    for name, field in model._meta.fields_map.items():
        for value in getattr(field, "enum_type", None) or ():
            row = await FACTORIES[model](**{name: value})
            assert getattr(await model.get(pk=row.pk), name) is value


@pytest.mark.parametrize("model", FACTORIES)
async def test_every_relation_by_its_instance_and_by_its_id(db: DatabaseUrl, model: type[Base]) -> None:
    for name, field in model._meta.fields_map.items():
        if isinstance(field, ForeignKeyFieldInstance):
            for by_id in (False, True):
                other = await FACTORIES[field.related_model]()
                row = await FACTORIES[model](**({f"{name}_id": other.pk} if by_id else {name: other}))
                assert getattr(row, f"{name}_id") == other.pk


async def test_what_is_given_is_not_made_too(db: DatabaseUrl) -> None:
    request = await testing.a_media_request()
    await testing.a_status_update(request=request)
    await testing.a_follower(request_id=request.id, user_id=request.user_id)
    assert await models.MediaRequest.all().count() == await models.User.all().count() == 1


async def test_what_is_named_is_taken(db: DatabaseUrl) -> None:
    ann = await testing.a_user(role=UserRole.ADMIN, plex_username="Ann", plex_token="hunter2")
    assert (ann.role, ann.plex_username) == (UserRole.ADMIN, "Ann")
    assert ann.plex_token is not None
    assert ann.plex_token.get_secret_value() == "hunter2"
    assert (await testing.a_media_request(user=ann)).user_id == ann.id


async def test_an_unknown_name(db: DatabaseUrl) -> None:
    with pytest.raises(TypeError, match="User has no field 'rolle'"):
        await testing.a_user(rolle=UserRole.ADMIN)


async def test_what_is_named_is_not_bent_to_be_valid(db: DatabaseUrl) -> None:
    with pytest.raises(IntegrityError):
        await testing.a_media_request(media_type="movie", season=1)


async def test_a_season_is_one_of_a_series(db: DatabaseUrl) -> None:
    assert (await testing.a_media_request(season=1)).media_type == "tv"


@pytest.mark.parametrize("status", RequestStatus)
async def test_only_a_closed_request_has_been_closed(db: DatabaseUrl, status: RequestStatus) -> None:
    request = await testing.a_media_request(status=status)
    assert (request.completed_at is None) == request.is_open


async def test_a_running_download_belongs_to_its_worker(db: DatabaseUrl) -> None:
    download = await testing.a_download(status=DownloadStatus.DOWNLOADING)
    assert download.worker_id is not None
    await downloads.complete(download.id, worker_id=download.worker_id)
    await download.refresh_from_db()
    assert download.status is DownloadStatus.COMPLETED


async def test_a_counter_of_an_address_has_no_user(db: DatabaseUrl) -> None:
    for factory in (testing.a_rate_limit, testing.a_rolling_rate_limit):
        assert (await factory(ip_address="::1")).user_id is None


async def test_a_session_by_its_token(db: DatabaseUrl) -> None:
    row = await testing.a_session_token(token="s3cret")
    assert (await sessions.verify("s3cret")).id == row.id
    assert row.expires_at > datetime.datetime.now(datetime.UTC)
