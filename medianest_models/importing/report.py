"""The report of an import: the outcome for every row of the source, by its id, without any secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from asyncpg import Connection

from medianest_models.importing.tables import Target

_SHOWN: Final = 20
_LONGEST_ID: Final = 100

_KEPT: Final = {
    "deleted here": "it was deleted here",
    "changed here": "it was changed here",
    "existed": "it existed here before, with other values",
}

# A row that gave way is none of the source, and has no digest.
_COUNTS: Final = "SELECT fate, count(*) FROM {staging} WHERE digest IS NOT NULL GROUP BY fate"
_NOT_SIMPLY: Final = """
SELECT source_id, fate, problem, notes FROM {staging}
WHERE fate IN ('left out', 'deleted here', 'changed here', 'existed', 'merged')
    OR problem IS NOT NULL OR (cardinality(notes) > 0 AND fate <> 'there')
ORDER BY source_id
"""


@dataclass(frozen=True)
class RowNote:
    """A row of the source that was changed, left out or kept.

    Attributes:
        id: Its id in the source.
        text: The change, or the reason.
    """

    id: str
    text: str


@dataclass
class TableReport:
    """The outcome for one of our tables.

    Attributes:
        source: How many rows the source holds for it.
        new: How many were inserted.
        updated: How many were updated.
        there: How many existed already, and were not changed in the source.
        changed: Imported rows with a value that had to be changed for our tables.
        left_out: Rows that could not be imported.
        incomplete: Imported rows that lack a secret, because it could not be decrypted or belongs to another user here.
        merged: Rows that are one row here with another, such as counters of the same caller and window.
        kept: Rows that stay as they are here: they were changed both in the source and here, or deleted here, or they
            existed here with other values.
        gone: Rows that were imported by an earlier run, and are gone in the source since.
    """

    source: int = 0
    new: int = 0
    updated: int = 0
    there: int = 0
    changed: list[RowNote] = field(default_factory=list)
    left_out: list[RowNote] = field(default_factory=list)
    incomplete: list[RowNote] = field(default_factory=list)
    merged: list[RowNote] = field(default_factory=list)
    gone: list[RowNote] = field(default_factory=list)
    kept: list[RowNote] = field(default_factory=list)


@dataclass
class ImportReport:
    """The outcome of an import.

    Attributes:
        source: The source's URL, without its password.
        shape: The shape of the source, with its variant.
        dry_run: Whether nothing was written.
        tables: The outcome for each table.
        not_copied: The number of rows in each table that is not copied, such as those of NextAuth.
        secrets: How many values were decrypted.
        drift: The differences that `medianest db check` finds in our schema.
    """

    source: str
    shape: str
    dry_run: bool
    tables: dict[str, TableReport] = field(default_factory=dict)
    not_copied: dict[str, int] = field(default_factory=dict)
    secrets: int = 0
    drift: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether no row and no secret had to be left out, and our schema is as its migrations make it."""
        return not self.drift and not any(table.left_out or table.incomplete for table in self.tables.values())

    def document(self) -> dict[str, Any]:
        """Return the report as a document for JSON."""
        return {"complete": self.complete, **asdict(self)}

    def lines(self, *, shown: int | None = _SHOWN) -> Iterator[str]:
        """Return the report as lines of text.

        Args:
            shown: The maximum number of rows listed for each table and outcome; None for all.
        """
        yield f"From {self.source}: {self.shape}."
        width = max(map(len, self.tables), default=0)
        for name, table in self.tables.items():
            numbers = (
                f"{table.source} in the source: {table.new} new, {table.updated} updated, {table.there} there already"
            )
            further = [f"{len(rows)} {what}" for what, rows in _outcomes(table) if rows and what != "changed"]
            yield f"{name.ljust(width)}  {', '.join([numbers, *further])}"
        for name, table in self.tables.items():
            for what, rows in _outcomes(table):
                for row in rows[:shown]:
                    yield f"{name} {_shown(row.id)}: {what}: {row.text}"
                if shown is not None and len(rows) > shown:
                    yield f"{name}: {len(rows) - shown} more {what}; --report FILE has them all"
        yield from (f"schema: {text}" for text in self.drift)
        if self.not_copied:
            counts = ", ".join(f"{count} of {name}" for name, count in self.not_copied.items())
            yield f"Not copied, because this package has no use for them: {counts}."
        if self.secrets:
            yield f"{self.secrets} secrets were decrypted; they are encrypted with the newest of ENCRYPTION_KEYS now."
        yield self._verdict()
        if self.dry_run:
            yield "Nothing was written: this was a dry run."

    def _verdict(self) -> str:
        left_out, incomplete = (
            sum(len(getattr(table, name)) for table in self.tables.values()) for name in ("left_out", "incomplete")
        )
        if left_out or incomplete:
            return (
                f"Not complete: rows left out: {left_out}, rows without a secret: {incomplete}. "
                "Mend them in the source and import again, or go on without them."
            )
        if self.drift:
            return "Not complete: the schema here is not as its migrations make it."
        return "Complete: no row and no secret was left out."


async def report_table(connection: Connection[Any], target: Target) -> TableReport:
    """Report the outcome of the staged rows of a table."""
    counts = dict(await connection.fetch(_COUNTS.format(staging=target.staging)))
    rows = await connection.fetch(_NOT_SIMPLY.format(staging=target.staging))
    report = TableReport(sum(counts.values()), counts.get("new", 0), counts.get("updated", 0), counts.get("there", 0))
    for source_id, fate, problem, notes in rows:
        if fate == "left out":
            report.left_out.append(RowNote(source_id, problem))
        elif fate in _KEPT:
            report.kept.append(RowNote(source_id, problem if problem and fate == "deleted here" else _KEPT[fate]))
        elif fate == "merged":
            report.merged.append(RowNote(source_id, "; ".join(notes)))
        elif notes and fate != "there":
            report.changed.append(RowNote(source_id, "; ".join(notes)))
        if problem and fate not in ("left out", "deleted here"):
            report.incomplete.append(RowNote(source_id, problem))
    report.gone = [RowNote(source_id, "it is gone in the source") for source_id in await target.find_gone(connection)]
    return report


def _outcomes(table: TableReport) -> list[tuple[str, list[RowNote]]]:
    return [
        ("changed", table.changed),
        ("incomplete", table.incomplete),
        ("left out", table.left_out),
        ("merged", table.merged),
        ("kept as it is here", table.kept),
        ("gone in the source", table.gone),
    ]


def _shown(source_id: str) -> str:
    """Shorten an id, and escape what would not print: the source may hold any text."""
    shortened = source_id if len(source_id) <= _LONGEST_ID else f"{source_id[:_LONGEST_ID]}..."
    return shortened if shortened.isprintable() else ascii(shortened)
