"""Text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tortoise.fields.base import Field
from tortoise.fields.data import CharField

from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.models import Model

TextT = TypeVar("TextT", str, str | None)


def check_text(field: Field[Any], value: object, *, max_length: int | None = None) -> None:
    """Refuses what a text column can't hold.

    Raises:
        InvalidInputError: `value` is no text, is too long, or holds a NUL byte or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"{column_name(field)}: must be a text, not {type(value).__name__}")
    if max_length is not None and len(value) > max_length:
        raise InvalidInputError(f"{column_name(field)}: must be at most {max_length} characters long")
    if "\0" in value:
        raise InvalidInputError(f"{column_name(field)}: must not hold a NUL byte")
    if not is_unicode(value):
        raise InvalidInputError(f"{column_name(field)}: is not valid Unicode")


def is_unicode(text: str) -> bool:
    """Whether a text can be stored: it holds no lone surrogate. Python's own error would hold the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class VarcharField(CharField[TextT]):
    """A text of at most `max_length` characters.

    Args:
        max_length: The most characters, not bytes.
        empty_is_null: Whether an empty text is stored as NULL.
        **kwargs: As for any field of Tortoise's.
    """

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
        """The text itself, checked before the database would refuse it."""
        if value is None or (value == "" and self.empty_is_null):
            return None
        check_text(self, value, max_length=self.max_length)
        return value

    def to_python_value(self, value: Any) -> Any:
        """The value as it is: a wrong type is refused when it is written, not turned into a text."""
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
        """The text itself, checked before the database would refuse it."""
        if value is not None:
            check_text(self, value)
        return value

    def to_python_value(self, value: Any) -> Any:
        """The value as it is: a wrong type is refused when it is written, not turned into a text."""
        return value
