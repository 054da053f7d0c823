"""Rows as JSON, as pydantic writes them in a plain schema, without models and without pydantic.

A plain schema shows columns as the model has them. Their values come from the driver as JSON wants them, but for two
kinds: a document is its text already, and orjson does not know asyncpg's own kind of UUID.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from asyncpg import Record
from pydantic import BaseModel
from tortoise.models import Model

from medianest_models.fields import JSONField

plain_schemas: Final[dict[type[BaseModel], type[Model]]] = {}
"""The schemas that show columns of their model as they are: no validator, no other type, nothing masked."""


class _Form(NamedTuple):
    names: tuple[str, ...]
    values: Callable[[Record], tuple[Any, ...]]
    documents: tuple[str, ...]


def json_rows(model: type[Model], schema: object, found: Sequence[Any]) -> bytes | None:
    """Write rows as JSON; None if they are models, or the schema is not a plain one of theirs."""
    if not (isinstance(schema, type) and plain_schemas.get(schema) is model and found and isinstance(found[0], Record)):
        return None
    names, values, documents = _form(model, schema, tuple(found[0].keys()))
    rows = [dict(zip(names, values(record), strict=True)) for record in found]
    for name in documents:
        for row in rows:
            if row[name] is not None:
                row[name] = orjson.Fragment(row[name])
    return orjson.dumps(rows, default=_as_text, option=orjson.OPT_UTC_Z)


@functools.lru_cache(maxsize=256)
def _form(model: type[Model], schema: type[BaseModel], columns: tuple[str, ...]) -> _Form:
    meta, names = model._meta, tuple(schema.model_fields)
    pick: Any = itemgetter(*(columns.index(meta.fields_db_projection[name]) for name in names))
    documents = tuple(name for name in names if isinstance(meta.fields_map[name], JSONField))
    return _Form(names, pick if names[1:] else lambda record: (pick(record),), documents)


def _as_text(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError
