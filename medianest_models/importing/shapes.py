"""The two shapes of a source, as SELECTs that name every column as our tables do.

S is the schema of the setup that this package ports: quoted camelCase, enum types. U is the public project
KingInYellow18/medianest: snake_case, texts for enums. docs/from-prisma.md describes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Catalog = Mapping[str, Mapping[str, str]]
"""The columns of each table, with their types."""

TEXT: Final = "text"
INSTANT: Final = "timestamptz"
NUMBER: Final = "bigint"
FLAG: Final = "boolean"
DOCUMENT: Final = "jsonb"

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "users": {
        "plex_id": TEXT,
        "plex_username": TEXT,
        "name": TEXT,
        "email": TEXT,
        "role": TEXT,
        "plex_token": TEXT,
        "created_at": INSTANT,
        "last_login_at": INSTANT,
        "status": TEXT,
        "password_hash": TEXT,
        "must_change_password": FLAG,
    },
    "services": {
        "number": TEXT,
        "name": TEXT,
        "display_name": TEXT,
        "url": TEXT,
        "api_key": TEXT,
        "enabled": FLAG,
        "config_data": DOCUMENT,
        "created_at": INSTANT,
    },
    "system_config": {"key": TEXT, "value": DOCUMENT, "description": TEXT, "updated_by": TEXT},
    "media_requests": {
        "user_id": TEXT,
        "title": TEXT,
        "media_type": TEXT,
        "tmdb_id": TEXT,
        "imdb_id": TEXT,
        "status": TEXT,
        "overseerr_id": TEXT,
        "request_data": DOCUMENT,
        "created_at": INSTANT,
        "completed_at": INSTANT,
    },
    "media_request_status_updates": {"request_id": TEXT, "status": TEXT, "message": TEXT, "created_at": INSTANT},
    "youtube_downloads": {
        "user_id": TEXT,
        "playlist_url": TEXT,
        "playlist_title": TEXT,
        "status": TEXT,
        "file_paths": DOCUMENT,
        "plex_collection_id": TEXT,
        "progress": NUMBER,
        "error_message": TEXT,
        "metadata": DOCUMENT,
        "created_at": INSTANT,
        "started_at": INSTANT,
        "completed_at": INSTANT,
    },
    "service_status_history": {
        "service_id": TEXT,
        "status": TEXT,
        "response_time_ms": NUMBER,
        "error_message": TEXT,
        "checked_at": INSTANT,
    },
    "session_tokens": {
        "user_id": TEXT,
        "token_hash": TEXT,
        "device_fingerprint": TEXT,
        "ip_address": TEXT,
        "user_agent": TEXT,
        "expires_at": INSTANT,
        "created_at": INSTANT,
        "last_used_at": INSTANT,
    },
    "rate_limits": {
        "user_id": TEXT,
        "ip_address": TEXT,
        "endpoint": TEXT,
        "request_count": NUMBER,
        "window_start": INSTANT,
    },
    "activity_logs": {
        "user_id": TEXT,
        "action": TEXT,
        "entity_type": TEXT,
        "entity_id": TEXT,
        "metadata": DOCUMENT,
        "ip_address": TEXT,
        "user_agent": TEXT,
        "created_at": INSTANT,
    },
}
"""The columns that are read for each of our tables. A reference is the source's id, of a service its name.

The `number` of a service is its id, which entries of the log refer to.
"""


# What Python's datetime holds in UTC, without its ends, which asyncpg takes for infinity. In another zone it is a day
# less, which the offset may take.
_UTC_BOUNDS: Final = "'0001-01-01 00:00:00.001' AND '9999-12-31 23:59:59.999'"
_BOUNDS: Final = "'0001-01-02' AND '9999-12-30'"

_SELECT: Final = """
SELECT {id}::text AS source_id, md5(s::text) AS digest, array_remove(ARRAY[{unreadable}]::text[], NULL) AS unreadable,
    {columns}
