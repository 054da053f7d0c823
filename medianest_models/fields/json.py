"""Columns that hold a JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson
from tortoise import fields
from tortoise.models import Model

from medianest_models.checks import is_unicode
from medianest_models.errors import InvalidInputError, UnreadableValueError
from medianest_models.fields.naming import column_name

_MAX_DEPTH: Final = 200  # orjson stops at 254 levels
_DIGITS: Final = bytes(ord("0") if chr(byte) in "0123456789." else 0 for byte in range(256))
_MAY_LOSE_DIGITS: Final = b"0" * 17
"""Longer than any number of 15 digits and a decimal point; a double keeps all of these."""


class JSONField(fields.JSONField[Any]):
    """A `jsonb` document: None, a bool, a number, a string, a list, or a dict with string keys.

    Tortoise parses a `str` as JSON text; here `"123"` is the string 123. None is SQL's NULL. A number from another
    client that fits neither 64 bits nor a double is a `Decimal`, and keeps its digits when the document is saved.
    """

    verbatim: Final = True
    """A constructor's argument is the document itself, and not its form in the database."""

    def to_python_value(self, value: Any) -> Any:
        """Read the document from the text that the driver returns; one that is nested too deep is unreadable."""
        if not isinstance(value, (str, bytes)):
            return value
        try:
            return load_json(value)
        except ValueError as error:
            raise UnreadableValueError(f"{column_name(self)}: {error}") from None

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str | None:  # noqa: ARG002 - Tortoise's signature
        """Write the document as JSON text, as `dump_json` does."""
        return None if value is None else dump_json(value, column_name(self))


def load_json(text: str | bytes) -> Any:
    """Read JSON text, with all digits of its numbers; a ValueError says that it is none, or nested too deep."""
    encoded = text.encode() if isinstance(text, str) else text
    try:
        if _MAY_LOSE_DIGITS not in encoded.translate(_DIGITS):
            return orjson.loads(encoded)
    except orjson.JSONDecodeError:  # such as 1e400, which does not fit a double
        pass
    try:
        return json.loads(encoded, parse_int=_number, parse_float=_number, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        raise ValueError("no JSON, or nested too deep") from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def dump_json(value: object, where: str) -> str:
    """Write JSON text that `jsonb` accepts; for a value that JSON can't hold, an error gives its place.

    It reads back as the same value, but for two: a float from 1e16 on comes back as an int, and a tuple as a list.
    """
    check_depth(value, where)
    _check(value, where)
    try:
        # A StrEnum member is not a plain str, and a Decimal is a number from `load_json`.
        return orjson.dumps(value, default=_as_number, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # such as a named tuple
        raise InvalidInputError(f"{where}: holds a value that is not JSON") from None


def _as_number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError


def check_depth(value: object, where: str) -> None:
    """Refuse a document that has more levels than can be walked, stored and read again, as one that holds itself."""
    ahead = [(value, 0)]
    while ahead:
        node, depth = ahead.pop()
        if depth > _MAX_DEPTH:
            raise InvalidInputError(f"{where}: is nested more than {_MAX_DEPTH} levels deep")
        if isinstance(node, dict):
            node = list(node.values())
        if isinstance(node, (list, tuple)):
            ahead.extend((item, depth + 1) for item in node)


def map_leaves(node: Any, function: Callable[[Any], Any]) -> Any:
    """Copy a document, with `function` applied to each value."""
    if isinstance(node, dict):
        return {key: map_leaves(item, function) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [map_leaves(item, function) for item in node]
    return function(node)


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
        case Decimal() if value.is_finite() and type(_number(str(value))) is Decimal:
            return
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


def _number(text: str) -> int | float | Decimal:
    """Parse a number as an int of 64 bits or a float; as a `Decimal` if neither keeps its digits."""
    exact = Decimal(text)
    if text.lstrip("-").isdecimal() and -(2**63) <= exact < 2**64:
        return int(text)
    nearest = float(text)
    return nearest if Decimal(repr(nearest)) == exact else exact
