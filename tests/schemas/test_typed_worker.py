"""The worker that the type checkers check uses everything, and works."""

from __future__ import annotations

import inspect
import json

import pytest

from medianest_models import schemas
from medianest_models.models import User
from tests.leaks.canaries import Canaries
from tests.leaks.rows import make_rows
from tests.schemas import typed_worker
from tests.schemas.shapes import READ, WRITTEN, model_of

USES = {
    function.__annotations__["shown"]: function
    for function in vars(typed_worker).values()
    if inspect.isfunction(function) and "shown" in function.__annotations__
}
"""What uses the fields of a schema, by the schema's name."""


@pytest.mark.usefixtures("db")
async def test_it_works_with_rows() -> None:
    rows = await make_rows(Canaries())
    shown = [schema.model_validate(rows[model_of(schema)]) for schema in READ.values()]
    given = {type(schema).__name__: schema for schema in [*shown, *typed_worker.written()]}
    assert given.keys() == READ.keys() | WRITTEN.keys()
    for name, use in USES.items():
        use(given[name])


@pytest.mark.usefixtures("db")
async def test_its_response_is_json() -> None:
    rows = await make_rows(Canaries())
    response = await typed_worker.overview()
    again = typed_worker.Overview.model_validate_json(response.model_dump_json())
    assert again == response
    document = json.loads(response.model_dump_json())
    user = document["users"]["data"][0]
    assert user == json.loads(schemas.UserWithoutSecrets.model_validate(rows[User]).model_dump_json())
    assert document["newest"]["user"] == user
    assert document["users"]["pagination"] == {"page": 1, "limit": 20, "total": 1, "totalPages": 1}
