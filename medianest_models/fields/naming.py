"""What a column is called in an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tortoise.fields.base import Field


def column_name(field: Field[Any]) -> str:
    """`table.column`, for a message."""
    column = field.source_field or field.model_field_name
    return f"{field.model._meta.db_table}.{column}"
