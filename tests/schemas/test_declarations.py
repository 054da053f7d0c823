"""A schema's declaration, which type checkers read, matches the one that pydantic_model_creator makes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, SecretStr
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.contrib.pydantic import PydanticModel, pydantic_model_creator

from medianest_models import models, schemas
from medianest_models.encryption import EncryptedJSONField, is_secret
from medianest_models.fields import JSONField, TimestampField
from medianest_models.models import LocalCredential, Service, User
from medianest_models.repositories import services
from medianest_models.schemas._declaration import Declared, read_schema, write_schema
from medianest_models.settings import DatabaseUrl
from tests.commands import python
from tests.schemas.shapes import READ, SCHEMAS, TAKEN_BY, WRITTEN, created, model_of, without_none

OF_A_COLUMN = {"UUID": UUID, "UUID | None": UUID | None, "int": int}
"""Annotations of the models that the creator could not resolve."""


def column(schema: type[PydanticModel], name: str) -> Any:
    return model_of(schema)._meta.fields_map[name]


def declared_type(schema: type[PydanticModel], name: str) -> Any:
    """Return the type that a schema should declare for a column: that of the creator, with five exceptions."""
    annotation = created(schema).model_fields[name].annotation
    made, _ = without_none(OF_A_COLUMN.get(getattr(annotation, "__forward_arg__", ""), annotation))
    field = column(schema, name)
    if isinstance(field, EncryptedJSONField):
        return Any  # with a SecretStr in each secret place
    if is_secret(field) or (field is models.Service._meta.fields_map["url"] and schema.__name__ in WRITTEN):
        return SecretStr
    if isinstance(field, JSONField):
        return dict[str, Any] if schema is schemas.YouTubeDownloadCreate else Any  # enqueue() takes a dict
    if isinstance(field, ArrayField):
        return list[int]
    return AwareDatetime if isinstance(field, TimestampField) else made


def test_all_schemas_are_listed() -> None:
    folder = Path(inspect.getfile(schemas)).parent
    nouns = [import_module(f"medianest_models.schemas.{path.stem}") for path in folder.glob("[a-z]*.py")]
    made = {
        name for noun in nouns for name, thing in vars(noun).items() if inspect.isclass(thing) and is_of(thing, noun)
    }
    assert set(schemas.__all__) == made


def is_of(thing: type, module: ModuleType) -> bool:
    return issubclass(thing, PydanticModel) and thing.__module__ == module.__name__


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_declared_and_created_fields_agree(schema: type[PydanticModel]) -> None:
    made = created(schema).model_fields
    assert schema.model_fields.keys() == made.keys()
    for name, field in schema.model_fields.items():
        annotation, nullable = without_none(field.annotation)
        assert annotation == declared_type(schema, name), name
        if annotation is not Any:
            assert nullable == column(schema, name).null or is_left_out(schema, name), name
        if not hasattr(column(schema, name), "enum_type"):
            assert field.metadata == made[name].metadata, name


def is_left_out(schema: type[PydanticModel], name: str) -> bool:
    """Return whether a field is optional with the default None, which is not passed on, or means now."""
    field = schema.model_fields[name]
    return not field.is_required() and field.default is None and schema.__name__ in WRITTEN


@pytest.mark.parametrize("schema", READ.values(), ids=READ)
def test_a_read_schema_has_no_defaults(schema: type[PydanticModel]) -> None:
    assert all(field.is_required() for field in schema.model_fields.values())


def test_every_written_schema_has_a_function_that_takes_it() -> None:
    assert TAKEN_BY.keys() == WRITTEN.keys()


@pytest.mark.parametrize(("name", "function", "others"), [(name, *taken) for name, taken in TAKEN_BY.items()])
def test_a_written_schema_has_a_function_s_arguments(name: str, function: Callable[..., Any], others: set[str]) -> None:
    parameters = inspect.signature(function).parameters
    fields = WRITTEN[name].model_fields
    assert fields.keys() == parameters.keys() - others
    for field_name, field in fields.items():
        default = parameters[field_name].default
        assert field.is_required() == (default is inspect.Parameter.empty), field_name
        if not field.is_required() and default is not services.UNCHANGED:
            assert field.default == default


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_looks_as_if_it_were_written_by_hand(schema: type[PydanticModel]) -> None:
    assert schema.__module__.startswith("medianest_models.schemas.")
    assert schema.__qualname__ == schema.__name__
    assert schema.__doc__
    assert "<br/>" not in schema.__doc__
    assert inspect.getmodule(schema).__dict__[schema.__name__] is schema


@pytest.mark.parametrize(
    ("model", "name"), [(User, "plex_token"), (Service, "config_data"), (LocalCredential, "password_hash")]
)
def test_a_secret_column_can_t_be_read(model: Any, name: str) -> None:
    class Shown(Declared):
        id: Any

    Shown.__annotations__[name] = SecretStr
    with pytest.raises(TypeError, match=rf"^Shown: can't show {name}, which is secret$"):
        read_schema(model)(Shown)


@pytest.mark.parametrize("declare", [read_schema, write_schema])
def test_a_class_without_columns_is_refused(declare: Any) -> None:
    class Nothing(Declared):
        """For Tortoise it would have every column, with the secrets."""

    with pytest.raises(TypeError, match=r"^Nothing: names no column$"):
        declare(User)(Nothing)


def test_what_is_no_column_is_refused() -> None:
    class Wrong(Declared):
        id: UUID
        plex_tokens: str
        media_requests: list[str]

    for declare in (read_schema, write_schema):
        with pytest.raises(TypeError, match=r"^Wrong: User has no column media_requests, plex_tokens$"):
            declare(User)(Wrong)


def test_a_schema_of_the_same_name_and_columns_made_elsewhere_changes_nothing() -> None:
    made = pydantic_model_creator(User, name="Mine", include=("id", "plex_id"))

    class Mine(Declared):
        id: UUID
        plex_id: str

    mine = read_schema(User)(Mine)
    assert mine is not made
    assert "__orm_obj__" not in vars(mine.model_validate(User(plex_id="1", plex_username="x")))
    assert mine.model_config.get("hide_input_in_errors")


# The same whenever and wherever they are built


SHAPES = "{name: getattr(schemas, name).model_json_schema() for name in schemas.__all__}"

RUN = f"""
import asyncio, json
from medianest_models import schemas
from medianest_models.db import database
async def connected():
    async with database():
        from medianest_models.models import User
        assert await User.all().count() == 0
        shapes = {SHAPES}
        assert await User.all().count() == 0
        return shapes
