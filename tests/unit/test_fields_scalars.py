"""Columns of one value: what they take, and what they refuse before the database would."""

from __future__ import annotations

import datetime
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given, strategies as st
from tortoise.models import Model

from medianest_models.enums import (
    DownloadPriority,
    DownloadStatus,
    RequestStatus,
    ServiceStatus,
    UserRole,
    UserStatus,
)
from medianest_models.errors import InvalidInputError
from medianest_models.models import (
    ActivityLog,
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    ServiceStatusHistory,
    SessionToken,
    User,
    YouTubeDownload,
)

# Enums: their own members and values, and nothing else.

ENUMS: list[tuple[type[Model], str, type[Enum]]] = [
    (User, "role", UserRole),
    (User, "status", UserStatus),
    (MediaRequest, "status", RequestStatus),
    (MediaRequestStatusUpdate, "status", RequestStatus),
    (YouTubeDownload, "status", DownloadStatus),
    (YouTubeDownload, "priority", DownloadPriority),
    (ServiceStatusHistory, "status", ServiceStatus),
]


class Impostor(StrEnum):
    USER = "user"
    FAILED = "failed"
    UP = "up"


class Number(IntEnum):
    TEN = 10


def make(model: type[Model], field: str, value: object) -> Any:
    return getattr(model(**{field: value}), field)


def encoded(model: type[Model], field: str, value: object) -> Any:
    return model._meta.fields_map[field].to_db_value(value, model)


@pytest.mark.parametrize(("model", "field", "enum"), ENUMS)
def test_members_and_their_values_are_taken(model: type[Model], field: str, enum: type[Enum]) -> None:
    for member in enum:
        for value in (member, member.value):
            assert make(model, field, value) is member
            assert encoded(model, field, value) == member.value
            assert type(encoded(model, field, value)) in (str, int)


@pytest.mark.parametrize(("model", "field", "enum"), ENUMS)
@pytest.mark.parametrize("value", [*Impostor, *Number, *DownloadStatus, *RequestStatus, *UserRole, *ServiceStatus])
def test_another_enum_s_member_is_refused(model: type[Model], field: str, enum: type[Enum], value: Enum) -> None:
    if isinstance(value, enum):
        return
    message = f"{model._meta.db_table}.{field}: must be a {enum.__name__}, not a {type(value).__name__}"
    for use in (make, encoded):
        with pytest.raises(InvalidInputError) as raised:
            use(model, field, value)
        assert str(raised.value) == message


@pytest.mark.parametrize(("model", "field", "enum"), ENUMS)
@pytest.mark.parametrize("value", ["canary", "", "USER", "Pending", " up", 7, -1, 10.5, b"up", ["up"], {}, object()])
def test_another_value_is_refused_and_not_repeated(
    model: type[Model], field: str, enum: type[Enum], value: object
) -> None:
    allowed = ", ".join(str(member.value) for member in enum)
    for use in (make, encoded):
        with pytest.raises(InvalidInputError) as raised:
            use(model, field, value)
        assert str(raised.value) == f"{model._meta.db_table}.{field}: must be one of {allowed}"
        assert raised.value.__suppress_context__


# Texts.


def stored(model: type[Model], field: str, value: Any) -> Any:
    """Return what would be written for an instance with that value."""
    instance = model()
    setattr(instance, field, value)
    return model._meta.fields_map[field].to_db_value(getattr(instance, field), instance)


TEXTS = [(User, "plex_username", 255), (YouTubeDownload, "error_message", None), (SessionToken, "token_hash", 255)]


@pytest.mark.parametrize(("model", "field", "length"), TEXTS)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=255))
def test_a_text_is_stored_as_it_is(model: type[Model], field: str, length: int | None, text: str) -> None:
    assert stored(model, field, text) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("canary\0", "must not hold a NUL byte"),
        *((text, "is not valid Unicode") for text in ("\ud800", "canary\udfff", "\udc00\ud800")),
        *(
            (value, f"must be a text, not {type(value).__name__}")
            for value in (b"canary", 1, True, 1.5, ["canary"], {"canary": 1}, object(), User())
        ),
    ],
)
@pytest.mark.parametrize(("model", "field", "length"), TEXTS)
def test_what_is_no_text_is_refused_and_not_turned_into_one(
    model: type[Model], field: str, length: int | None, value: object, problem: str
) -> None:
    with pytest.raises(InvalidInputError) as raised:
        stored(model, field, value)
    assert str(raised.value) == f"{model._meta.db_table}.{field}: {problem}"


@pytest.mark.parametrize("letter", ["a", "ä", "字", "👩"])
@pytest.mark.parametrize(
    ("model", "field", "length"),
    [(User, "email", 255), (LocalCredential, "username", 100), (ActivityLog, "entity_type", 50), *TEXTS[::2]],
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


# Instants: aware, in UTC, and never a guess.

UTC = datetime.UTC
FIRST, LAST = datetime.datetime.min, datetime.datetime.max  # noqa: DTZ901 - naive until a zone is given
LAST_LOGIN = User._meta.fields_map["last_login_at"]


class NoOffset(datetime.tzinfo):
    """A time zone that does not say how far it is from UTC: with it a datetime is naive."""

    def utcoffset(self, _dt: datetime.datetime | None, /) -> None:
        return None

    dst = utcoffset
    tzname = utcoffset


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_an_instant_stays_that_instant_in_utc(value: datetime.datetime) -> None:
    try:
        expected = value.astimezone(UTC)
    except OverflowError:
        return  # see test_what_is_no_instant_is_refused
    for read in (User(last_login_at=value).last_login_at, LAST_LOGIN.to_db_value(value, User())):
        assert isinstance(read, datetime.datetime)
        assert read == expected
        assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (datetime.datetime(2026, 1, 1), "must be an aware datetime, with a time zone"),  # noqa: DTZ001 - that is the test
        (datetime.datetime(2026, 1, 1, tzinfo=NoOffset()), "must be an aware datetime, with a time zone"),
        (FIRST.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))), "is out of range in UTC"),
        (LAST.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-1))), "is out of range in UTC"),
        ("2026-01-01T00:00:00Z", "must be a datetime, not str"),
        (0, "must be a datetime, not int"),
        (1.5, "must be a datetime, not float"),
        (datetime.date(2026, 1, 1), "must be a datetime, not date"),
    ],
)
def test_what_is_no_instant_is_refused(value: Any, problem: str) -> None:
    for make in (lambda: User(last_login_at=value), lambda: LAST_LOGIN.to_db_value(value, User())):
        with pytest.raises(InvalidInputError, match=rf"^users\.last_login_at: {problem}$"):
            make()
