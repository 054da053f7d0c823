"""Instances from the rows of a statement: a generated function makes the same as Tortoise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import tortoise

from medianest_models import models
from medianest_models.db.statements import fetch
from medianest_models.models import ActivityLog, User, hydration
from medianest_models.models.base import Base
from medianest_models.settings import DatabaseUrl
from tests.pagination.both_ways import make_rows, seen

MODELS: list[type[Base]] = [getattr(models, name) for name in models.__all__]


async def rows_of(model: type[Base]) -> list[dict[str, Any]]:
    return [dict(row) for row in await fetch(f"SELECT * FROM {model._meta.db_table}")]


async def test_they_are_as_tortoise_makes_them(db: DatabaseUrl) -> None:
    await make_rows()
    tables_with_rows = 0
    for model in MODELS:
        rows = await rows_of(model)
        tables_with_rows += bool(rows)
        for row in rows:
            assert hydration.hydrator(model, tuple(row)) is not None
            assert seen(model.from_row(row)) == seen(model._init_from_db(**row))
    assert tables_with_rows >= 8


async def test_each_is_an_instance_of_its_own(db: DatabaseUrl) -> None:
    await make_rows()
    (row, *_) = await rows_of(User)
    one, other = User.from_row(row), User.from_row(row)
    assert one is not other
    assert one == other
    one.plex_username = "changed"
    await one.save()
    assert other.plex_username != "changed"
    assert vars(one)["_await_when_save"] is not vars(other)["_await_when_save"]


async def test_a_row_with_fewer_columns_is_a_part_of_one(db: DatabaseUrl) -> None:
    await make_rows()
    for row in await fetch("SELECT plex_token, id, plex_id FROM users"):
        part = User.from_row(row)
        assert seen(part) == seen(User._init_from_db(**row))
        assert part._partial


@pytest.mark.parametrize("version", ["1.2.0", "2.0", "1.10.0"])
async def test_another_tortoise_makes_them_itself(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    await make_rows()
    monkeypatch.setattr(tortoise, "__version__", version)
    hydration.hydrator.cache_clear()
    (row, *_) = await rows_of(User)
    assert hydration.hydrator(User, tuple(row)) is None
    assert seen(User.from_row(row)) == seen(User._init_from_db(**row))
    hydration.hydrator.cache_clear()


def test_one_made_before_connecting_is_whole() -> None:
    code = "from medianest_models import models; print(*vars(models.ActivityLog.from_row(dict.fromkeys({columns}))))"
    columns = set(ActivityLog._meta.fields_db_projection.values())
    ran = subprocess.run([sys.executable, "-c", code.format(columns=columns)], stdout=subprocess.PIPE, check=True)
    assert columns <= {*ran.stdout.decode().split()}


DEEP = ["[" * levels + "]" * levels for levels in (240, 2_000)]
DOCUMENTS = ["null", '"a, text]"', '"null"', "123", '[{"a": null}, "]"]', "1e400", "0.1234567890123456789", DEEP[0]]


@pytest.mark.parametrize("bad", [None, DEEP[1], "1, 2", ""])
async def test_documents_that_are_read_together_are_as_alone(db: DatabaseUrl, bad: str | None) -> None:
    texts = [None, *DOCUMENTS, *([] if bad is None else [bad]), "[]"]
    columns = tuple(ActivityLog._meta.db_fields)
    rows = [tuple({**dict.fromkeys(columns), "metadata": text}.values()) for text in texts]
    hydrate = hydration.hydrator(ActivityLog, columns)
    assert hydrate is not None
    assert [vars(log) for log in hydrate(rows)] == [vars(log) for row in rows for log in hydrate([row])]
    assert hydrate(rows)[2].metadata == "a, text]"
    assert hydrate(rows)[-1].metadata == []
