"""The text of a cursor: a place in a sorted list, and a signature that holds for that list only.

It tells nothing but the sort column's value and the id of a row that its holder has seen. The signature is an HMAC
under a key that is derived from ENCRYPTION_KEYS: the newest signs, each of them verifies, so that neither the order
of the keys nor a rotation matters until the old key is gone; then the cursor is an InvalidCursorError and the list
begins anew. Without keys, which only secrets need, it is a checksum: it finds every accident, but a cursor can be
forged. That changes nothing in what a caller may see: a cursor chooses a place in a list whose filters are the
server's, its values are checked against their columns' types, and they are sent as parameters.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, TypeAdapter

from medianest_models.errors import InvalidCursorError
from medianest_models.pagination.filters import filters_digest
from medianest_models.settings import load_settings

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

    from medianest_models.pagination.sorting import SortKey

_VERSION: Final = b"\x01"
_SIGNATURE_BYTES: Final = 16


@dataclass(frozen=True)
class Position:
    """A place in a sorted list, and which way a page lies from there.

    Attributes:
        backward: Whether the page ends here; otherwise it begins here.
        inclusive: Whether a row at this very place belongs to the page.
        value: The sort column's value.
        id: The row's id; no such row need exist any more.
    """

    backward: bool
    inclusive: bool
    value: Any
    id: Any


@dataclass(frozen=True)
class CursorCodec:
    """Writes and reads the cursors of one list.

    Attributes:
        key: What the list is sorted by.
        shape: A digest of what the list is: model, filters and order.
    """

    key: SortKey[Any]
    shape: bytes

    @classmethod
    def of(cls, queryset: QuerySet[Any], key: SortKey[Any]) -> CursorCodec:
        """The codec of a query set that is sorted by `key`."""
        order = "desc" if key.descending else "asc"
        shape = f"{filters_digest(queryset)} {key.column} {order}"
        return cls(key, hashlib.sha256(shape.encode()).digest())

    def encode(self, position: Position) -> str:
        """The cursor that leads to a position."""
        payload = _adapter(self.key).dump_json((position.backward, position.inclusive, position.value, position.id))
        signature = self._sign(_signing_keys()[0], payload)
        return _to_text(_VERSION + signature + payload)

    def decode(self, cursor: str) -> Position:
        """The position that a cursor leads to.

        Raises:
            InvalidCursorError: The cursor was altered, or was made for another list.
        """
        try:
            data = _from_text(str(cursor))
            signature, payload = data[1 : 1 + _SIGNATURE_BYTES], data[1 + _SIGNATURE_BYTES :]
            if data[:1] == _VERSION and self._is_signed(signature, payload):
                backward, inclusive, value, id_ = _adapter(self.key).validate_json(payload, strict=True)
                self.key.parameters(value, id_)  # refuses what the columns can't hold
                return Position(backward, inclusive, value, id_)
        except ValueError:  # also pydantic's and our own
            pass
        raise InvalidCursorError

    def _sign(self, key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, _VERSION + self.shape + payload, "sha256")[:_SIGNATURE_BYTES]

    def _is_signed(self, signature: bytes, payload: bytes) -> bool:
        return any(hmac.compare_digest(signature, self._sign(key, payload)) for key in _signing_keys())


@functools.cache
def _adapter(key: SortKey[Any]) -> TypeAdapter[tuple[bool, bool, Any, Any]]:
    """Writes and reads what a cursor of a list that is sorted so holds."""
    value = _type_of(key, key.column)
    types = (bool, bool, value | None if key.is_nullable else value, _type_of(key, key.id))
    cursor: Any = GenericAlias(tuple, types)
    return TypeAdapter(cursor)


def _type_of(key: SortKey[Any], column: str) -> Any:
    field = key.model._meta.fields_map[column]
    bounds = {name: bound for name, bound in field.constraints.items() if name in ("ge", "le")}
    return Annotated[getattr(field, "enum_type", field.field_type), Field(**bounds)]


@functools.cache
def _signing_keys() -> tuple[bytes, ...]:
    """The keys of this process, the newest first; read once, as the key ring of secrets is."""
    secrets = [key.get_secret_value().encode() for key in load_settings().encryption_keys] or [b""]
    return tuple(hmac.digest(secret, b"medianest pagination cursor", "sha256") for secret in secrets)


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _to_text(data) != text:  # it ignores other letters, and the bits to spare in the last one
        raise ValueError
    return data
