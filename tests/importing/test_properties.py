"""Random rows: each of them is in our table afterwards, or in the report; and a second run ends as a first one."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from asyncpg import Connection
from hypothesis import HealthCheck, given, settings, strategies as st

from medianest_models.db.direct import direct_connection
from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.importing import import_prisma
from medianest_models.importing.rows import new_id
from medianest_models.importing.targets import TARGETS
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from tests.importing.sources import HASH, make_source

_IDS: Final = st.sampled_from(
    [
        "a",
        "b",
        "clx3k",
        "ABCDEF11-1111-4111-8111-111111111111",
        "abcdef11-1111-4111-8111-111111111111",
        "{abcdef11-1111-4111-8111-111111111111}",
        "",
        "é" * 300,
    ]
)
_TEXTS: Final = st.one_of(
    st.sampled_from(["", " ", "x" * 101, "x" * 256, "x" * 501, "x" * 2049, "🔑" * 200, "a:b:c:d", "{", "'"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)
_INSTANTS: Final = st.sampled_from(
    [
        "2024-05-01 12:00",
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "294276-01-01",
        "0001-01-01",
        "9999-12-31 23:59:59.999",
    ]
)
_STATUSES: Final = st.sampled_from(
    [*RequestStatus, *DownloadStatus, "PENDING", "processing", "partially-available", "denied", "cancelled", "what"]
).map(str)
_JSON: Final = st.sampled_from(
    [None, "{}", "[]", '"text"', "1e300", '{"jobId": 1, "files": [{"path": "/a"}, 3]}', '{"files": 3, "error": 4}']
)
_USERS: Final = st.fixed_dictionaries(
    {
        "id": _IDS,
        "email": st.one_of(st.sampled_from(["a@x", "b@x"]), _TEXTS),
        "plex_id": st.one_of(st.none(), st.sampled_from(["1", "2", "local:a@x"]), _TEXTS),
        "name": st.one_of(st.none(), _TEXTS),
        "role": st.sampled_from(["USER", "ADMIN", "user", "admin", "", "root"]),
        "status": _STATUSES,
        "created_at": _INSTANTS,
        "last_login_at": st.one_of(st.none(), _INSTANTS),
        "password_hash": st.one_of(st.none(), st.just(HASH), _TEXTS),
        "plex_token": st.one_of(st.none(), _TEXTS),
    }
)
_REQUESTS: Final = st.fixed_dictionaries(
    {
        "id": _IDS,
        "title": _TEXTS,
        "media_type": _TEXTS,
        "tmdb_id": st.one_of(st.none(), st.sampled_from(["1", "2"]), _TEXTS),
        "status": _STATUSES,
        "created_at": _INSTANTS,
        "completed_at": st.one_of(st.none(), _INSTANTS),
    }
)
_DOWNLOADS: Final = st.fixed_dictionaries(
    {
        "id": _IDS,
        "playlist_url": st.one_of(st.sampled_from(["https://y/1", "https://y/2"]), _TEXTS),
        "status": _STATUSES,
        "file_paths": _JSON,
        "created_at": _INSTANTS,
    }
)


_Tables = dict[str, list[dict[str, Any]]]


def _unique(rows: st.SearchStrategy[dict[str, Any]], *keys: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, min_size=1, max_size=6, unique_by=tuple(map(itemgetter, keys)))


@st.composite
def _sources(draw: st.DrawFn) -> _Tables:
    tables = {
        "users": draw(_unique(_USERS, "id", "email")),
        "media_requests": draw(_unique(_REQUESTS, "id")),
        "youtube_downloads": draw(_unique(_DOWNLOADS, "id")),
    }
    return _consistent(draw, tables)


@st.composite
def _changed_sources(draw: st.DrawFn) -> tuple[_Tables, _Tables]:
    """Draw a source, and the same one later: rows are gone, changed and new."""
    before, other = draw(_sources()), draw(_sources())
    after: _Tables = {}
    for table, rows in before.items():
        after[table] = [row for row in rows if draw(st.booleans())] or rows[:1]
        for row in other[table]:
            if all(row[key] != kept.get(key) for kept in after[table] for key in ("id", "email") if key in row):
                after[table].append(row)
    return before, _consistent(draw, after)


def _consistent(draw: st.DrawFn, tables: _Tables) -> _Tables:
    """Copy a source, with a Plex id for one user alone, and an owner for each row."""
    seen: set[str | None] = set()
    users = []
    for user in tables["users"]:
        users.append({**user, "plex_id": None if user["plex_id"] in seen else user["plex_id"]})
        seen.add(user["plex_id"])
    owners = st.sampled_from([user["id"] for user in users])
    owned = {
        table: [{**row, "user_id": draw(owners)} for row in rows] for table, rows in tables.items() if table != "users"
    }
    return {"users": users, **owned}


_run = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(_run, max_examples=25)
@given(tables=_sources())
async def test_every_row_comes_or_is_reported(fresh_db: DatabaseUrl, tables: _Tables) -> None:
    source = await _fill(fresh_db, tables)
    report = await import_prisma(source)
    async with direct_connection(fresh_db) as connection:
        for table, rows in tables.items():
            here = {row["id"] for row in await connection.fetch(f"SELECT id FROM {table}")}
            missing = {row["id"] for row in rows if new_id(row["id"]) not in here}
            assert missing == {row.id for row in report.tables[table].left_out}
            assert len(here) + len(missing) == len(rows)
        assert report.tables["users"].left_out == []
        again = await import_prisma(source)
        assert all((table.new, table.updated) == (0, 0) for table in again.tables.values())
        await connection.execute(_EMPTY)


@settings(_run, max_examples=25)
@given(sources=_changed_sources())
async def test_a_second_run_ends_where_a_first_one_would(
    fresh_db: DatabaseUrl, sources: tuple[_Tables, _Tables]
) -> None:
    before, after = sources
    left_out = (await import_prisma(await _fill(fresh_db, after))).tables
    async with direct_connection(fresh_db) as connection:
        expected = await _state(connection)
        await connection.execute(_EMPTY)
        await import_prisma(await _fill(fresh_db, before))
        # What is left out now, and came before, stays as it was, and may be in another's way.
        for table, rows in after.items():
            missing = {row.id for row in left_out[table].left_out}
            after[table] = [row for row in rows if row["id"] not in missing]
        source = await _fill(fresh_db, after)
        report = await import_prisma(source)
        found = await _state(connection)
        assert {key: found.get(key) for key in expected} == expected
        gone = {str(new_id(row.id)) for table in report.tables.values() for row in table.gone}
        assert {str(id_) for table, id_ in found.keys() - expected.keys() if table != "local_credentials"} <= gone
        again = await import_prisma(source)
        assert all((table.new, table.updated) == (0, 0) for table in again.tables.values())
        await connection.execute(_EMPTY)


_CREATION: Final = ("users", "created_at")
_EMPTY: Final = f"TRUNCATE imported_rows, {', '.join(target.name for target in TARGETS)} CASCADE"


async def _state(connection: Connection[Any]) -> dict[tuple[str, UUID], dict[str, Any]]:
    """Read what an import writes, by table and id, except when a user was created: perhaps at the import."""
    state = {}
    for target in TARGETS:
        if target.name not in ("users", "local_credentials", "media_requests", "youtube_downloads"):
            continue
        for record in await connection.fetch(f"SELECT * FROM {target.name}"):
            row = {column: record[column] for column in target.columns if (target.name, column) != _CREATION}
            if target.name == "users":
                token = User.from_row(dict(record)).plex_token
                row["plex_token"] = token and token.get_secret_value()
            if target.name == "media_requests":
                row["messages"] = await connection.fetch(
                    "SELECT status, message FROM media_request_status_updates WHERE request_id = $1", record["id"]
                )
            state[target.name, record["id"]] = row
    return state


async def _fill(url: DatabaseUrl, tables: _Tables) -> DatabaseUrl:
    async with direct_connection(url) as connection:
        await connection.execute("DROP SCHEMA IF EXISTS prisma_u CASCADE")
    await make_source(url, "u")
    source = replace(url, schema="prisma_u")
    async with direct_connection(source) as connection:
        for table, rows in tables.items():
            for row in rows:
                # The columns' types are jsonb_populate_record's business.
                await connection.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) SELECT {', '.join(row)} "
                    f"FROM jsonb_populate_record(NULL::{table}, $1::jsonb)",
                    json.dumps({**row, "file_paths": row.get("file_paths") and json.loads(row["file_paths"])}),
                )
    return source
