"""Pages and rows in HTTP: query parameters to arguments, bodies to schemas, rows to JSON.

The parameters are `page`, `limit`, `sortBy`, `sortOrder` and `cursor`, in the case of a page's own JSON (`totalPages`,
`nextCursor`). A value that makes no sense is an `InvalidPaginationError` or `InvalidSortError` that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, TypeVar, cast
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from tortoise.models import Model

from medianest_models.errors import InvalidPaginationError, InvalidSortError, replace_errors
from medianest_models.pagination import (
    CursorPage,
    JsonPage,
    PaginatedResult,
    PaginationParams,
    SortOrder,
    UncountedResult,
)
from medianest_models.pagination.arguments import shown
from medianest_models.pagination.rows import as_schemas
from medianest_models.web.problems import invalid_request

SchemaT = TypeVar("SchemaT", bound=BaseModel)

_MAX_DIGITS: Final = 19  # those of a bigint


class CursorParams(TypedDict):
    """The arguments of a cursor page: `paginate_by_cursor(queryset, **cursor_params(request))`."""

    limit: int
    cursor: str | None
    sort_by: str | None
    sort_order: SortOrder


def page_params(request: Request) -> PaginationParams:
    """Read the parameters of a numbered page: `page`, `limit`, `sortBy` and `sortOrder`.

    Raises:
        InvalidPaginationError: `page` or `limit` is no number, or out of range.
        InvalidSortError: `sortOrder` is neither `asc` nor `desc`.
    """
    query = request.query_params
    return parse_page_params(query.get("page"), query.get("limit"), query.get("sortBy"), query.get("sortOrder"))


def cursor_params(request: Request) -> CursorParams:
    """Read the parameters of a cursor page: `limit`, `cursor`, `sortBy` and `sortOrder`; raises as `page_params`."""
    query = request.query_params
    return parse_cursor_params(query.get("cursor"), query.get("limit"), query.get("sortBy"), query.get("sortOrder"))


def parse_page_params(
    page: str | None, limit: str | None, sort_by: str | None, sort_order: str | None
) -> PaginationParams:
    """Read the texts of the parameters of `page_params`; None for one that is missing."""
    order = PaginationParams.sort_order if sort_order is None else sort_order
    if order not in ("asc", "desc"):
        raise InvalidSortError(f"sortOrder: must be asc or desc, not {shown(order)}")
    return PaginationParams(
        page=PaginationParams.page if page is None else _number("page", page),
        limit=PaginationParams.limit if limit is None else _number("limit", limit),
        sort_by=sort_by,
        sort_order=cast("SortOrder", order),
    )


def parse_cursor_params(
    cursor: str | None, limit: str | None, sort_by: str | None, sort_order: str | None
) -> CursorParams:
    """Read the texts of the parameters of `cursor_params`; None for one that is missing."""
    params = parse_page_params(None, limit, sort_by, sort_order)
    return CursorParams(limit=params.limit, cursor=cursor, sort_by=params.sort_by, sort_order=params.sort_order)


class PageResponse(Response):
    """A response with a page as JSON.

    A cursor page has a header `Link` (RFC 8288) with the URLs of the next and the previous page.

    Args:
        page: What `paginate_json` or `paginate_by_cursor_json` returned; or `paginate`, `paginate_by_cursor` or a
            `list_*` function with a `schema`, which take more time.
        request: The request, whose other parameters the links keep.
    """

    media_type = "application/json"

    def __init__(
        self,
        page: JsonPage | PaginatedResult[Any] | UncountedResult[Any] | CursorPage[Any],
        request: Request,
    ) -> None:
        if not isinstance(page, JsonPage):
            page = JsonPage.of(page)
        super().__init__(page.body)
        cursors = {"next": page.next_cursor, "prev": page.previous_cursor}
        links = [_link(request, cursor, rel) for rel, cursor in cursors.items() if cursor is not None]
        if links:
            self.headers["Link"] = ", ".join(links)


class RowResponse(Response):
    """A response with one row, or a list of rows, in a schema.

    Args:
        rows: A model's instance, or several.
        schema: Such as `MediaRequestRead`.
        status_code: Such as 201 for a row that was created.
        headers: More headers.
    """

    media_type = "application/json"

    def __init__(
        self,
        rows: Model | Sequence[Model],
        schema: type[BaseModel],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        one = isinstance(rows, Model)
        made = as_schemas([rows] if isinstance(rows, Model) else rows, schema)
        super().__init__(to_json(made[0] if one else made), status_code, headers)


async def read_body(request: Request, schema: type[SchemaT]) -> SchemaT:
    """Read the JSON of a request into a schema, such as `MediaRequestCreate`.

    Raises:
        ProblemError: With status 422: it does not fit, and the problem's `errors` say where.
    """
    body = await request.body()
    with replace_errors(ValidationError, lambda error: invalid_request(error.errors())):
        return schema.model_validate_json(body)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise InvalidPaginationError(f"{name}: must be a whole number from 1, not {shown(text)}")
    return int(text)


def _link(request: Request, cursor: str, rel: str) -> str:
    """Make a link relative to the request's own URL, which a proxy may know by another name."""
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<?{urlencode([*others, ("cursor", cursor)])}>; rel="{rel}"'
