"""The services and their configuration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.errors import InvalidInputError, NotFoundError
from medianest_models.models import Service
from medianest_models.repositories import services
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.repositories.wrong_arguments import wrong


@pytest.fixture
async def plex(db: DatabaseUrl) -> Service:
    return await Service.create(
        name="plex",
        display_name="Plex",
        url="http://plex",
        api_key="the key",
        config_data={"port": 1, "token": "the token"},
    )


async def stored(name: str = "plex") -> dict[str, Any]:
    (row,) = await fetch("SELECT * FROM services WHERE name = $1", name)
    return dict(row)


@pytest.mark.parametrize("call", [services.get, services.configure])
async def test_an_unknown_name_is_not_found(db: DatabaseUrl, call: Any) -> None:
    with pytest.raises(NotFoundError, match="there is no service 'nope'"):
        await call("nope")


@pytest.mark.parametrize("call", [services.get, services.configure])
@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b", None, 7])
async def test_what_can_be_no_name_is_refused(db: DatabaseUrl, call: Any, name: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^name: "):
        await call(name)


async def test_list_enabled(db: DatabaseUrl) -> None:
    await Service.bulk_create(
        [Service(name=f"s{n:02}", display_name="S", enabled=n % 4 > 0) for n in reversed(range(40))]
    )
    page = await services.list_enabled()
    assert [service.name for service in page.data] == [f"s{n:02}" for n in range(40) if n % 4 > 0]
    assert page.pagination.total == 30


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("display_name", "Other"),
        ("url", "http://other"),
        ("url", None),
        ("enabled", False),
        ("api_key", None),
        ("config_data", None),
        ("config_data", [1, {"a": None}]),
    ],
)
async def test_configure_changes_what_is_given_and_nothing_else(plex: Service, column: str, value: Any) -> None:
    before = await stored()
    service = await services.configure("plex", **{column: value})
    after = await stored()
    assert getattr(service, column) == value
    assert getattr(await services.get("plex"), column) == value
    assert {name for name in before if before[name] != after[name]} == {column}
    assert service.updated_at == after["updated_at"]


async def test_configure_with_nothing_changes_nothing(plex: Service) -> None:
    before = await stored()
    service = await services.configure("plex")
    assert service.api_key == SecretStr("the key")
    assert await stored() == before


@wrong(
    display_name=[None, "", "x" * 101, "a\0b"],
    url=["a\0b", 7],
    api_key=[7],
    config_data=[{"a": float("nan")}, object()],
    enabled=[None, "no"],
)
async def test_a_value_that_can_not_be_stored_changes_nothing(plex: Service, name: str, value: Any) -> None:
    before = await stored()
    with pytest.raises(InvalidInputError, match=name):
        await services.configure("plex", **{"url": "http://other", name: value})
    assert await stored() == before


async def test_configure_keeps_and_returns_what_another_has_just_changed(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex", url="http://plex")
    async with transaction():
        await services.configure("plex", display_name="New")
        other = elsewhere(services.configure("plex", url="http://new"))
        await until(someone_waits_for_a_lock)
    service = await other
    assert (service.display_name, service.url) == ("New", "http://new")
    row = await stored()
    assert (row["display_name"], row["url"]) == ("New", "http://new")
