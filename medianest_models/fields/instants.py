"""Columns that hold an instant."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from tortoise import fields

from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.models import Model


class InstantField(fields.DatetimeField[Any]):
    """A `timestamptz`: an aware datetime, in UTC when it is read.

    Tortoise takes a naive datetime for UTC without a word; here it is refused.
    """

    def to_python_value(self, value: Any) -> datetime.datetime | None:
        """The instant in UTC."""
        if isinstance(value, datetime.datetime) and value.tzinfo is datetime.UTC:
            return value  # as the driver returns it
        return None if value is None else self._aware(value).astimezone(datetime.UTC)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """The instant itself."""
        return None if value is None else self._aware(value)

    def _aware(self, value: object) -> datetime.datetime:
        if not isinstance(value, datetime.datetime):
            raise InvalidInputError(f"{column_name(self)}: must be a datetime, not {type(value).__name__}")
        if value.utcoffset() is None:
            raise InvalidInputError(f"{column_name(self)}: must be an aware datetime, with a time zone")
        return value
