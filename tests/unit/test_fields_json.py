"""JSON columns: a document is stored unchanged, or rejected with the place of the invalid value."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import pytest

from medianest_models.enums import ServiceStatus
from medianest_models.errors import InvalidInputError
from medianest_models.fields.json import load_json
from medianest_models.models import SystemConfig
from tests.growth import assert_linear, repeated

FIELD = SystemConfig._meta.fields_map["value"]
PLACE = "system_config.value"


class Pair(NamedTuple):
    a: int
    b: int


class Level(IntEnum):
    HIGH = 2


def stored(value: object) -> Any:
    """Return the value to store for an instance with that document."""
    instance = SystemConfig(value=value)
    return FIELD.to_db_value(instance.value, instance)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (math.nan, ": NaN and infinity are not JSON"),
        ({"a": [1, -math.inf]}, ".a[1]: NaN and infinity are not JSON"),
        ([2**64], "[0]: a whole number is out of range (64 bits)"),
        (-(2**63) - 1, ": a whole number is out of range (64 bits)"),
        ({"a": 10**5000}, ".a: a whole number is out of range (64 bits)"),
        ({"a": Decimal("1.5")}, ".a: Decimal is not JSON"),
        ({1: "a"}, ": a key must be a text, not int"),
        ({"a": {None: 1}}, ".a: a key must be a text, not NoneType"),
        ({Level.HIGH: 1}, ": a key must be a text, not Level"),
        ({"a": "x\0y"}, ".a: a text must not hold a NUL character"),
        ({"x\0y": 1}, ", a key: a text must not hold a NUL character"),
        (["\ud800"], "[0]: a text is not valid Unicode"),
        ({"\udfff": 1}, ", a key: a text is not valid Unicode"),
        ({"a": b"x"}, ".a: bytes is not JSON"),
        ({"a": {1, 2}}, ".a: set is not JSON"),
        ([uuid4()], "[0]: UUID is not JSON"),
        ({"a": object()}, ".a: object is not JSON"),
        ([Pair(1, 2)], ": holds a value that is not JSON"),
        ([type("Ratio", (float,), {})(1.5)], ": holds a value that is not JSON"),
    ],
)
def test_what_is_no_json_is_refused(document: object, problem: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        stored(document)
    assert str(raised.value) == PLACE + problem


def test_what_json_has_no_type_for_but_a_like_one_is_taken() -> None:
    assert orjson.loads(stored({"a": (1, 2), "b": ServiceStatus.UP, ServiceStatus.DOWN: Level.HIGH, "c": True})) == {
        "a": [1, 2],
        "b": "up",
        "down": 2,
        "c": True,
    }


def nested(levels: int) -> Any:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


def test_a_document_may_have_two_hundred_levels() -> None:
    assert FIELD.to_python_value(stored(nested(200))) == nested(200)


@pytest.mark.parametrize("levels", [201, 300, 5_000, 100_000])
def test_more_levels_are_refused(levels: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{PLACE}: is nested more than 200 levels deep$"):
        stored(nested(levels))


def test_a_document_in_itself_is_refused() -> None:
    document: dict[str, Any] = {}
    document |= {"a": document, "b": [document, document]}
    with pytest.raises(InvalidInputError, match="levels deep"):
        stored(document)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e400", Decimal("1e400")), ("-0.0", -0.0), ("1E2", 100.0), ("-0", 0)],
)
def test_a_number_that_is_no_double_is_a_decimal(text: str, number: object) -> None:
    assert (load_json(text), type(load_json(text))) == (number, type(number))
    assert load_json(f'["{"1" * 17}", {text}]')[1] == number


@pytest.mark.parametrize("text", ["NaN", "[1e400, NaN]", "-Infinity", "[1", "", "1e" + "9" * 30, '"\ud800'])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no JSON, or nested too deep$|surrogates not allowed"):
        load_json(text)


@pytest.mark.parametrize("unit", ["1", "1.", "1e", "0", "[", "{", '"', '"1", ', "\\u", "-", "e9", '{"a":', "[1,", "é"])
def test_the_time_grows_with_the_length(unit: str) -> None:
    for before, after in (("", ""), ("1", "."), ('["', '"]'), ("[1e400, 1", "]"), ("0.1", "e9")):
        assert_linear(lambda text: _or_refuse(load_json, text), repeated(unit, before, after), 1_000_000)


def _or_refuse(function: Callable[[str], Any], text: str) -> None:
    with suppress(ValueError):
        function(text)
