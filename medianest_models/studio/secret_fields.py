"""The fields for secrets: written, and never shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr
from starlette_admin import fields as library

from medianest_models.errors import InvalidInputError
from medianest_models.fields.json import map_leaves
from medianest_models.masking import MASK, mask_credentials
from medianest_models.studio.fields import DocumentField, TypedField

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

REMOVE: Final = object()
"""Stands for a secret that is to be removed."""


@dataclass
class MaskedDocumentField(DocumentField):
    """A JSON document with secrets in it, which are masked. A mask that stays where it is keeps its secret."""

    exclude_from_export: bool | None = True
    help_text: str | None = f"{MASK} stands for a secret: leave it to keep the secret, write over it to change it"

    async def serialize_value(self, request: Request, value: Any) -> Any:
        """Mask the secrets of the document."""
        return await super().serialize_value(request, masked(value))


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

    async def parse_form_data(self, request: Request, form_data: FormData) -> Any:  # noqa: ARG002 - the library's signature
        """Read the secret that was typed: `REMOVE` to have none, None to leave it as it is."""
        if form_data.get(f"{self.id}.remove"):
            return REMOVE
        typed = form_data.get(self.id)
        return SecretStr(typed) if isinstance(typed, str) and typed else None

    async def serialize_value(self, request: Request, value: Any) -> str:  # noqa: ARG002 - the library's signature
        """Return the mask: there is a secret."""
        return MASK


def masked(document: Any) -> Any:
    """Copy a document with a mask in place of each secret."""
    return map_leaves(document, lambda leaf: MASK if isinstance(leaf, SecretStr) else leaf)


def unmasked(document: Any, stored: Any, name: str) -> Any:
    """Copy a document with the stored secret in place of each mask that stands where that secret stands.

    Args:
        document: What was typed.
        stored: The document that it replaces.
        name: The column's name, for the error.

    Raises:
        InvalidInputError: There is no secret at a mask's place.
    """
    if isinstance(document, dict):
        below = stored if isinstance(stored, dict) else {}
        return {key: unmasked(item, below.get(key), name) for key, item in document.items()}
    if isinstance(document, list):
        items = stored if isinstance(stored, list) else []
        return [
            unmasked(item, items[place] if place < len(items) else None, name) for place, item in enumerate(document)
        ]
    if document != MASK:
        return document
    if not isinstance(stored, SecretStr):
        raise InvalidInputError(f"{name}: holds {MASK} where no secret was: write the secret itself")
    return stored
