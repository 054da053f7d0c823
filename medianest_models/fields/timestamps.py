"""Columns that hold an instant."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tortoise.fields.data import DatetimeField

from medianest_models.checks import as_aware
from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.models import Model


TimestampT = TypeVar("TimestampT", datetime.datetime, datetime.datetime | None)


class TimestampField(DatetimeField[TimestampT]):
    """A `timestamptz`: an aware datetime, in UTC when it is read.

    Tortoise takes a naive datetime for UTC without a word; here it is refused.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: TimestampField[datetime.datetime], *, null: Literal[False] = False, **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(self: TimestampField[datetime.datetime | None], *, null: Literal[True], **kwargs: Any) -> None: ...
        def __init__(self, **kwargs: Any) -> None: ...

    def to_python_value(self, value: Any) -> datetime.datetime | None:
        """Return the instant in UTC."""
        if isinstance(value, datetime.datetime) and value.tzinfo is datetime.UTC:  # as the driver gives it
            return value
        return None if value is None else self._in_utc(value)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        """Return the instant in UTC."""
        if isinstance(value, int) and isinstance(instance, type):
            return value  # of a lookup such as created_at__year
        return None if value is None else self._in_utc(value)

    def _in_utc(self, value: Any) -> datetime.datetime:
        instant = as_aware(value, column_name(self))
        try:
            return instant.astimezone(datetime.UTC)
        except OverflowError:
            raise InvalidInputError(f"{column_name(self)}: is out of range in UTC") from None
