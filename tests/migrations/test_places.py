"""After a table or column was added, these tests name the file of each forgotten place."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import medianest_models
from medianest_models import models
from medianest_models.encryption import is_secret
from medianest_models.models.base import Base
from tests.migrations import catalog
from tests.migrations.base_rows import INSERTS
from tests.migrations.commands import CHECKOUT, FILES
from tests.migrations.contract import TABLES, WITHOUT_MODEL

MODELS: dict[str, type[Base]] = {getattr(models, name)._meta.db_table: getattr(models, name) for name in models.__all__}
CONTRACT = "tests/migrations/contract.py"
MIGRATIONS = "migrations/models (a new file)"


def file_of(thing: Any) -> str:
    """Return the file in which an object is defined, relative to the checkout."""
    return str(Path(str(inspect.getsourcefile(thing))).relative_to(CHECKOUT))


async def test_every_table_is_in_every_place(raw: asyncpg.Connection[Any]) -> None:
    places = {
        "medianest_models/models/__init__.py": MODELS.keys() | WITHOUT_MODEL,
        MIGRATIONS: set(await catalog.columns(raw)),
        CONTRACT: set(TABLES),
        "tests/migrations/base_rows.py": set(INSERTS),
    }
    every = set().union(*places.values())
    assert [f"{place}: lacks {every - tables}" for place, tables in places.items() if tables != every] == []


def test_every_table_is_a_public_name_and_has_a_repository() -> None:
    private = set(models.__all__) - set(medianest_models.__all__)
    assert not private, f"medianest_models/__init__.py: lacks {private}"
    nouns = {Path(file_of(model)).stem for model in MODELS.values()}
    repositories = {path.stem for path in (CHECKOUT / "medianest_models" / "repositories").iterdir()}
    assert nouns <= repositories, f"medianest_models/repositories: lacks {nouns - repositories}"


@pytest.mark.parametrize("table", MODELS)
async def test_every_column_is_in_every_place(raw: asyncpg.Connection[Any], table: str) -> None:
    places = {
        file_of(MODELS[table]): set(MODELS[table]._meta.fields_db_projection.values()),
        MIGRATIONS: set((await catalog.columns(raw))[table]),
        CONTRACT: set(TABLES[table]["columns"]),
    }
    every = set().union(*places.values())
    assert [f"{place}: {table} lacks {every - columns}" for place, columns in places.items() if columns != every] == []


@pytest.mark.parametrize("table", MODELS)
def test_every_column_is_shown_unless_it_is_secret(table: str) -> None:
    from tests.schemas.shapes import READ, model_of  # noqa: PLC0415 - a schema with a column too many can't be imported

    model = MODELS[table]
    shown = {name for schema in READ.values() if model_of(schema) is model for name in schema.model_fields}
    forgotten = {
        name for name in model._meta.fields_db_projection if not is_secret(model._meta.fields_map[name])
    } - shown
    noun = Path(file_of(model)).name
    assert not forgotten, f"medianest_models/schemas/{noun}: {model.__name__}Read does not show {forgotten}"


def test_what_a_schema_takes_its_function_takes() -> None:
    from tests.schemas.shapes import TAKEN_BY, WRITTEN  # noqa: PLC0415 - for the same reason

    problems = []
    for name, (function, others) in TAKEN_BY.items():
        fields, arguments = WRITTEN[name].model_fields.keys(), inspect.signature(function).parameters.keys() - others
        if refused := fields - arguments:
            problems.append(f"{file_of(function)}: {function.__name__} takes no {refused}, which {name} has")
        if lacking := arguments - fields:
            problems.append(f"{file_of(inspect.getmodule(WRITTEN[name]))}: {name} lacks {lacking}")
    assert problems == []


def test_the_changelog_names_every_migration() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text()
    names = [name.removesuffix(".py").split("_", 2)[2] for name in FILES[2:]]  # the first two are of one release
    assert [f"CHANGELOG.md: lacks `{name}`" for name in names if f"`{name}`" not in text] == []
