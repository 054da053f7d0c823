"""Columns that hold one of a closed set of values."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance

from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.fields.base import Field
    from tortoise.models import Model

StrEnumT = TypeVar("StrEnumT", bound=StrEnum)
IntEnumT = TypeVar("IntEnumT", bound=IntEnum)


def _member(field: Field[Any], enum_type: type[Enum], value: object) -> Any:
    """Find the member for a value, and no member of another enum that happens to have the same value."""
    if isinstance(value, Enum) and not isinstance(value, enum_type):
        raise InvalidInputError(f"{column_name(field)}: must be a {enum_type.__name__}, not a {type(value).__name__}")
    try:
        return enum_type(value)
    except ValueError:
        allowed = ", ".join(str(member.value) for member in enum_type)
        raise InvalidInputError(f"{column_name(field)}: must be one of {allowed}") from None


class StrEnumColumn(CharEnumFieldInstance):
    """The field behind `EnumField`."""

    def to_python_value(self, value: Any) -> Any:
        """Convert a stored value to the member of the enum."""
        return None if value is None else _member(self, self.enum_type, value)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:  # noqa: ARG002 - Tortoise's signature
        """Convert a member to its stored value."""
        return None if value is None else str(_member(self, self.enum_type, value).value)


class IntEnumColumn(IntEnumFieldInstance):
    """The field behind `IntEnumField`."""

    def to_python_value(self, value: Any) -> Any:
        """Convert a stored value to the member of the enum."""
        return None if value is None else _member(self, self.enum_type, value)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> int | None:  # noqa: ARG002 - Tortoise's signature
        """Convert a member to its stored value."""
        return None if value is None else int(_member(self, self.enum_type, value).value)


def EnumField(enum_type: type[StrEnumT], *, max_length: int, **kwargs: Any) -> Field[StrEnumT]:  # noqa: N802 - named as Tortoise's are
    """Make a varchar column that holds one of `enum_type`'s values.

    Args:
        enum_type: The enum.
        max_length: The column's length; longer than today's values, so that a new one needs no new type.
        **kwargs: As for any field of Tortoise's.
    """
    return cast("Field[StrEnumT]", StrEnumColumn(enum_type, max_length=max_length, **kwargs))


def IntEnumField(enum_type: type[IntEnumT], **kwargs: Any) -> Field[IntEnumT]:  # noqa: N802 - named as Tortoise's are
    """Make a smallint column that holds one of `enum_type`'s values."""
    return cast("Field[IntEnumT]", IntEnumColumn(enum_type, **kwargs))
