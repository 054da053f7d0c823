"""The encoding of a cursor: a position in a sorted list, and a signature that is valid for that list only.

A cursor contains only the sort column's value and the id of a row that its holder has seen. The signature is a keyed
BLAKE2b hash, with a key derived from ENCRYPTION_KEYS: the newest key signs and every key verifies, so that cursors stay
valid after a rotation until the old key is removed. Without keys, which only secrets require, the signature is a
checksum: it detects accidental changes, but a cursor can be forged. A forged cursor shows a caller no other rows: it
only chooses a position in a list with the server's filters, and its values are checked against the column types and
sent as parameters.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import hmac
import json
from types import GenericAlias
from typing import Annotated, Any, Final, NamedTuple

import orjson
from pydantic import Field, TypeAdapter
from pypika_tortoise.terms import Term
from tortoise.expressions import Expression, F, Q, RawSQL, Subquery
from tortoise.models import Model
from tortoise.queryset import AwaitableQuery, QuerySet

from medianest_models.encryption.keys import decode_exactly, encode_base64
from medianest_models.errors import InvalidCursorError, InvalidInputError
from medianest_models.pagination.arguments import Ordering
from medianest_models.pagination.compiler import filters, is_negated
from medianest_models.settings import load_settings

_VERSION: Final = b"\x02"
_BYTES: Final = 16  # of a signature
_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
_COLLECTIONS: Final = (frozenset, list, set, tuple)


class Position(NamedTuple):
    """A position in a sorted list, and the direction of a page from there.

    Attributes:
        backward: Whether the page ends here; otherwise it begins here.
        inclusive: Whether a row at this very place belongs to the page.
        value: The sort column's value, as it is in the database or in a model.
        id: The row's id; no such row need exist any more.
    """

    backward: bool
    inclusive: bool
    value: Any
    id: Any


class CursorCodec(NamedTuple):
    """Encodes and decodes the cursors of one list.

    Attributes:
        model: The list's model.
        column: The column that it is sorted by.
        signed: Its model, filters and order, as JSON that is signed together with each position.
    """

    model: type[Model]
    column: str
    signed: bytes

    @classmethod
    def of(cls, queryset: QuerySet[Any], ordering: Ordering) -> CursorCodec:
        """Make the codec for a query set and an order."""
        return cls(queryset.model, ordering[0][0], _as_json([describe(queryset), *ordering[0]]))

    @property
    def stored_column(self) -> str:
        """The name of the column in the database."""
        return self.model._meta.fields_db_projection[self.column]

    @property
    def stored_id(self) -> str:
        """The name of the id in the database."""
        return self.model._meta.db_pk_column

    def encode(self, position: Position) -> str:
        """Encode a position as a cursor."""
        payload = orjson.dumps([*position], default=str)  # an id is asyncpg's own kind of UUID
        return encode_base64(_VERSION + self._sign(_signing_keys()[0], payload) + payload)

    def decode(self, cursor: str) -> Position:
        """Read the position that a cursor leads to, unless it was altered, or made for another list."""
        try:
            data = decode_exactly(str(cursor))
            signature, payload = data[1 : 1 + _BYTES], data[1 + _BYTES :]
            is_signed = any(hmac.compare_digest(signature, self._sign(key, payload)) for key in _signing_keys())
            if data[:1] == _VERSION and is_signed:
                backward, inclusive, value, id_ = _adapter(self.model, self.column).validate_json(payload, strict=True)
                id_ = self._to_database(self.model._meta.pk_attr, id_)
                return Position(backward, inclusive, self._to_database(self.column, value), id_)
        except ValueError:  # also from pydantic and this package
            pass
        raise InvalidCursorError

    def _to_database(self, column: str, value: Any) -> Any:
        """Encode a value for its column, which raises an error for one that the column can't hold."""
        return self.model._meta.fields_map[column].to_db_value(value, self.model)

    def _sign(self, key: bytes, payload: bytes) -> bytes:
        # hmac.digest takes six times as long: OpenSSL looks up the algorithm each time.
        return hashlib.blake2b(_VERSION + self.signed + payload, key=key, digest_size=_BYTES).digest()


@functools.cache
def _adapter(model: type[Model], column: str) -> TypeAdapter[tuple[bool, bool, Any, Any]]:
    """Make the pydantic adapter for the contents of cursors of lists sorted by a column."""
    value, id_ = _type_of(model, column), _type_of(model, model._meta.pk_attr)
    types = (bool, bool, value | None if model._meta.fields_map[column].null else value, id_)
    contents: Any = GenericAlias(tuple, types)
    return TypeAdapter(contents)


def _type_of(model: type[Model], column: str) -> Any:
    field = model._meta.fields_map[column]
    bounds = {name: bound for name, bound in field.constraints.items() if name in ("ge", "le")}
    return Annotated[getattr(field, "enum_type", field.field_type), Field(**bounds)]


@functools.cache
def _signing_keys() -> tuple[bytes, ...]:
    """Derive the signing keys of this process, newest first; once, like the key ring of secrets."""
    secrets = [key.get_secret_value().encode() for key in load_settings().encryption_keys] or [b""]
    return tuple(hmac.digest(secret, b"medianest pagination cursor", "sha256") for secret in secrets)


def describe(query: AwaitableQuery[Any]) -> list[Any]:
    """Describe a query's model, filter columns and values for JSON; the result is the same in every process.

    The order of filters does not matter. All timestamps count as equal, so that a list of the last hour stays the same
    list as time passes. An annotation counts by its name, an SQL function by its class.
    """
    return [query.model.__name__, sorted(map(_describe_filter, filters(query)), key=_as_json)]


def _describe_filter(node: Q) -> list[Any]:
    values = {
        name: sorted(value, key=_as_json) if name.endswith("_in") and isinstance(value, _COLLECTIONS) else value
        for name, value in node.filters.items()
    }
    children = sorted(map(_describe_filter, node.children), key=_as_json)
    return [node.join_type, is_negated(node), values, children]


def _as_json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=_replace, option=_SORTED)
    except TypeError:  # a number of more than 64 bits, or a text that is not valid Unicode
        pass
    try:
        return json.dumps(value, default=_replace, sort_keys=True).encode()
    except (TypeError, ValueError):  # a document that has keys of several types, or holds itself
        raise InvalidInputError("queryset: a filter has a value that is not JSON") from None


def _replace(value: object) -> Any:
    """Replace a value that JSON can't represent."""
    match value:
        case datetime.date():
            return {"instant": None}
        case Model():
            return value.pk
        case Subquery():
            return describe(value.query)
        case RawSQL():
            return value.sql
        case F():
            return {"column": value.name}
        case Expression() | Term():
            return {"expression": type(value).__name__}
        case _:
            return str(value)
