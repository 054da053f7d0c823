"""References between rows: the source's ids, replaced by ours."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, uuid5

from asyncpg import Connection

from medianest_models.importing.rows import Row, new_id

_BELONGS_TO: Final = {
    "local_credentials": ("user_id", "users"),
    "media_requests": ("user_id", "users"),
    "media_request_status_updates": ("request_id", "media_requests"),
    "youtube_downloads": ("user_id", "users"),
    "session_tokens": ("user_id", "users"),
    "rate_limits": ("user_id", "users"),
    "service_status_history": ("service_id", "services"),
}
"""For each table, its required reference: the column, and the table that it refers to."""

_ENTITIES: Final = {
    "user": "users",
    "media_request": "media_requests",
    "request": "media_requests",
    "youtube_download": "youtube_downloads",
    "download": "youtube_downloads",
    "session": "session_tokens",
    "session_token": "session_tokens",
    "service": "services",
}
"""The tables of the entities in the log whose ids are mapped."""

_NAMES: Final = {"users": "user", "media_requests": "request", "services": "service"}

_ABSENT: Final = "SELECT source_id, fate FROM import_{name} WHERE fate IN ('left out', 'deleted here')"
_HERE: Final = "SELECT source_id, id FROM import_{name} WHERE fate NOT IN ('left out', 'deleted here')"


class References:
    """The ids of the rows imported so far."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, UUID | int]] = {}
        self._absent: dict[str, dict[str, str]] = {}
        self._other_ids: dict[tuple[str | None, str], str] = {}
        """Our ids for the rows with a different id in the source."""
        self._services: dict[str, str] = {}
        """The names of the source's services, by which they are known, by their ids there."""
        self._plex_ids: set[str] = set()

    def resolve(self, table: str, row: Row) -> None:
        """Replace the source's ids by ours; leave the row out if the row that it refers to is missing."""
        values = row.values
        if table == "users":
            if values["plex_id"] in self._plex_ids:
                row.notes.append("plex_id: another user has the same, replaced")
                values["plex_id"] = f"local:{row.id}"
                values["digest"] = uuid5(row.id, values["digest"]).hex  # it has to change when the other user does
            self._plex_ids.add(values["plex_id"])
        elif table == "services":
            self._services[values["number"]] = row.source_id
        elif table in _BELONGS_TO:
            self._refer(row, *_BELONGS_TO[table])
        elif table == "system_config":
            values["updated_by"] = self._ids["users"].get(values["updated_by"])
        elif table == "activity_logs":
            values["user_id"] = self._ids["users"].get(values["user_id"])  # an entry survives its user
            entity = (_ENTITIES.get(values["entity_type"]), values["entity_id"])
            values["entity_id"] = self._other_ids.get(entity, values["entity_id"])
        if table != "services" and table in _ENTITIES.values() and str(row.id) != row.source_id:
            self._other_ids[table, row.source_id] = str(row.id)

    async def learn(self, connection: Connection[Any], table: str) -> None:
        """Note which rows of a merged table are present, and which are missing."""
        if table not in _NAMES:
            return
        self._absent[table] = dict(await connection.fetch(_ABSENT.format(name=table)))
        if table != "media_requests":  # there are many, and their ids are made of the source's
            self._ids[table] = dict(await connection.fetch(_HERE.format(name=table)))
        if table == "users":
            self._other_ids |= {(table, source): str(ours) for source, ours in self._ids[table].items()}
        elif table == "services":
            names = self._services.items()
            self._other_ids |= {
                (table, number): str(self._ids[table][name]) for number, name in names if name in self._ids[table]
            }

    def _refer(self, row: Row, column: str, table: str) -> None:
        source_id = row.values[column]
        if source_id is None:
            return
        fate = self._absent[table].get(source_id)
        if fate is not None:
            row.leave_out(
                f"its {_NAMES[table]} {'did not come' if fate == 'left out' else 'was deleted here'}", fate=fate
            )
        ids = self._ids.get(table)
        row.values[column] = new_id(source_id) if ids is None else ids.get(source_id)
        if row.values[column] is None:  # in a source without foreign keys
            row.leave_out(f"its {_NAMES[table]} does not exist")
