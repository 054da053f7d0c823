"""Text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise import fields

from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.fields.base import Field
    from tortoise.models import Model


def check_text(field: Field[Any], value: object) -> None:
    """Refuses what PostgreSQL can't store in a text column.

    Raises:
        InvalidInputError: `value` is no text, or holds a NUL byte or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"{column_name(field)}: must be a text, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidInputError(f"{column_name(field)}: must not hold a NUL byte")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"{column_name(field)}: is not valid Unicode") from None


class VarcharField(fields.CharField[Any]):
    """A text of at most `max_length` characters.

    Args:
        max_length: The most characters, not bytes.
        empty_is_null: Whether an empty text is stored as NULL.
        **kwargs: As for any field of Tortoise's.
    """

    def __init__(self, max_length: int, *, empty_is_null: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length, **kwargs)
        self.empty_is_null = empty_is_null

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """The text itself, checked before the database would refuse it."""
        if value is None or (value == "" and self.empty_is_null):
            return None
        check_text(self, value)
        if len(value) > self.max_length:
            raise InvalidInputError(f"{column_name(self)}: must be at most {self.max_length} characters long")
        return value

    def to_python_value(self, value: Any) -> Any:
        """The value as it is: a wrong type is refused when it is written, not turned into a text."""
        return None if value == "" and self.empty_is_null else value


class TextField(fields.TextField):
    """A text of any length."""

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:  # noqa: ARG002 - Tortoise's signature
        """The text itself, checked before the database would refuse it."""
        if value is not None:
            check_text(self, value)
        return value

    def to_python_value(self, value: Any) -> Any:
        """The value as it is: a wrong type is refused when it is written, not turned into a text."""
        return value
