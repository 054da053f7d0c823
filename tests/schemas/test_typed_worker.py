"""The worker that the type checkers check uses everything, and works."""

from __future__ import annotations

import ast
import inspect
import json

import pytest

from medianest_models import schemas
from medianest_models.models import User
from tests.leaks.canaries import Canaries
from tests.leaks.rows import make_rows
from tests.schemas import typed_worker
from tests.schemas.shapes import READ, SCHEMAS, WRITTEN, model_of


def fields_used() -> dict[str, set[str]]:
    """By the name of a schema, which of its fields the worker's functions of one parameter use."""
    used: dict[str, set[str]] = {}
    for function in ast.parse(inspect.getsource(typed_worker)).body:
        if isinstance(function, ast.FunctionDef) and function.args.args and function.args.args[0].arg == "shown":
            (parameter,) = function.args.args
            assert isinstance(parameter.annotation, ast.Name)
            used[parameter.annotation.id] = {
                node.attr
                for node in ast.walk(function)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "shown"
            }
    return used


def test_it_uses_fields_of_the_schemas() -> None:
    assert all(used <= SCHEMAS[name].model_fields.keys() for name, used in fields_used().items())


@pytest.mark.usefixtures("db")
async def test_it_works_with_rows() -> None:
    rows = await make_rows(Canaries())
    shown = [schema.model_validate(rows[model_of(schema)]) for name, schema in READ.items() if name in fields_used()]
    for schema in [*shown, *typed_worker.written()]:
        name = type(schema).__name__
        function = next(f for f in vars(typed_worker).values() if inspect.isfunction(f) and takes(f) == name)
        function(schema)
    assert {type(schema).__name__ for schema in typed_worker.written()} == set(WRITTEN)


def takes(function: object) -> object:
    assert inspect.isfunction(function)
    return function.__annotations__.get("shown")


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
