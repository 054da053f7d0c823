"""Values as the columns of a model store them.

Each function raises an `InvalidInputError` that names the column, for a value that it can't hold.
"""

from __future__ import annotations

from typing import Any

from tortoise.models import Model

from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name


def as_column(model: type[Model], name: str, value: Any) -> Any:
    """Convert a value to the form that a model's column stores."""
    field = model._meta.fields_map[name]
    if value is None and not field.null:
        raise InvalidInputError(f"{column_name(field)}: must not be None")
    return field.to_db_value(value, model)


def stored_value(instance: Model, name: str) -> Any:
    """Take from an instance what a column stores for it, a secret one too, which an instance from a pickle may lack."""
    field = instance._meta.fields_map[name]
    if not hasattr(instance, name):
        raise InvalidInputError(f"{column_name(field)}: is not in this instance, which comes from a pickle or only()")
    return field.to_db_value(getattr(instance, name), instance)


def as_name(model: type[Model], name: str, value: str | None) -> Any:
    """Convert an identifying string, which must not be empty, to the form that a model's column stores."""
    if value == "":
        raise InvalidInputError(f"{column_name(model._meta.fields_map[name])}: must not be empty")
    return as_column(model, name, value)
