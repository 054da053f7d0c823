"""Text columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tortoise.fields.base import Field
from tortoise.fields.data import CharField

from medianest_models.checks import as_any_text
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from tortoise.models import Model

TextT = TypeVar("TextT", str, str | None)


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
        """Return the text itself, checked before the database would refuse it."""
        if value is None or (value == "" and self.empty_is_null):
            return None
        return as_any_text(value, column_name(self), max_length=self.max_length)

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
        return None if value is None else as_any_text(value, column_name(self))

    def to_python_value(self, value: Any) -> Any:
        """Return the value as it is: a wrong type is refused when it is written, not turned into a text."""
        return value
