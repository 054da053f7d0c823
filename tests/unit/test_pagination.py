from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticSerializationError

from medianest_models.errors import InvalidInputError, InvalidPaginationError, InvalidSortError
from medianest_models.models import User
from medianest_models.pagination import CursorPage, PaginatedResult, Pagination, PaginationParams
from medianest_models.pagination.rows import as_schemas


def test_has_the_sources_defaults() -> None:
    params = PaginationParams()
    assert (params.page, params.limit, params.sort_by, params.sort_order) == (1, 20, None, "desc")


LIMIT = "limit: must be a whole number from 1 to 100, not "
PAGE_NUMBER = "page: must be a whole number from 1, not "
ORDER = "sort_order: must be asc or desc, not "
COLUMN = "sort_by: must be the name of a column, not "


@pytest.mark.parametrize(
    ("name", "value", "error", "problem"),
    [
        *(("limit", limit, InvalidPaginationError, LIMIT) for limit in (0, -1, 101, 2**70, True, 20.0, "20", None)),
        *(("page", page, InvalidPaginationError, PAGE_NUMBER) for page in (0, -1, True, 1.0, "1", None)),
        *(
            ("sort_order", order, InvalidSortError, ORDER)
            for order in ("", "ASC", None, 1, ["asc"], "asc; DROP TABLE x")
        ),
        *(("sort_by", column, InvalidSortError, COLUMN) for column in (1, b"title", ["title"], User)),
    ],
)
def test_refuses(name: str, value: Any, error: type[InvalidInputError], problem: str) -> None:
    with pytest.raises(error, match=f"^{problem}"):
        PaginationParams(**{name: value})


def test_offset_stays_within_a_bigint() -> None:
    assert PaginationParams(page=2**63, limit=1).offset == 2**63 - 1
    for page, limit in ((2**63 + 1, 1), (2**63 // 100 + 2, 100), (10**4000, 1)):
        with pytest.raises(InvalidPaginationError, match=r"^page: is too high$"):
            PaginationParams(page=page, limit=limit)


def test_an_error_shows_no_long_argument() -> None:
    with pytest.raises(InvalidPaginationError, match=r"not a value of type str$"):
        PaginationParams(limit="x" * 1000)  # type: ignore[arg-type]


# Results.


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


def test_json_schema_is_that_of_the_rows() -> None:
    schema = PaginatedResult[Name].model_json_schema(mode="serialization")
    assert schema["properties"]["data"]["items"] == {"$ref": "#/$defs/Name"}
    assert set(schema["$defs"]["Pagination"]["properties"]) == {"page", "limit", "total", "totalPages", "more"}


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


def test_a_schema_that_does_not_fit_is_named_without_values() -> None:
    class Wrong(BaseModel):
        plex_username: int
        nothing: str

    with pytest.raises(InvalidInputError) as raised:
        as_schemas([User(plex_id="1", plex_username="Ada Lovelace")], Wrong)
    assert str(raised.value) == ("schema: Wrong does not fit the rows: nothing (missing), plex_username (int_parsing)")
    assert raised.value.__context__ is None
