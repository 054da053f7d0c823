"""The schema after `aerich upgrade` is the contract's, table by table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from tests.migrations import catalog
from tests.migrations.contract import FUNCTIONS, TABLES

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

NAMED_BY_USE: Final = {"ix_youtube_downloads_claim", "ix_youtube_downloads_claimed_turn"}


@pytest.mark.parametrize("kind", ["columns", "constraints", "indexes", "triggers"])
async def test_each_table_has_what_the_contract_says(raw: Connection, kind: Any) -> None:
    found = await getattr(catalog, kind)(raw)
    contract: dict[str, Any] = dict(TABLES)
    for table, expected in contract.items():
        assert (found[table] if kind == "columns" else of(table, found)) == expected[kind], table


async def test_there_is_nothing_else(raw: Connection) -> None:
    expected = {f"table {table}" for table in TABLES} | {"table aerich"}
    expected |= {f"sequence {table}_id_seq" for table in ("services", "system_config", "aerich")}
    expected |= {f"function {name}" for name in FUNCTIONS}
    expected |= {f"trigger {name}" for table in TABLES.values() for name in table["triggers"]}
    expected |= {f"index {name}" for table in TABLES.values() for name in table["indexes"]}
    expected |= {f"index {name}" for t in TABLES.values() for name in t["constraints"] if name[:3] in ("pk_", "uq_")}
    expected |= {"index aerich_pkey", "index uq_aerich_app_version"}
    assert await catalog.objects(raw) == expected


async def test_every_name_says_what_it_is(raw: Connection) -> None:
    kinds = {"PRIMARY KEY": "pk", "UNIQUE": "uq", "CHECK": "ck", "FOREIGN KEY": "fk"}
    for name, definition in (await catalog.constraints(raw)).items():
        table, own = name.split(".")
        kind = next(short for word, short in kinds.items() if definition.startswith(word))
        assert own == f"pk_{table}" if kind == "pk" else own.startswith(f"{kind}_{table}_")
        if kind in ("uq", "fk"):
            assert own.removeprefix(f"{kind}_{table}_") == "_".join(columns_of(definition))
    for name, definition in (await catalog.indexes(raw)).items():
        table, own = name.split(".")
        kind = "uq" if definition.startswith("UNIQUE") else "ix"
        assert own.startswith(f"{kind}_{table}_")
        columns = columns_of(definition)
        starts = ["_".join(columns[:length]) for length in range(1, len(columns) + 1)]
        assert own.removeprefix(f"{kind}_{table}_") in starts or own in NAMED_BY_USE
    for name in await catalog.triggers(raw):
        table, own = name.split(".")
        assert own.startswith(f"tr_{table}_")
    names = [*await catalog.constraints(raw), *await catalog.indexes(raw), *await catalog.triggers(raw)]
    assert max(len(name.split(".")[1]) for name in names) <= 63  # PostgreSQL would cut it


async def test_no_index_stands_beside_a_longer_one_with_the_same_prefix(raw: Connection) -> None:
    whole = [
        (name, name.split(".")[0], columns_of(definition))
        for name, definition in (await catalog.indexes(raw, of_constraints=True)).items()
        if " WHERE " not in definition
    ]
    for name, table, columns in whole:
        for other, of_table, longer in whole:
            if name != other and table == of_table:
                assert longer[: len(columns)] != columns, (name, other)


async def test_every_reference_to_a_row_that_can_be_deleted_has_an_index(raw: Connection) -> None:
    led = {(name.split(".")[0], columns_of(text)[0]) for name, text in (await every_index(raw)).items()}
    for name, definition in (await catalog.constraints(raw)).items():
        table, _ = name.split(".")
        if definition.startswith("FOREIGN KEY") and table != "system_config":  # a handful of rows
            assert (table, columns_of(definition)[0]) in led


async def test_instants_are_with_a_time_zone(raw: Connection) -> None:
    for columns in (await catalog.columns(raw)).values():
        for name, definition in columns.items():
            assert name.endswith(("_at", "window_start")) == definition.startswith("timestamp")
            assert "without time zone" not in definition


async def every_index(raw: Connection) -> dict[str, str]:
    indexes = await catalog.indexes(raw, of_constraints=True)
    return {name: text for name, text in indexes.items() if " WHERE " not in text}


def of(table: str, found: dict[str, str]) -> dict[str, str]:
    """Return the objects of the table, by name."""
    return {name.split(".")[1]: text for name, text in found.items() if name.split(".")[0] == table}


def columns_of(definition: str) -> list[str]:
    """Return the columns of a key or an index, without functions and operator classes."""
    keys = re.sub(r"^(UNIQUE|FOREIGN KEY|PRIMARY KEY|brin) | (NULLS|WHERE|REFERENCES) .*$", "", definition).strip("()")
    return [re.sub(r"^lower\((\w+)\)?|( DESC| text_pattern_ops)$", r"\1", key) for key in re.split(", ", keys)]
