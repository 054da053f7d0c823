"""Random rows: each of them is in our table afterwards, or in the report with the reason; and a second run is none."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medianest_models.db.direct import direct_connection
from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.importing import import_prisma
from medianest_models.importing.rows import new_id
from medianest_models.importing.targets import TARGETS
from medianest_models.settings import DatabaseUrl
from tests.importing.sources import make_source

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
        "email": _TEXTS,
        "plex_id": st.one_of(st.none(), _TEXTS),
        "name": st.one_of(st.none(), _TEXTS),
        "role": st.sampled_from(["USER", "ADMIN", "user", "admin", "", "root"]),
        "status": _STATUSES,
        "created_at": _INSTANTS,
        "last_login_at": st.one_of(st.none(), _INSTANTS),
        "password_hash": st.one_of(st.none(), _TEXTS),
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


def _unique(rows: st.SearchStrategy[dict[str, Any]], *keys: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, min_size=1, max_size=6, unique_by=tuple(map(itemgetter, keys)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=_unique(_USERS, "id", "email"),
    requests=_unique(_REQUESTS, "id"),
    downloads=_unique(_DOWNLOADS, "id"),
    data=st.data(),
)
async def test_every_row_comes_or_is_reported(
    fresh_db: DatabaseUrl, people: Any, requests: Any, downloads: Any, data: st.DataObject
) -> None:
    seen: set[str] = set()
    for person in people:  # plex_id is unique in the source
        person["plex_id"] = None if person["plex_id"] in seen else person["plex_id"]
        seen.add(person["plex_id"])
    owners = st.sampled_from([person["id"] for person in people])
    for row in (*requests, *downloads):
        row["user_id"] = data.draw(owners)
    source = await _fill(fresh_db, users=people, media_requests=requests, youtube_downloads=downloads)
    report = await import_prisma(source)
    async with direct_connection(fresh_db) as connection:
        for table, rows in (("users", people), ("media_requests", requests), ("youtube_downloads", downloads)):
            here = {row["id"] for row in await connection.fetch(f"SELECT id FROM {table}")}
            missing = {row["id"] for row in rows if new_id(row["id"]) not in here}
            assert missing == {row.id for row in report.tables[table].left_out}
            assert len(here) + len(missing) == len(rows)
        assert report.tables["users"].left_out == []
        again = await import_prisma(source)
        assert all((table.new, table.updated) == (0, 0) for table in again.tables.values())
        await connection.execute(f"TRUNCATE imported_rows, {', '.join(target.name for target in TARGETS)} CASCADE")


async def _fill(url: DatabaseUrl, **tables: list[dict[str, Any]]) -> DatabaseUrl:
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
