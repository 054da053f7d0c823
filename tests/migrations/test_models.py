"""The models and the migrations describe the same tables, except for known extras that only SQL can express."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.utils import get_schema_sql

from medianest_models.models import __all__ as MODELS  # noqa: N812 - names of classes
from medianest_models.settings import DEFAULT_ALIAS, DatabaseUrl
from tests.migrations import catalog
from tests.migrations.contract import ENUMS, MODELLED
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

ONLY_IN_SQL = {"uq_media_requests_tmdb_id_media_type_season", "uq_youtube_downloads_user_id_playlist_url"} | {
    "ix_youtube_downloads_claim",
    "ix_youtube_downloads_claimed_turn",
    "ix_youtube_downloads_priority_turn",
    "ix_youtube_downloads_user_id_priority_turn",
    "ix_youtube_downloads_lease_expires_at",
}

# Every model has a key of one column.
KEYS_OF_PARTITIONED = [set(), {"PRIMARY KEY (id, created_at)"}]


@pytest.fixture
async def generated(fresh_db: DatabaseUrl) -> AsyncIterator[Connection]:
    """Connect to tables that Tortoise makes from the models, instead of the migrated ones."""
    statements = get_schema_sql(get_connection(DEFAULT_ALIAS), safe=False)
    async with connection_to(fresh_db) as connection:
        await connection.execute("CREATE SCHEMA generated; SET search_path = generated, public")
        await connection.execute(statements)
        await connection.execute("ALTER SCHEMA public RENAME TO migrated; ALTER SCHEMA generated RENAME TO public")
        await connection.execute("SET search_path = public, migrated")
        yield connection


async def test_columns(generated: Connection) -> None:
    found = await catalog.columns(generated)
    assert found.pop("aerich", None) is None
    for table, expected in MODELLED.items():
        own = {name: re.sub(r"\bmigrated\.", "", text) for name, text in found.pop(table).items()}
        assert own == expected["columns"]
    assert not found


async def test_foreign_keys_and_uniques(generated: Connection) -> None:
    found = await catalog.constraints(generated)
    for table, expected in MODELLED.items():
        for kind in ("FOREIGN KEY", "PRIMARY KEY"):
            own = {text for name, text in found.items() if name.split(".")[0] == table and text.startswith(kind)}
            wanted = {text for text in expected["constraints"].values() if text.startswith(kind)}
            if kind == "PRIMARY KEY" and wanted in KEYS_OF_PARTITIONED:
                wanted = {"PRIMARY KEY id"}
            assert own == wanted
        uniques = unique_columns(await catalog.indexes(generated, of_constraints=True), table)
        written = {f"{table}.{name}": text for name, text in expected["constraints"].items()}
        assert uniques == unique_columns(written, table)


async def test_indexes(generated: Connection) -> None:
    found = await catalog.indexes(generated)
    for table, expected in MODELLED.items():
        own = {n.split(".")[1]: text for n, text in found.items() if n.split(".")[0] == table and "UNIQUE" not in text}
        wanted = {name: text for name, text in expected["indexes"].items() if name not in ONLY_IN_SQL}
        assert own == {name: re.sub(r"^\((.*) text_pattern_ops\)$", r"\1", text) for name, text in wanted.items()}


def unique_columns(definitions: dict[str, str], table: str) -> set[str]:
    """Return the unique column lists, without the id."""
    own = [text for name, text in definitions.items() if name.split(".")[0] == table and text.startswith("UNIQUE ")]
    return {text.removeprefix("UNIQUE ").strip("()") for text in own} - {"id"}


def test_enums_are_the_contract_s() -> None:
    found = {}
    for model in models():
        for field in model._meta.fields_map.values():
            if hasattr(field, "enum_type"):
                found[f"{model._meta.db_table}.{field.model_field_name}"] = [member.value for member in field.enum_type]
    assert found == ENUMS


def models() -> list[Any]:
    """Return the classes of all tables."""
    import medianest_models.models  # noqa: PLC0415 - its members, by name

    found = [getattr(medianest_models.models, name) for name in MODELS]
    assert {model._meta.db_table for model in found} == MODELLED.keys()
    return found
