"""Merging into our tables: rows are staged in a temporary table, compared with the existing rows, then written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from asyncpg import Connection

from medianest_models.errors import ImportCheckError
from medianest_models.importing.rows import Row

_CREATE_STAGING: Final = """
CREATE TEMP TABLE {staging} (
    source_id text, digest text, notes text[], problem text, fate text, keeps_secrets boolean,
    id {id_type}, {definitions}
) ON COMMIT DROP
"""

_REMEMBERED: Final = "j.table_name = '{name}' AND j.source_id = s.source_id"

_FIND_REMEMBERED: Final = """
UPDATE {staging} AS s SET id = j.target_id::{id_type} FROM imported_rows AS j WHERE {remembered}
"""

# An existing row that came from another row of the source is not this one, even if it has its key.
_FIND_BY_KEY: Final = """
UPDATE {staging} AS s SET id = t.id FROM {name} AS t
WHERE t.{key} = s.{key} AND {identifies} AND s.fate IS NULL
    AND NOT EXISTS (SELECT FROM imported_rows AS j WHERE {remembered})
    AND NOT EXISTS (SELECT FROM imported_rows AS j WHERE j.table_name = '{name}' AND j.target_id = t.id::text)
"""

_DECIDE: Final = """
UPDATE {staging} AS d SET fate = CASE WHEN t.id IS NOT NULL THEN 'there' ELSE 'new' END
FROM {staging} AS s LEFT JOIN {name} AS t ON t.id = s.id
WHERE d.source_id = s.source_id AND s.fate IS NULL
"""

# The time of the import stands for an instant that the source lacks, until then and ever after.
_FILL_CREATED: Final = """
UPDATE {staging} AS s SET created_at = coalesce((SELECT t.created_at FROM {name} AS t WHERE t.id = s.id), now())
WHERE s.created_at IS NULL AND s.fate IS NULL
"""

# A row that is as the last import left it is written again, as a first import would write it now: its values may depend
# on other rows. A row that existed before the first import has no target digest.
_DECIDE_BY_MEMORY: Final = """
UPDATE {staging} AS d SET fate = CASE
    WHEN j.source_id IS NOT NULL AND t.id IS NULL THEN 'deleted here'
    WHEN j.target_digest = {digest} THEN 'updated'
    WHEN j.source_digest IN (s.digest, {incomplete}) THEN 'there'
    WHEN j.target_digest IS NOT NULL THEN 'changed here'
    WHEN t.id IS NULL THEN 'new'
    WHEN ROW({written}) IS NOT DISTINCT FROM ROW({read}) THEN 'there'
    WHEN j.source_id IS NULL AND {replaceable} THEN 'updated'
    ELSE 'existed' END
FROM {staging} AS s LEFT JOIN {name} AS t ON t.id = s.id LEFT JOIN imported_rows AS j ON {remembered}
WHERE d.source_id = s.source_id AND s.fate IS NULL
"""

# A row that is gone in the source, and unchanged here, gives way to one that can't be beside it.
_STAGE_GONE: Final = """
INSERT INTO {staging} (source_id, notes, fate, id, {columns})
SELECT j.source_id, ARRAY['gone in the source, gave way to another row: {gives_way}'], 'updated', t.id, {given_way}
FROM {name} AS t
JOIN imported_rows AS j ON j.table_name = '{name}' AND j.target_id = t.id::text AND j.target_digest = {digest}
WHERE NOT EXISTS (SELECT FROM {staging} AS s WHERE s.source_id = j.source_id)
    AND EXISTS (SELECT FROM {staging} AS s WHERE s.fate IN ('new', 'updated') AND {excludes})
"""

# A secret that was written here since the import stays, and so does any that was not decrypted, because its row has not
# changed or it can't be; unless its row gets another key, because it is bound to that.
_KEEP_SECRETS: Final = """
UPDATE {staging} AS s SET keeps_secrets = TRUE,
    notes = CASE
        WHEN s.problem IS NULL AND j.secret_digest IS DISTINCT FROM {secret_digest}
        THEN s.notes || 'its secrets were changed here, and stay'::text
        ELSE s.notes END
