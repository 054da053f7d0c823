from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_models.errors import InvalidInputError, InvalidPaginationError, InvalidSortError
from medianest_models.pagination import PaginationParams


def test_has_the_sources_defaults() -> None:
    params = PaginationParams()
    assert (params.page, params.limit, params.sort_by, params.sort_order) == (1, 20, None, "desc")
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.page = 2  # type: ignore[misc]


@given(page=st.integers(1, 10**6), limit=st.integers(1, 100))
def test_counts_the_rows_before_the_page(page: int, limit: int) -> None:
    assert PaginationParams(page, limit).offset == (page - 1) * limit


@pytest.mark.parametrize("limit", [0, -1, 101, 2**70, True, 20.0, "20", None])
def test_refuses_a_limit(limit: Any) -> None:
    with pytest.raises(InvalidPaginationError, match=r"^limit: must be a whole number from 1 to 100, not ") as raised:
        PaginationParams(limit=limit)
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, InvalidInputError)


@pytest.mark.parametrize("page", [0, -1, True, 1.0, "1", None])
def test_refuses_a_page(page: Any) -> None:
    with pytest.raises(InvalidPaginationError, match=r"^page: must be a whole number from 1, not "):
        PaginationParams(page=page)


def test_offset_stays_within_a_bigint() -> None:
    assert PaginationParams(page=2**63, limit=1).offset == 2**63 - 1
    for page, limit in ((2**63 + 1, 1), (2**63 // 100 + 2, 100), (10**4000, 1)):
        with pytest.raises(InvalidPaginationError, match=r"^page: is too high$"):
            PaginationParams(page=page, limit=limit)


@pytest.mark.parametrize("order", ["", "ASC", "descending", None, 1, ["asc"], "asc; DROP TABLE users"])
def test_refuses_an_order(order: Any) -> None:
    with pytest.raises(InvalidSortError, match=r"^sort_order: must be asc or desc, not "):
        PaginationParams(sort_order=order)


def test_an_error_shows_no_long_argument() -> None:
    with pytest.raises(InvalidPaginationError, match=r"not a value of type str$"):
        PaginationParams(limit="x" * 1000)  # type: ignore[arg-type]