"""
WHILE = f"{RUN}\nprint(json.dumps(asyncio.run(connected())))"
BEFORE = f"{RUN}\nfirst = {SHAPES}\nassert asyncio.run(connected()) == first\nprint(json.dumps(first))"
IN_ANOTHER_CONTEXT = f"""
import json
from tortoise import Tortoise
from tortoise.context import TortoiseContext
with TortoiseContext():
    Tortoise.init_models(["aerich.models"], "models")
    from medianest_models import schemas
    print(json.dumps({SHAPES}))
"""


def run(code: str) -> Any:
    """Return what the code prints as JSON, in a process of its own."""
    result = python("-W", "error", "-c", code)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("code", [BEFORE, WHILE, IN_ANOTHER_CONTEXT])
def test_they_are_the_same_before_and_after_connecting(fresh_url: DatabaseUrl, code: str) -> None:
    shapes = run(code)
    assert shapes == json.loads(json.dumps({name: schema.model_json_schema() for name, schema in SCHEMAS.items()}))
    references = {name: [key for key in shape["properties"] if key.endswith("_id")] for name, shape in shapes.items()}
    assert references["MediaRequestRead"] == ["tmdb_id", "imdb_id", "overseerr_id", "user_id"]
    assert references["SystemConfigRead"] == ["updated_by_id"]
    assert references["ServiceStatusHistoryRead"] == ["service_id"]
    assert references["MediaRequestStatusUpdateRead"] == ["request_id"]
