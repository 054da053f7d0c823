"""The rows of a page as they were read, and what is made of them: models, instances of a schema, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

import orjson
from asyncpg import Record
from asyncpg.pgproto.pgproto import UUID
from pydantic import BaseModel, ValidationError
from tortoise.models import Model

from medianest_models.errors import InvalidInputError, MedianestError, UnreadableValueError, replace_errors
from medianest_models.fields import JSONField
from medianest_models.models.hydration import hydrator
from medianest_models.pagination.results import JsonPage

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class PlainSchema(NamedTuple):
    """A schema that shows columns of its model as they are: no validator, no other type, nothing masked.

    Attributes:
        model: The model.
        fields: The fields, which are all that its JSON needs of a row.
        documents: Those of them that hold JSON.
    """

    model: type[Model]
    fields: tuple[str, ...]
    documents: tuple[str, ...]


plain_schemas: Final[dict[type[BaseModel], PlainSchema]] = {}


def remember_plain(schema: type[BaseModel], model: type[Model]) -> None:
    """Note that a schema is plain."""
    documents = (name for name in schema.model_fields if isinstance(model._meta.fields_map[name], JSONField))
    plain_schemas[schema] = PlainSchema(model, (*schema.model_fields,), (*documents,))


def find_plain(model: type[Model], schema: type[BaseModel]) -> PlainSchema | None:
    """Return a schema as a plain one of a model; None if it isn't."""
    plain = plain_schemas.get(schema) if isinstance(schema, type) else None
    return plain if plain is not None and plain.model is model else None


class Found(NamedTuple):
    """The rows of a page as they were read.

    Attributes:
        model: The model of the rows.
        rows: Models that Tortoise has made; or records with the columns of `plain` in front, or without one with all.
        plain: The schema that the records are for, if it is a plain one.
        kind: The class of the page.
        rest: What the page's JSON has beside its rows.
    """

    model: type[Model]
    rows: list[Any]
    plain: PlainSchema | None
    kind: type[Any]
    rest: dict[str, Any]

    def page(self, schema: type[Any] | None) -> Any:
        """Make the page with models, or with instances of a schema."""
        rows = self.rows
        if rows and isinstance(rows[0], Record):
            hydrate = hydrator(self.model, tuple(rows[0].keys()))
            assert hydrate is not None  # noqa: S101 - only what it knows is compiled
            rows = hydrate(rows)
        return self.kind.of(rows if schema is None else as_schemas(rows, schema), schema, **self.rest)

    def json(self, schema: type[BaseModel]) -> JsonPage:
        """Write the page as JSON: of a plain schema without models and pydantic, and otherwise by `page`."""
        if self.plain is None:
            return JsonPage.of(self.page(schema))
        # orjson knows the types of the driver's values, but for its UUIDs; and a document is the text of its JSON.
        rows = [dict(zip(self.plain.fields, record, strict=False)) for record in self.rows]
        for name in self.plain.documents:
            for row in rows:
                if row[name] is not None:
                    row[name] = orjson.Fragment(row[name])
        body = orjson.dumps({"data": rows, **self.rest}, default=UUID.__str__, option=orjson.OPT_UTC_Z)
        return JsonPage(body, self.rest.get("nextCursor"), self.rest.get("previousCursor"))


def as_schemas(rows: Sequence[Model], schema: type[SchemaT]) -> list[SchemaT]:
    """Make a schema of each row, whose attributes it reads: it has to fit the model, and its relations be fetched."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise InvalidInputError("schema: must be a class of pydantic's")
    with replace_errors(ValidationError, lambda error: _misfit(schema, error)):
        return [schema.model_validate(row, from_attributes=True) for row in rows]


def _misfit(schema: type[BaseModel], error: ValidationError) -> MedianestError:
    problems = error.errors()
    for problem in problems:
        unreadable = problem["msg"].partition(f"{UnreadableValueError.__name__}: ")[2]
        if unreadable:
            return UnreadableValueError(unreadable)
    places = {f"{'.'.join(map(str, problem['loc']))} ({problem['type']})" for problem in problems}
    return InvalidInputError(f"schema: {schema.__name__} does not fit the rows: {', '.join(sorted(places))}")
