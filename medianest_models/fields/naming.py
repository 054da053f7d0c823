"""Names of columns in errors."""

from __future__ import annotations

from typing import Any

from tortoise.fields.base import Field

from medianest_models.errors import UnreadableValueError


def column_name(field: Field[Any]) -> str:
    """Return the column's name for a message: `table.column`."""
    column = field.source_field or field.model_field_name
    return f"{field.model._meta.db_table}.{column}"


def unreadable(field: Field[Any], row: object, reason: str) -> UnreadableValueError:
    """Make the error for a stored value that can't be read, in the row with this id."""
    return UnreadableValueError(f"{column_name(field)}, in the row with id {row}, can't be read: {reason}")
