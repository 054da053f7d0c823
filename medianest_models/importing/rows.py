"""A row on its way from the source to our tables; each change of a value is noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from asyncpg import Record

from medianest_models.fields.json import check_depth, dump_json, load_json

_IDS: Final = UUID("5b0d2c1e-7d3e-5f0a-9c56-0a6d0f1e4b7a")
"""The namespace of the UUIDs made from other ids. It must never change."""


def new_id(text: str, kind: str = "") -> UUID:
    """Return an id that is a UUID in lower case as it is; derive a UUID of version 5 from any other id.

    In the source, the same UUID in upper case is a different id, so it must not become the same UUID here.
    """
    try:
        made = UUID(text)
    except ValueError:
        return uuid5(_IDS, kind + text)
    return made if str(made) == text else uuid5(_IDS, kind + text)


def read_document(text: str, column: str) -> Any:
    """Read a JSON document; a ValueError says that it is nested too deep to be read here."""
    document = load_json(text)
    check_depth(document, column)
    return document


class Row:
    """A row on its way from the source to our table.

    Attributes:
        values: The values by column; a reference is the source's id until it is resolved.
        notes: The changes, in words.
        problem: The reason why the row is not imported; None if it is.
        fate: "left out" or "deleted here" for a row that is not imported; None for any other.
    """

    __slots__ = ("fate", "id", "notes", "problem", "source_id", "values")

    def __init__(self, record: Record | Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(record)
        self.source_id: str = self.values.pop("source_id")
        self.notes = [f"{column}: an instant that can't be read, not taken" for column in self.values.pop("unreadable")]
        self.problem: str | None = None
        self.fate: str | None = None
        self.id: UUID = new_id(self.source_id)

    def leave_out(self, why: str, *, fate: str = "left out") -> None:
        """Leave the row out; the report names the first reason only."""
        if self.problem is None:
            self.problem, self.fate = why, fate

    def need(self, *columns: str) -> None:
        """Leave the row out if one of these columns is empty."""
        for column in columns:
            if self.values[column] is None:
                self.leave_out(f"{column} is empty, or can't be read")

    def refuse(self, column: str, length: int) -> None:
        """Leave the row out if a text is too long, and can neither be cut nor left empty."""
        if len(self.values[column] or "") > length:
            self.leave_out(f"its {column} is longer than {length} characters")

    def check_documents(self, *columns: str) -> None:
        """Raise a ValueError if a JSON document is nested too deep to be read here."""
        for column in columns:
            if self.values[column] is not None:
                read_document(self.values[column], column)

    def cut(self, column: str, length: int, *, keep_in: str | None = None) -> None:
        """Cut a text that is too long, and store the whole text in a document of the row if there is one."""
        text = self.values[column]
        if text is None or len(text) <= length:
            return
        self.values[column] = text[:length]
        self.notes.append(f"{column}: cut to {length} characters" + (f", whole in {keep_in}" if keep_in else ""))
        if keep_in is not None:
            self.keep(keep_in, column, text)

    def clear(self, column: str, length: int, *, keep_in: str | None = None) -> None:
        """Clear a text that is too long and would be wrong if it were cut, such as an id."""
        text = self.values[column]
        if text is None or len(text) <= length:
            return
        self.values[column] = None
        self.notes.append(f"{column}: longer than {length}, left empty" + (f", whole in {keep_in}" if keep_in else ""))
        if keep_in is not None:
            self.keep(keep_in, column, text)

    def keep(self, document: str, key: str, value: object) -> None:
        """Store a value in a document of the row, under `imported`."""
        text = self.values[document]
        held = None if text is None else read_document(text, document)
        whole: dict[str, Any] = held if isinstance(held, dict) else {} if held is None else {"value": held}
        imported = whole.get("imported")
        whole["imported"] = {**(imported if isinstance(imported, dict) else {}), key: value}
        self.values[document] = dump_json(whole, document)

    def clamp(self, column: str, least: int, most: int) -> None:
        """Limit a number to its bounds."""
        number = self.values[column]
        if number is not None and not least <= number <= most:
            self.values[column] = min(max(number, least), most)
            self.notes.append(f"{column}: {number} became {self.values[column]}")

    def map_status(self, statuses: Mapping[str, str]) -> None:
        """Map the status to ours; leave the row out if it is unknown."""
        status = (self.values["status"] or "").strip().lower()
        mapped = statuses.get(status)
        if mapped is None:
            self.leave_out(f"its status is {'empty' if not status else 'unknown'}")
        elif mapped != status:
            self.notes.append(f"status: {status} became {mapped}")
        self.values["status"] = mapped
