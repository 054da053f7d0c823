"""The fields of the forms: each shows a value as text, and makes a value of the text that was typed.

Those of the library drop what they can't read: invalid JSON became NULL, a number that was none became NULL, and a
blank text became '' where NULL was meant. Here the typed text stays what it is until it was read or refused.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette_admin import fields as library
from starlette_admin.types import RequestAction

from medianest_models.checks import as_ip_address
from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.fields.json import dump_json, load_json, map_leaves

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request


def read_field(field: library.BaseField, typed: Any) -> Any:
    """Read what was typed into a field; None for nothing.

    Raises:
        InvalidInputError: It can't be read. The message holds no value.
    """
    if isinstance(typed, str):
        typed = typed.replace("\r\n", "\n")  # as browsers send the line breaks of a text area
    if typed is None or typed == "":
        return None
    return field.read(typed) if isinstance(field, TypedField) else typed


class Unreadable(str):
    """Stands in the place of a stored value that can't be read, and says why."""

    __slots__ = ()


def value_of(row: Any, name: str) -> Any:
    """Read a row's value; of one that can't be read, why."""
    try:
        return getattr(row, name, None)
    except UnreadableValueError as error:
        return Unreadable(error)


class TypedField:
    """The base of fields whose text has to be read."""

    id: str
    name: str

    def read(self, typed: str) -> Any:
        """Read a text that is not empty."""
        return typed

    async def parse_obj(self, request: Request, obj: Any) -> Any:  # noqa: ARG002 - the library's signature
        """Read the row's value; of one that can't be read, why."""
        return value_of(obj, self.name)

    async def parse_form_data(self, request: Request, form_data: FormData) -> Any:  # noqa: ARG002 - the library's signature
        """Keep the text as it was typed, so that a form with an error shows it again."""
        typed = form_data.get(self.id)
        return typed if isinstance(typed, str) else None  # and no file

    async def validate(self, request: Request, value: Any, form_values: dict[str, Any]) -> None:
        """Refuse what can't be read, before anything is done with the form."""
        await super().validate(request, value, form_values)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - the library's, beside this class
        if isinstance(value, str) and value:
            self.read(value)


@dataclass
class TextField(TypedField, library.StringField):
    """A short text."""


@dataclass
class AddressField(TextField):
    """An IP address."""

    def read(self, typed: str) -> str:
        """Read an address into the one spelling in which addresses are stored."""
        return as_ip_address(typed, self.name)


@dataclass
class LongTextField(TypedField, library.TextAreaField):
    """A text of any length."""


@dataclass
class NumberField(TypedField, library.IntegerField):
    """A whole number."""

    def read(self, typed: str) -> int:
        """Read a number."""
        try:
            return int(typed)
        except ValueError:
            raise InvalidInputError("must be a whole number") from None


@dataclass
class FlagField(library.BooleanField):
    """Yes or no."""


@dataclass
class ChoiceField(TypedField, library.EnumField):
    """One of an enum's values."""

    def read(self, typed: str) -> str | int:
        """Read the stored value: a number for an `IntEnum`."""
        return int(typed) if typed.isdecimal() else typed

    async def serialize_value(self, request: Request, value: Any) -> Any:  # noqa: ARG002 - the library's signature
        """Convert the stored value to text."""
        return str(getattr(value, "value", value))


@dataclass
class TimestampField(TypedField, library.StringField):
    """An instant, in UTC with its offset; any offset can be typed."""

    help_text: str | None = "With its offset, such as 2026-01-31 18:30:00+00:00"

    def read(self, typed: str) -> datetime.datetime:
        """Read an instant."""
        try:
            instant = datetime.datetime.fromisoformat(typed)
        except ValueError:
            raise InvalidInputError("must be an instant such as 2026-01-31 18:30:00+00:00") from None
        if instant.utcoffset() is None:
            raise InvalidInputError("must have an offset, such as +00:00")
        return instant

    async def serialize_value(self, request: Request, value: Any) -> str:
        """Format the instant in UTC with its offset, to the second in a list."""
        precision = "seconds" if request.state.action is RequestAction.LIST else "auto"
        instant: datetime.datetime = value.astimezone(datetime.UTC)
        return instant.isoformat(" ", precision)


@dataclass
class IdField(TypedField, library.UUIDField):
    """A UUID."""

    def read(self, typed: str) -> UUID:
        """Read a UUID."""
        try:
            return UUID(typed)
        except ValueError:
            raise InvalidInputError("must be a UUID") from None


@dataclass
class RelationField(TypedField, library.HasOne):
    """A row of another table."""

    form_template: str = "fields/form/link.html"


@dataclass
class DocumentField(TypedField, library.JSONField):
    """A JSON document, in a tree editor; as text where it can't be read."""

    form_template: str = "fields/form/document.html"

    def read(self, typed: str) -> Any:
        """Read a document; JSON's null is None, which is SQL's NULL."""
        try:
            return load_json(typed)
        except ValueError:
            raise InvalidInputError("is not valid JSON") from None

    async def serialize_none_value(self, request: Request) -> Any:
        """Return None; in a form JSON's word for it."""
        return "null" if request.state.action.is_form() else None

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """Return the document, as text in a form."""
        if request.state.action.is_form():
            return dump_json(value, self.name)
        return map_leaves(value, lambda leaf: str(leaf) if isinstance(leaf, Decimal) else leaf)
