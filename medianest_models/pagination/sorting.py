"""By which column a list is sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tortoise.fields import JSONField

from medianest_models.errors import InvalidSortError

if TYPE_CHECKING:
    from tortoise.models import Model

_OWN_COLUMNS: Final = ("created_at", "checked_at", "updated_at", "window_start")
"""The column that says when a row came to be, whichever of these its table has."""


def sortable_columns(model: type[Model]) -> list[str]:
    """The names that rows of a model can be sorted by: its plain columns, without secrets and JSON."""
    meta = model._meta
    return [
        name
        for name, field in meta.fields_map.items()
        if name in meta.fields_db_projection
        and not getattr(field, "secret", False)
        and not isinstance(field, JSONField)
    ]


def sort_column(model: type[Model], sort_by: str | None) -> str:
    """The column to sort by: the one asked for, or the model's own.

    Raises:
        InvalidSortError: `sort_by` is no plain column of the model, or a secret one.
    """
    columns = sortable_columns(model)
    if sort_by is None:
        return next((name for name in _OWN_COLUMNS if name in columns), model._meta.pk_attr)
    if sort_by not in columns:
        raise InvalidSortError(f"sort_by: {model.__name__} can be sorted by {', '.join(columns)}")
    return sort_by