FROM {table} AS s ORDER BY s.id
"""


@dataclass(frozen=True)
class Shape:
    """One way in which Prisma laid out a MediaNest.

    Attributes:
        name: S or U.
        description: Its name in the first line of the output.
        marks: Tables and columns by which it is recognised.
        tables: For each of our tables, the source's table, or a SELECT in brackets.
        columns: For each of our tables, SQL for columns that have another name in the source.
        ids: For each of our tables, SQL for the name of a row, if that is not its id.
        within: Tables that are read by such a SELECT.
        optional: Columns that not every database of this shape has, as `table.column`.
        camel_case: Whether columns are named in camelCase.
    """

    name: str
    description: str
    marks: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, str]
    columns: Mapping[str, Mapping[str, str]]
    ids: Mapping[str, str]
    optional: tuple[str, ...] = ()
    within: frozenset[str] = frozenset()
    camel_case: bool = False

    def select(self, entity: str, catalog: Catalog, zone: str) -> str:
        """Build the statement that reads the rows for one of our tables, with our column names.

        An instant that Python can't represent (BC, after the year 9999, infinity) is read as NULL, and its column is
        listed in `unreadable`.
        """
        there = catalog.get(self.tables[entity], {})
        chosen, unreadable = [], []
        for column, type_ in COLUMNS[entity].items():
            name = self._in_source(column)
            value = self.columns.get(entity, {}).get(column) or (f's."{name}"' if name in there else "NULL")
            if type_ == INSTANT and value != "NULL":
                bounds = _UTC_BOUNDS if zone == "UTC" else _BOUNDS
                held = f"(isfinite({value}) AND {value} BETWEEN {bounds})"
                unreadable.append(f"CASE WHEN NOT {held} THEN '{column}' END")
                if there.get(name) != "timestamp with time zone":
                    value = f"{value} AT TIME ZONE '{zone}'"
                value = f"CASE WHEN {held} THEN {value} END"
            chosen.append(f"({value})::{type_} AS {column}")
        return _SELECT.format(
            id=self.ids.get(entity, "s.id"),
            unreadable=", ".join(unreadable) or "NULL",
            columns=", ".join(chosen),
            table=self.tables[entity],
        )

    def _in_source(self, column: str) -> str:
        first, *rest = column.split("_")
        return first + "".join(part.capitalize() for part in rest) if self.camel_case else column


OURS: Final = {"users": ("plex_id",), "local_credentials": ("password_hash",)}

_S: Final = Shape(
    name="S",
    description="shape S, the schema of the Prisma setup",
    marks={"users": ("plexId", "plexUsername"), "media_requests": ("userId", "mediaType")},
    tables={entity: entity for entity in COLUMNS},
    columns={
        "services": {"number": 's."id"'},
        "service_status_history": {"service_id": 'SELECT v."name" FROM "services" AS v WHERE v."id" = s."serviceId"'},
    },
    ids={"services": 's."name"', "system_config": 's."key"'},
    camel_case=True,
)

# A service may have been checked and never configured.
_SERVICES_OF_U: Final = """(
    SELECT id, service_name, service_url, api_key, enabled, config_data FROM service_config
    UNION ALL
    SELECT -id, service_name, NULL, NULL, TRUE, NULL FROM service_status
    WHERE service_name NOT IN (SELECT service_name FROM service_config)
)"""

_U: Final = Shape(
    name="U",
    description="shape U, of KingInYellow18/medianest",
    marks={
        "users": ("plex_id", "requires_password_change"),
        "service_config": ("service_name", "service_url"),
        "service_status": ("service_name", "last_check_at"),
    },
    tables={
        "users": "users",
        "services": _SERVICES_OF_U,
        "media_requests": "media_requests",
        "youtube_downloads": "youtube_downloads",
        # A row with neither is of a service that was never checked.
        "service_status_history": "(SELECT * FROM service_status WHERE num_nonnulls(status, last_check_at) > 0)",
        "session_tokens": "session_tokens",
        "rate_limits": "rate_limits",
    },
    columns={
        "users": {"must_change_password": "s.requires_password_change"},
        "services": {
            "name": "s.service_name",
            "url": "s.service_url",
            "api_key": "s.api_key",
            "enabled": "s.enabled",
            "config_data": "s.config_data",
        },
        "service_status_history": {
            "service_id": "s.service_name",
            "status": "s.status",
            "response_time_ms": "s.response_time_ms",
            "checked_at": "s.last_check_at",
        },
    },
    ids={"services": "s.service_name", "service_status_history": "concat(s.service_name, ' at ', s.last_check_at)"},
    optional=("users.password_hash",),
    within=frozenset({"service_config", "service_status"}),
)

SHAPES: Final = (_S, _U)