FROM {name} AS t, imported_rows AS j
WHERE t.id = s.id AND {remembered} AND s.fate = 'updated' AND t.{key} = s.{key}
    AND (s.problem IS NOT NULL OR j.source_digest = s.digest OR j.secret_digest IS DISTINCT FROM {secret_digest})
"""

_LEAVE_EQUAL: Final = """
UPDATE {staging} AS s SET fate = 'there' FROM {name} AS t
WHERE t.id = s.id AND s.fate = 'updated' AND ROW({written}) IS NOT DISTINCT FROM ROW({read}) AND {has_secrets}
"""

_UPDATE: Final = "UPDATE {name} AS t SET {assignments} FROM {staging} AS s WHERE t.id = s.id AND s.fate = 'updated'"

_INSERT: Final = """
INSERT INTO {name} (id, {columns}) SELECT {new_id}, {columns} FROM {staging} AS s WHERE fate = 'new'
"""

_FIND_NEW: Final = "UPDATE {staging} AS s SET id = t.id FROM {name} AS t WHERE t.{key} = s.{key} AND s.fate = 'new'"

# The secrets of an incomplete row are to be tried again by the next run, so its source digest is another.
_REMEMBER: Final = """
INSERT INTO imported_rows AS i (table_name, source_id, target_id, source_digest, target_digest, secret_digest)
SELECT '{name}', s.source_id, t.id::text, {source_digest},
    CASE WHEN s.fate IN ('new', 'updated') OR (s.fate = 'there' AND j.source_id IS NULL) THEN {digest} END,
    CASE WHEN s.fate IN ('new', 'updated') AND s.keeps_secrets IS NOT TRUE
        THEN {secret_digest} ELSE coalesce(j.secret_digest, 'kept') END
FROM {staging} AS s JOIN {name} AS t ON t.id = s.id LEFT JOIN imported_rows AS j ON {remembered}
WHERE s.fate IN ('new', 'updated', 'existed') OR (s.fate = 'there' AND j.source_digest IS DISTINCT FROM {source_digest})
ON CONFLICT (table_name, source_id) DO UPDATE
SET source_digest = excluded.source_digest, target_digest = coalesce(excluded.target_digest, i.target_digest),
    secret_digest = excluded.secret_digest
