"""The columns of a model: their attributes, and values as they store them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.models import Model


class ColumnAttribute:
    """The attribute of a model's class for a column. It is asked where an instance holds no value of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Model | None, owner: type[Model]) -> NoReturn:
        problems = {} if instance is None else vars(instance).get("_unreadable", {})
        if self.name in problems:
            raise UnreadableValueError(problems[self.name])
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}")


def as_column(model: type[Model], name: str, value: Any) -> Any:
    """Make what a model's column stores of a value.

    Raises:
        InvalidInputError: The column can't hold it.
    """
    field = model._meta.fields_map[name]
    if value is None and not field.null:
        raise InvalidInputError(f"{column_name(field)}: must not be None")
    return field.to_db_value(value, model)


def stored_value(instance: Model, name: str) -> Any:
    """Take from an instance what a column stores for it, a secret one too.

    Raises:
        InvalidInputError: The column can't hold it, or the instance lacks it, as one from a pickle lacks its hash.
    """
    field = instance._meta.fields_map[name]
    if not hasattr(instance, name):
        raise InvalidInputError(f"{column_name(field)}: is not in this instance, which comes from a pickle or only()")
    return field.to_db_value(getattr(instance, name), instance)


def as_name(model: type[Model], name: str, value: str | None) -> Any:
    """Make what a model's column stores of a text that tells things apart, and so must not be empty.

    Raises:
        InvalidInputError: It is empty, or the column can't hold it.
    """
    if value == "":
        raise InvalidInputError(f"{column_name(model._meta.fields_map[name])}: must not be empty")
    return as_column(model, name, value)
