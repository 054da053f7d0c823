"""The fields of the forms: each converts a value to text, and the entered text to a value.

The library's own fields silently lose invalid input: invalid JSON and invalid numbers became NULL, and a blank text
became '' instead of NULL. These fields keep the entered text until it is read or rejected.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, Final
from uuid import UUID

from pydantic import SecretStr
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette_admin import fields as library
from starlette_admin.types import RequestAction
from tortoise.models import Model

from medianest_models.checks import MAX_INT, as_ip_address
from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.fields.json import dump_json, load_json, map_leaves
from medianest_models.masking import MASK, mask_credentials


class Unreadable(str):
    """The placeholder for a stored value that can't be read, with the reason."""

    __slots__ = ()


def value_of(row: Any, name: str) -> Any:
    """Return a row's value; if it can't be read, return the reason."""
    try:
        return getattr(row, name, None)
    except UnreadableValueError as error:
        return Unreadable(error)


def as_id(model: type[Model], text: str) -> UUID | int | None:
    """Read an id; None when no row of the table can have it."""
    try:
        if model._meta.pk.field_type is UUID:
            return UUID(text)
        return number if (number := int(text)) in range(MAX_INT + 1) else None
    except ValueError:
        return None


class TypedField:
    """The base of fields that parse their text."""

    id: str
    name: str

    def read(self, typed: str) -> Any:
        """Read a text that is not empty.

        Raises:
            InvalidInputError: It can't be read. The message does not contain the value.
        """
        return typed

    async def parse_obj(self, request: Request, obj: Any) -> Any:  # noqa: ARG002 - the library's signature
        """Return the row's value; if it can't be read, return the reason."""
        return value_of(obj, self.name)

    async def parse_form_data(self, request: Request, form_data: FormData) -> Any:  # noqa: ARG002 - the library's signature
        """Keep the text as entered, so that a form with an error shows it again."""
        typed = form_data.get(self.id)
        # Browsers send the line breaks of a text area as two characters. A file is nothing.
        return typed.replace("\r\n", "\n") if isinstance(typed, str) else None

    async def validate(self, request: Request, value: Any, form_values: dict[str, Any]) -> None:
        """Raise an error for invalid text, before the form is processed."""
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
        """Parse an address and return its canonical form."""
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
class ProgressField(NumberField):
    """A progress in percent, with a bar."""

    list_template: str = "fields/progress.html"
    detail_template: str = "fields/progress.html"


@dataclass
class ChoiceField(TypedField, library.EnumField):
    """One of an enum's values, as a badge."""

    list_template: str = "fields/badge.html"
    detail_template: str = "fields/badge.html"

    def read(self, typed: str) -> str | int:
        """Read the stored value: a number for an `IntEnum`."""
        return int(typed) if typed.isdecimal() else typed

    async def serialize_value(self, request: Request, value: Any) -> Any:  # noqa: ARG002 - the library's signature
        """Convert the stored value to text."""
        return str(getattr(value, "value", value))


@dataclass
class TimestampField(TypedField, library.StringField):
    """A timestamp, shown in UTC with its offset, beside which a script shows the reader's time.

    Any offset can be entered.
    """

    list_template: str = "fields/time.html"
    detail_template: str = "fields/time.html"

    help_text: str | None = "With its offset, such as 2026-01-31 18:30:00+00:00"

    def read(self, typed: str) -> datetime.datetime:
        """Parse a timestamp."""
        try:
            instant = datetime.datetime.fromisoformat(typed)
        except ValueError:
            raise InvalidInputError("must be an instant such as 2026-01-31 18:30:00+00:00") from None
        if instant.utcoffset() is None:
            raise InvalidInputError("must have an offset, such as +00:00")
        return instant

    async def serialize_value(self, request: Request, value: Any) -> str:
        """Format the timestamp in UTC with its offset; in a list, to the second."""
        precision = "seconds" if request.state.action is RequestAction.LIST else "auto"
        instant: datetime.datetime = value.astimezone(datetime.UTC)
        return instant.isoformat(" ", precision)


