"""Rows that PostgreSQL writes as JSON, as pydantic would write them in a plain schema.

A plain schema shows columns as the model has them. The server writes the JSON of twenty rows in about the time that it
takes to send them; the client then has nothing to decode, to validate or to encode.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from asyncpg import Record
from pydantic import BaseModel
from tortoise.models import Model

from medianest_models.fields import TimestampField

plain_schemas: Final[dict[type[BaseModel], type[Model]]] = {}
"""The schemas that show columns of their model as they are: no validator, no other type, nothing masked."""

_INSTANT: Final = """\
(SELECT CASE WHEN length(text) = 19 THEN text ELSE rpad(text, 26, '0') END || 'Z'
    FROM (SELECT to_json({0} AT TIME ZONE 'UTC') #>> '{{}}' AS text OFFSET 0) AS instant)"""
"""An instant as pydantic writes it: in UTC, and with all six digits of the microseconds or none. A CHECK of each such
column keeps out what Python can't hold, which has another form."""


def row_json(model: type[Model], schema: object) -> str | None:
    """Return the SQL that writes a row as JSON; None if the schema is not a plain one of the model."""
    is_plain = isinstance(schema, type) and plain_schemas.get(schema) is model
    return _row_json(model, schema) if is_plain else None


@functools.lru_cache(maxsize=256)
def _row_json(model: type[Model], schema: type[BaseModel]) -> str:
    columns = []
    for name in schema.model_fields:
        column = f'"{model._meta.fields_db_projection[name]}"'
        if isinstance(model._meta.fields_map[name], TimestampField):
            column = _INSTANT.format(column)
        columns.append(f'{column} AS "{name}"')
    return f"(SELECT row_to_json(medianest_row)::text FROM (SELECT {', '.join(columns)}) AS medianest_row)"  # noqa: S608 - names of columns


def select_page(page: str, row: str | None, *columns: str) -> str:
    """Write the statement that reads a page's rows, or their JSON, and further columns.

    Only what reads the page is materialized, so that nothing is computed for the rows that OFFSET skips. The rows of a
    materialized WITH come in the order in which they were put there.
    """
    rows = "medianest_page.*" if row is None else f"{row} AS medianest_json"
    selected = ", ".join([rows, *columns])
    return f"WITH medianest_page AS MATERIALIZED ({page}) SELECT {selected} FROM medianest_page"  # noqa: S608 - compiled


def json_rows(found: Sequence[Any]) -> list[str] | None:
    """Return the JSON of the rows that were found; None if Tortoise has made models of them, or there are none."""
    if not (found and isinstance(found[0], Record)):
        return None
    return [record["medianest_json"] for record in found]
