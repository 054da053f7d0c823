"""Columns that hold one value: a text, an instant, or one of a closed set."""

from __future__ import annotations

import datetime
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance, CharField, DatetimeField, IntEnumFieldInstance
from tortoise.models import Model

from medianest_models.checks import as_aware, as_text
from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

StrEnumT = TypeVar("StrEnumT", bound=StrEnum)
IntEnumT = TypeVar("IntEnumT", bound=IntEnum)
TextT = TypeVar("TextT", str, str | None)
TimestampT = TypeVar("TimestampT", datetime.datetime, datetime.datetime | None)


class _EnumColumn(Field[Any]):
    """The base of columns that hold a value of an enum."""

    enum_type: Any

    def to_python_value(self, value: Any) -> Any:
        """Find the member for a value, and no member of another enum that happens to have the same value."""
        if value is None:
            return None
        if isinstance(value, Enum) and not isinstance(value, self.enum_type):
            expected = self.enum_type.__name__
            raise InvalidInputError(f"{column_name(self)}: must be a {expected}, not a {type(value).__name__}")
        try:
            return self.enum_type(value)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in self.enum_type)
            raise InvalidInputError(f"{column_name(self)}: must be one of {allowed}") from None

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """Convert a member to its stored value."""
        return None if value is None else self.to_python_value(value).value


class StrEnumColumn(_EnumColumn, CharEnumFieldInstance):
    """The field behind `EnumField`."""


class IntEnumColumn(_EnumColumn, IntEnumFieldInstance):
    """The field behind `IntEnumField`."""


def EnumField(enum_type: type[StrEnumT], *, max_length: int, **kwargs: Any) -> Field[StrEnumT]:  # noqa: N802 - named as Tortoise's are
    """Make a varchar column that holds one of `enum_type`'s values, and is wide enough for new ones too."""
    return cast("Field[StrEnumT]", StrEnumColumn(enum_type, max_length=max_length, **kwargs))


def IntEnumField(enum_type: type[IntEnumT], **kwargs: Any) -> Field[IntEnumT]:  # noqa: N802 - named as Tortoise's are
    """Make a smallint column that holds one of `enum_type`'s values."""
    return cast("Field[IntEnumT]", IntEnumColumn(enum_type, **kwargs))


class VarcharField(CharField[TextT]):
    """A text of at most `max_length` characters, not bytes; an empty one is NULL where `empty_is_null` says so."""

    skip_to_python_if_native = True  # the driver's value is the text, and no empty one where that is NULL

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: VarcharField[str], max_length: int, *, null: Literal[False] = False, **kwargs: Any
        ) -> None: ...
        @overload
        def __init__(
            self: VarcharField[str | None],
            max_length: int,
            *,
            null: Literal[True],
            empty_is_null: bool = False,
            **kwargs: Any,
        ) -> None: ...

    def __init__(self, max_length: int, *, empty_is_null: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length, **kwargs)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - overloaded by null, in kwargs
        self.empty_is_null = empty_is_null

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """Return the text itself, checked before the database would refuse it."""
        if value is None or (value == "" and self.empty_is_null):
            return None
        return as_text(value, column_name(self), max_length=self.max_length, may_be_empty=True)

    def to_python_value(self, value: Any) -> Any:
        """Return the value as it is: a wrong type is refused when it is written, not turned into a text."""
        return None if value == "" and self.empty_is_null else value


class TextField(Field[TextT]):
    """A text of any length."""

    SQL_TYPE = "TEXT"
    field_type = str
    skip_to_python_if_native = True  # the driver's value is the text
    indexable = False

    if TYPE_CHECKING:

        @overload
        def __init__(self: TextField[str], *, null: Literal[False] = False, **kwargs: Any) -> None: ...
        @overload
        def __init__(self: TextField[str | None], *, null: Literal[True], **kwargs: Any) -> None: ...
        def __init__(self, **kwargs: Any) -> None: ...

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """Return the text itself, checked before the database would refuse it."""
        return None if value is None else as_text(value, column_name(self), may_be_empty=True)

    def to_python_value(self, value: Any) -> Any:
        """Return the value as it is: a wrong type is refused when it is written, not turned into a text."""
        return value


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