"""

_GONE: Final = """
SELECT j.source_id FROM imported_rows AS j JOIN {name} AS t ON t.id::text = j.target_id
WHERE j.table_name = '{name}' AND NOT EXISTS (
    SELECT FROM {staging} AS s WHERE s.source_id = j.source_id AND s.digest IS NOT NULL
)
ORDER BY j.source_id
"""

_DIFFERENT: Final = """
SELECT s.source_id
FROM (SELECT * FROM {staging} WHERE fate IN ('new', 'updated') LIMIT 20000) AS s LEFT JOIN {name} AS t ON t.id = s.id
WHERE ROW({written}) IS DISTINCT FROM ROW({read})
LIMIT 1
"""


@dataclass(frozen=True)
class Target:
    """One of our tables.

    Attributes:
        name: Its name.
        columns: The columns to write, with their types; `id` comes with them.
        key: The unique column that identifies an existing row, in addition to the id.
        identifies: SQL for the keys that tell who a row is, and do not only look like it.
        secrets: Columns with envelopes, which are stored differently each time.
        uncompared: Columns whose values differ from run to run.
        replaceable: SQL for the existing rows that may be overwritten although they were not imported.
        is_history: Whether nothing is remembered of its rows, which never change; but for counters, which only rise.
        has_serial: Whether the ids come from the table's sequence.
        excludes: SQL for a staged row `s` that can't be beside an existing row `t`, because of a unique index.
        gives_way: The columns, with SQL for their values, of an existing row that gives way.
        settle: SQL that resolves conflicts among the staged rows before they are written.
        announce: SQL that adds what the written rows need elsewhere.
        release: SQL that frees what a unique index allows once, in the rows to be updated, before they are.
    """

    name: str
    columns: Mapping[str, str]
    key: str | None = None
    identifies: str = "TRUE"
    secrets: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    replaceable: str = "FALSE"
    is_history: bool = False
    has_serial: bool = False
    excludes: str | None = None
    gives_way: Mapping[str, str] = field(default_factory=dict)
    settle: str | None = None
    release: str | None = None
    announce: str | None = None

    @property
    def staging(self) -> str:
        """The name of its temporary table."""
        return f"import_{self.name}"

    async def stage(self, connection: Connection[Any], rows: Iterable[Row]) -> None:
        """Copy rows to the temporary table."""
        records = [
            (
                row.source_id,
                row.values["digest"],
                row.notes,
                row.problem,
                row.fate,
                None if self.has_serial else row.id,
                *(None if row.fate else row.values[column] for column in self.columns),
            )
            for row in rows
        ]
        columns = ["source_id", "digest", "notes", "problem", "fate", "id", *self.columns]
        await connection.copy_records_to_table(self.staging, records=records, columns=columns)

    async def create_staging(self, connection: Connection[Any]) -> None:
        """Create the temporary table, which is dropped at the end of the transaction."""
        await connection.execute(self._sql(_CREATE_STAGING))

    async def merge(self, connection: Connection[Any]) -> None:
        """Decide the fate of each staged row, and write the updated and new ones."""
        await connection.execute(f"ANALYZE {self.staging}")
        if self.is_history:
            steps = [_DECIDE, self.settle, _UPDATE, _INSERT]
        else:
            steps = [
                _FIND_REMEMBERED,
                self.key and _FIND_BY_KEY,
                _FILL_CREATED if "created_at" in self.columns else None,
                _DECIDE_BY_MEMORY,
                self.excludes and _STAGE_GONE,
                self.settle,
                _KEEP_SECRETS if self.secrets else None,
                _LEAVE_EQUAL,
                self.release,
                _UPDATE,
                _INSERT,
                _FIND_NEW if self.has_serial else None,
                self.announce,
                _REMEMBER,
            ]
        for template in filter(None, steps):
            # What is settled for one row may change what is right for another.
            while await connection.execute(self._sql(template)) != "UPDATE 0" and template is self.settle:
                pass

    async def find_gone(self, connection: Connection[Any]) -> list[str]:
        """Find the rows that were imported, and are gone in the source."""
        return [] if self.is_history else [row["source_id"] for row in await connection.fetch(self._sql(_GONE))]

    async def check(self, connection: Connection[Any]) -> None:
        """Compare up to 20,000 written rows with the rows that were read.

        Raises:
            ImportCheckError: They differ.
        """
        different = await connection.fetchval(self._sql(_DIFFERENT))
        if different is not None:
            raise ImportCheckError(f"{self.name}: what was written for id {different} is not what was read")

    def _sql(self, template: str) -> str:
        steady = [column for column in self.columns if column not in (*self.secrets, *self.uncompared)]
        written, read = (", ".join(f"{alias}.{column}" for column in steady) for alias in "ts")
        kept = "CASE WHEN s.keeps_secrets THEN t.{0} ELSE s.{0} END"
        values = {column: kept.format(column) if column in self.secrets else f"s.{column}" for column in self.columns}
        secrets, new_secrets = (", ".join(f"{alias}.{column}" for column in self.secrets) for alias in "ts")
        incomplete = "md5(s.digest)"
        return template.format(
            name=self.name,
            staging=self.staging,
            key=self.key,
            identifies=self.identifies,
            remembered=_REMEMBERED.format(name=self.name),
            id_type="int" if self.has_serial else "uuid",
            new_id=f"nextval('{self.name}_id_seq')" if self.has_serial else "s.id",
            definitions=", ".join(f"{column} {type_}" for column, type_ in self.columns.items()),
            columns=", ".join(self.columns),
            written=written,
            read=read,
            assignments=", ".join(f"{column} = {value}" for column, value in values.items()),
            digest=f"md5(ROW({written})::text)",
            secret_digest=f"md5(ROW({secrets})::text)" if secrets else "NULL",
            has_secrets=f"(s.keeps_secrets OR ROW({secrets}) IS NOT DISTINCT FROM ROW({new_secrets}))"
            if secrets
            else "TRUE",
            # A row that gave way is none of the source.
            source_digest=f"coalesce(CASE WHEN s.problem IS NULL THEN s.digest ELSE {incomplete} END, '')",
            incomplete=incomplete,
            excludes=self.excludes,
            gives_way=", ".join(self.gives_way),
            given_way=", ".join(self.gives_way.get(column, f"t.{column}") for column in self.columns),
            replaceable=self.replaceable,
        )
