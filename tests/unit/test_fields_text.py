"""Text columns: what they refuse before the database would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_models.errors import InvalidInputError
from medianest_models.models import ActivityLog, LocalCredential, SessionToken, User, YouTubeDownload

if TYPE_CHECKING:
    from tortoise.models import Model


def stored(model: type[Model], field: str, value: Any) -> Any:
    """What would be written for an instance with that value."""
    instance = model()
    setattr(instance, field, value)
    return model._meta.fields_map[field].to_db_value(getattr(instance, field), instance)


COLUMNS = [(User, "plex_username", 255), (YouTubeDownload, "error_message", None), (SessionToken, "token_hash", 255)]


@pytest.mark.parametrize(("model", "field", "length"), COLUMNS)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=255))
def test_a_text_is_stored_as_it_is(model: type[Model], field: str, length: int | None, text: str) -> None:
    assert stored(model, field, text) == text


@pytest.mark.parametrize(("model", "field", "length"), COLUMNS)
def test_a_nul_byte_is_refused(model: type[Model], field: str, length: int | None) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{model._meta.db_table}\.{field}: must not hold a NUL byte$"):
        stored(model, field, "canary\0")


@pytest.mark.parametrize("text", ["\ud800", "canary\udfff", "\udc00\ud800"])
@pytest.mark.parametrize(("model", "field", "length"), COLUMNS)
def test_a_lone_surrogate_is_refused(model: type[Model], field: str, length: int | None, text: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{model._meta.db_table}\.{field}: is not valid Unicode$"):
        stored(model, field, text)


@pytest.mark.parametrize("value", [b"canary", 1, True, 1.5, ["canary"], {"canary": 1}, object(), User()])
@pytest.mark.parametrize(("model", "field", "length"), COLUMNS)
def test_what_is_no_text_is_refused_and_not_turned_into_one(
    model: type[Model], field: str, length: int | None, value: object
) -> None:
    with pytest.raises(InvalidInputError) as raised:
        stored(model, field, value)
    assert str(raised.value) == f"{model._meta.db_table}.{field}: must be a text, not {type(value).__name__}"


@pytest.mark.parametrize("letter", ["a", "ä", "字", "👩"])
@pytest.mark.parametrize(
    ("model", "field", "length"),
    [(User, "email", 255), (LocalCredential, "username", 100), (ActivityLog, "entity_type", 50), *COLUMNS[::2]],
)
def test_characters_are_counted_and_not_bytes(model: type[Model], field: str, length: int, letter: str) -> None:
    assert stored(model, field, letter * length) == letter * length
    with pytest.raises(InvalidInputError) as raised:
        stored(model, field, letter * (length + 1))
    assert str(raised.value) == f"{model._meta.db_table}.{field}: must be at most {length} characters long"


def test_an_empty_email_is_none() -> None:
    assert User(email="").email is None
    assert stored(User, "email", "") is None
    assert stored(User, "email", " ") == " "


def test_another_empty_text_is_a_text() -> None:
    assert stored(User, "plex_username", "") == ""


@pytest.mark.parametrize(("model", "field", "length"), COLUMNS)
def test_none_is_null(model: type[Model], field: str, length: int | None) -> None:
    assert stored(model, field, None) is None


def test_no_message_holds_the_value() -> None:
    for value in ("canary" * 100, "canary\0", "canary\ud800"):
        with pytest.raises(InvalidInputError) as raised:
            stored(User, "email", value)
        assert not re.search("canary", str(raised.value))
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
