"""Columns that hold a JSON document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import orjson
from tortoise import fields

from medianest_models.checks import is_unicode
from medianest_models.errors import InvalidInputError
from medianest_models.fields.naming import column_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tortoise.models import Model

_MAX_DEPTH: Final = 200  # orjson stops at 254 levels


class JSONField(fields.JSONField[Any]):
    """A `jsonb` document: None, a bool, a number, a text, a list, or a dict with texts for keys.

    Tortoise takes a `str` for JSON text; here `"123"` is the text 123. None is SQL's NULL.
    """

    verbatim: Final = True
    """A constructor's argument is the document itself and not what the database would return for it."""

    def to_python_value(self, value: Any) -> Any:
        """The document for the text the driver returns."""
        return orjson.loads(value) if isinstance(value, (str, bytes)) else value

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:  # noqa: ARG002 - Tortoise's signature
        """The document as JSON text.

        Raises:
            InvalidInputError: JSON or `jsonb` can't hold the value.
        """
        if value is None:
            return None
        return dump_json(value, column_name(self))


def dump_json(value: object, where: str) -> str:
    """`value` as JSON text that `jsonb` takes and that reads back as the same value.

    Except that JSON has one kind of number: a float from 1e16 on comes back as a whole number, and a tuple as a list.

    Raises:
        InvalidInputError: JSON can't hold it. The message says where it stands in the document.
    """
    check_depth(value, where)
    _check(value, where)
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()  # a member of a StrEnum is no plain text
    except TypeError:  # such as a named tuple
        raise InvalidInputError(f"{where}: holds a value that is not JSON") from None


def check_depth(value: object, where: str) -> None:
    """Refuses a document that is nested too deep to be walked.

    Raises:
        InvalidInputError: It has more levels than can be stored and read again, or holds itself.
    """
    ahead = [(value, 0)]
    while ahead:
        node, depth = ahead.pop()
        if depth > _MAX_DEPTH:
            raise InvalidInputError(f"{where}: is nested more than {_MAX_DEPTH} levels deep")
        ahead.extend((item, depth + 1) for item in _items(node))


def _items(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, (list, tuple)) else ()


def _check(value: object, where: str) -> None:  # noqa: C901 - a case for each of JSON's types
    match value:
        case None | bool():
            return
        case str():
            _check_text(value, where)
        case int():
            if not -(2**63) <= value < 2**64:
                raise InvalidInputError(f"{where}: a whole number is out of range (64 bits)")
        case float():
            if not math.isfinite(value):
                raise InvalidInputError(f"{where}: NaN and infinity are not JSON")
        case list() | tuple():
            for index, item in enumerate(value):
                _check(item, f"{where}[{index}]")
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise InvalidInputError(f"{where}: a key must be a text, not {type(key).__name__}")
                _check_text(key, f"{where}, a key")
                _check(item, f"{where}.{key}")
        case _:
            raise InvalidInputError(f"{where}: {type(value).__name__} is not JSON")


def _check_text(value: str, where: str) -> None:
    if "\0" in value:
        raise InvalidInputError(f"{where}: a text must not hold a NUL character")
    if not is_unicode(value):
        raise InvalidInputError(f"{where}: a text is not valid Unicode")
