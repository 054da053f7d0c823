"""All rows of a list as CSV, read page by page, so that their number has no limit."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette_admin.contrib.tortoise import Admin
from starlette_admin.types import RequestAction

from medianest_models.fields.json import dump_json
from medianest_models.studio.paging import Page
from medianest_models.studio.table import TableView

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""The beginnings of a cell that a spreadsheet calculates."""


async def export_csv(admin: Admin, request: Request) -> Response:
    """Return the rows of a list of an admin's with the search, filter and order of the URL.

    The columns are those that the library exports, which are never secret.
    """
    request.state.action = RequestAction.EXPORT
    view: Any = admin._find_view_by_key(request.path_params["key"])  # noqa: SLF001 - as the library's routes do
    first = await view.export_page(request, {})  # here, so that an error has a page
    headers = {"Content-Disposition": f'attachment; filename="{view.key}.csv"'}
    return StreamingResponse(_lines(view, request, first), media_type="text/csv", headers=headers)


async def _lines(view: TableView, request: Request, page: Page) -> AsyncIterator[str]:
    fields = view.get_fields_list(request)
    yield _written([[field.label or field.name for field in fields]])
    while True:
        rows = [await view.serialize(row, request) for row in page.rows]
        yield _written([[_cell(row[field.name]) for field in fields] for row in rows])
        if page.next is None:
            return
        page = await view.export_page(request, {name: value for name, value in page.next.items() if value is not None})


def _written(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """Convert a value to text, with an apostrophe before what looks like a formula."""
    if isinstance(value, (dict, list)):
        value = dump_json(value, "value")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
