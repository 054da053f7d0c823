from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticSerializationError

from medianest_models.errors import InvalidInputError
from medianest_models.models import User
from medianest_models.pagination import CursorPage, PaginatedResult, Pagination
from medianest_models.pagination.results import as_schemas


class Name(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    plex_username: str


class Response(BaseModel):
    users: PaginatedResult[Name]


PAGE: PaginatedResult[Name] = PaginatedResult.model_construct(
    data=[Name(plex_username="Ada")], pagination=Pagination(page=2, limit=1, total=3, total_pages=3)
)
JSON = {"data": [{"plex_username": "Ada"}], "pagination": {"page": 2, "limit": 1, "total": 3, "totalPages": 3}}


def test_json_is_the_sources() -> None:
    assert json.loads(PAGE.model_dump_json()) == JSON
    assert PAGE.model_dump() == JSON
    assert json.loads(Response(users=PAGE).model_dump_json()) == {"users": JSON}


def test_json_reads_back() -> None:
    again = PaginatedResult[Name].model_validate_json(PAGE.model_dump_json())
    assert again.data == PAGE.data
    assert again.pagination == PAGE.pagination
    assert again.pagination.total_pages == 3


def test_json_schema_is_that_of_the_rows() -> None:
    schema = PaginatedResult[Name].model_json_schema(mode="serialization")
    assert schema["properties"]["data"]["items"] == {"$ref": "#/$defs/Name"}
    assert set(schema["$defs"]["Pagination"]["properties"]) == {"page", "limit", "total", "totalPages"}


def test_cursor_page_in_json() -> None:
    page: CursorPage[Name] = CursorPage.model_construct(data=PAGE.data, next_cursor="abc", previous_cursor=None)
    assert json.loads(page.model_dump_json()) == {"data": JSON["data"], "nextCursor": "abc", "previousCursor": None}


def test_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(PAGE)) == PAGE  # noqa: S301 - our own


def test_models_do_not_become_json() -> None:
    user = User(plex_id="1", plex_username="Ada", plex_token="hush")
    page: PaginatedResult[Any] = PaginatedResult[User].model_construct(data=[user], pagination=PAGE.pagination)
    untyped: PaginatedResult[Any] = PaginatedResult.model_construct(data=[user], pagination=PAGE.pagination)
    for result in (page, untyped):
        with pytest.raises(PydanticSerializationError):
            result.model_dump_json()
        assert "hush" not in repr(result)


def test_makes_schemas_of_models() -> None:
    user = User(plex_id="1", plex_username="Ada")
    assert as_schemas([user], Name) == [Name(plex_username="Ada")]


def test_a_schema_that_does_not_fit_is_named_without_values() -> None:
    class Wrong(BaseModel):
        plex_username: int
        nothing: str

    with pytest.raises(InvalidInputError) as raised:
        as_schemas([User(plex_id="1", plex_username="Ada Lovelace")], Wrong)
    assert str(raised.value) == ("schema: Wrong does not fit the rows: nothing (missing), plex_username (int_parsing)")
    assert raised.value.__context__ is None
