"""The source: recognizing its shape, and reading one snapshot of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asyncpg import Connection, Record

from medianest_models.db.direct import direct_connection
from medianest_models.db.driver_errors import translate
from medianest_models.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    InvalidInputError,
    MedianestError,
    replace_errors,
)
from medianest_models.importing.shapes import OURS, SHAPES, Catalog, Shape
from medianest_models.settings import DatabaseUrl

_ROWS_AT_ONCE: Final = 2_000

# While secrets are decrypted, the transactions on both sides are idle for minutes.
WITHOUT_LIMITS: Final = """
SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0
"""

_COLUMNS: Final = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p')
    AND a.attnum > 0 AND NOT a.attisdropped
"""

# An abbreviation such as EST is one offset the whole year.
_KNOWS_ZONE: Final = "SELECT $1 LIKE '%/%' AND EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)"

_OTHER: Final = "lacks a table or column that a database of its shape has"
_FAILURES: Final = {
    "42501": "its user may not read all rows: GRANT SELECT ON ALL TABLES IN SCHEMA, or BYPASSRLS if policies hide some",
    "42703": _OTHER,
    "42P01": _OTHER,
}
"""The meaning of PostgreSQL's error codes when a source is read."""

_COUNT: Final = "SELECT count(*) FROM {table} AS s"
_OLDEST: Final = "SELECT min({column}) FROM ({rows}) AS rows"

_UNFINISHED: Final = """
SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at
"""


@dataclass(frozen=True)
class Source:
    """A snapshot of the database to import from."""

    name: str
    connection: Connection[Any]
    shape: Shape
    catalog: Catalog
    zone: str

    @property
    def variant(self) -> str:
        """The shape, with the tables and columns that are missing, and the tables that are not copied."""
        lacking = [table for table in self.shape.tables.values() if not self._has(table)]
        for name in self.shape.optional:
            table, _, column = name.partition(".")
            lacking += [] if column in self.catalog[table] else [name]
        notes = [f"without {', '.join(lacking)}"] if lacking else []
        notes += [f"with {', '.join(self.not_copied)}"] if self.not_copied else []
        return "; ".join([self.shape.description, *notes])

    @property
    def entities(self) -> set[str]:
        """Our tables for which the source has rows."""
        return {entity for entity, table in self.shape.tables.items() if self._has(table)}

    @property
    def not_copied(self) -> list[str]:
        """The tables of the source that are only counted."""
        copied = {*self.shape.tables.values(), *self.shape.within, "_prisma_migrations"}
        return sorted(self.catalog.keys() - copied)

    async def count(self, entity: str) -> int:
        """Count the rows for one of our tables."""
        return await self._count(self.shape.tables[entity])

    async def oldest(self, entity: str, column: str) -> datetime | None:
        """Return the earliest instant in a column for one of our tables."""
        with self.named_errors():
            found: datetime | None = await self.connection.fetchval(
                _OLDEST.format(column=column, rows=self.shape.select(entity, self.catalog, self.zone))
            )
        return found

    async def count_not_copied(self) -> dict[str, int]:
        """Count the rows of each table that is not copied."""
        return {table: await self._count(f'"{table}"') for table in self.not_copied}

    async def batches(self, entity: str) -> AsyncIterator[Sequence[Record]]:
        """Read the rows for one of our tables in batches, ordered by id."""
        with self.named_errors():
            cursor = await self.connection.cursor(self.shape.select(entity, self.catalog, self.zone))
        while True:
            with self.named_errors():
                rows = await cursor.fetch(_ROWS_AT_ONCE)
            if not rows:
                return
            yield rows

    def named_errors(self) -> replace_errors[Exception]:
        """Replace errors of the source's server by ours, which name the source."""
        return replace_errors(Exception, self._replacement)

    async def _count(self, table: str) -> int:
        with self.named_errors():
            number: int = await self.connection.fetchval(_COUNT.format(table=table))
        return number

    def _has(self, table: str) -> bool:
        return table.startswith("(") or table in self.catalog

    def _replacement(self, error: Exception) -> MedianestError | None:
        told = _FAILURES.get(getattr(error, "sqlstate", None) or "")
        return ConfigurationError(f"{self.name}: {told}") if told else _named(self.name, translate(error))


def _named(name: str, error: MedianestError | None) -> MedianestError | None:
    """Name the source in an error, which would otherwise be taken for one of our own database."""
    text = str(error).replace("DATABASE_URL", "its URL").replace(" (`medianest db up` starts the embedded one)", "")
    return error and type(error)(f"{name}: {text}")


@asynccontextmanager
async def open_source(url: DatabaseUrl, zone: str) -> AsyncIterator[Source]:
    """Open a source in one read-only transaction, as an async context manager.

    Raises:
        InvalidInputError: The server knows no such time zone.
        ConfigurationError: The database has neither shape, or a failed migration.
        DatabaseUnavailableError: The source can't be reached.
    """
    name = f"the source {url.masked}" + (f" (schema {url.schema})" if url.schema else "")
    async with AsyncExitStack() as stack:
        with replace_errors(DatabaseUnavailableError, lambda error: _named(name, error)):
            connection = await stack.enter_async_context(direct_connection(url))
        # It ends with the connection; to roll it back on a lost one would hide the error that tells so.
        await connection.transaction(isolation="repeatable_read", readonly=True).start()
        await connection.execute(WITHOUT_LIMITS)
        await connection.execute("SET LOCAL row_security = off")  # an error, where rows would be hidden
        if zone != "UTC" and not await connection.fetchval(_KNOWS_ZONE, zone):
            raise InvalidInputError(
                f"zone: the source's server has no time zone {zone!r}; UTC and Europe/Berlin are some"
            )
        catalog: dict[str, dict[str, str]] = {}
        for table, column, type_ in await connection.fetch(_COLUMNS):
            catalog.setdefault(table, {})[column] = type_
        source = Source(name, connection, _recognise(catalog, name), catalog, zone)
        if "_prisma_migrations" in catalog:
            with source.named_errors():
                unfinished = await connection.fetchval(_UNFINISHED)
            if unfinished is not None:
                raise ConfigurationError(
                    f"{name}: its migration {unfinished} neither finished nor was rolled back; "
                    "`prisma migrate resolve` settles that"
                )
        yield source


def _recognise(catalog: Catalog, name: str) -> Shape:
    if _is_like(catalog, OURS):
        raise ConfigurationError(f"{name}: is a database of this package, or the target itself")
    for shape in SHAPES:
        if _is_like(catalog, shape.marks):
            return shape
    raise ConfigurationError(
        f"{name}: holds no MediaNest that Prisma made, or its user may not see it (GRANT USAGE ON SCHEMA); "
        "?schema= in the URL names another schema"
    )


def _is_like(catalog: Catalog, marks: Mapping[str, Iterable[str]]) -> bool:
    return all(set(columns) <= catalog.get(table, {}).keys() for table, columns in marks.items())