@dataclass
class RelationField(TypedField, library.HasOne):
    """A row of another table, `model`, by its id."""

    form_template: str = "fields/form/link.html"
    model: type[Model] | None = None

    def read(self, typed: str) -> Any:
        """Read an id that a row can have."""
        row_id = self.model and as_id(self.model, typed)
        if row_id is None:
            raise InvalidInputError("is not the id of a row")
        return row_id


@dataclass
class DocumentField(TypedField, library.JSONField):
    """A JSON document, in a tree editor; as text if it can't be read."""

    form_template: str = "fields/form/document.html"

    def read(self, typed: str) -> Any:
        """Read a document; JSON's null is None, which is SQL's NULL."""
        try:
            return load_json(typed)
        except ValueError:
            raise InvalidInputError("is not valid JSON") from None

    async def serialize_none_value(self, request: Request) -> Any:
        """Return None; in a form, the text `null`."""
        return "null" if request.state.action.is_form() else None

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """Return the document, as text in a form."""
        if request.state.action.is_form():
            return dump_json(value, self.name)
        return map_leaves(value, lambda leaf: str(leaf) if isinstance(leaf, Decimal) else leaf)


@dataclass
class MaskedDocumentField(DocumentField):
    """A JSON document with secrets in it, which are masked. A mask that stays where it is keeps its secret."""

    exclude_from_export: bool | None = True
    help_text: str | None = f"{MASK} stands for a secret: leave it to keep the secret, write over it to change it"

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """Mask the secrets of the document."""
        masked = map_leaves(value, lambda leaf: MASK if isinstance(leaf, SecretStr) else leaf)
        return await super().serialize_value(request, masked)

    def unmasked(self, document: Any, stored: Any) -> Any:
        """Copy a typed document with the stored secret in place of each mask that stands where that secret stands.

        Raises:
            InvalidInputError: There is no secret at a mask's place.
        """
        if isinstance(document, dict):
            below = stored if isinstance(stored, dict) else {}
            return {key: self.unmasked(item, below.get(key)) for key, item in document.items()}
        if isinstance(document, list):
            items = stored if isinstance(stored, list) else []
            pairs = zip(document, chain(items, repeat(None)), strict=False)
            return [self.unmasked(item, before) for item, before in pairs]
        if document == MASK and not isinstance(stored, SecretStr):
            raise InvalidInputError(f"{self.name}: holds {MASK} where no secret was: write the secret itself")
        return stored if document == MASK else document


@dataclass
class MaskedUrlField(TypedField, library.StringField):
    """A URL in which the credentials are masked."""

    help_text: str | None = f"Credentials are shown as {MASK}: to change such a URL, write the whole of it"

    async def validate(self, request: Request, value: Any, form_values: dict[str, Any]) -> None:
        """Nothing to refuse yet: a URL that was left as it is holds its mask."""

    def read(self, typed: str) -> str:
        """Read a URL."""
        if MASK in typed:
            raise InvalidInputError("holds the mask of the credentials: write the whole URL")
        return typed

    async def serialize_value(self, request: Request, value: Any) -> str:  # noqa: ARG002 - the library's signature
        """Mask the credentials of the URL."""
        return mask_credentials(value)


@dataclass
class SecretField(TypedField, library.StringField):
    """A secret, which is written and never shown."""

    exclude_from_export: bool | None = True
    form_template: str = "fields/form/secret.html"
    list_template: str = "fields/list/secret.html"
    detail_template: str = "fields/list/secret.html"

    async def parse_form_data(self, request: Request, form_data: FormData) -> SecretStr | None:  # noqa: ARG002 - the library's signature
        """Read the secret that was typed: an empty one to have none, None to leave it as it is."""
        if form_data.get(f"{self.id}.remove"):
            return SecretStr("")
        typed = form_data.get(self.id)
        return SecretStr(typed) if isinstance(typed, str) and typed else None

    async def serialize_value(self, request: Request, value: Any) -> str:  # noqa: ARG002 - the library's signature
        """Return the mask: there is a secret."""
        return MASK


HIDING: Final = (MaskedDocumentField, MaskedUrlField, SecretField)
"""The fields that hide something: to search or sort by one would tell what."""
