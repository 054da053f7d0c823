"""Instants: aware, in UTC, and never a guess."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_models.errors import InvalidInputError
from medianest_models.models import User

UTC = datetime.UTC
FIELD = User._meta.fields_map["last_login_at"]


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
        return  # see test_one_that_utc_has_no_name_for_is_refused
    for read in (User(last_login_at=value).last_login_at, FIELD.to_db_value(value, User())):
        assert isinstance(read, datetime.datetime)
        assert read == expected
        assert read.tzinfo is UTC


def test_the_second_turn_of_a_repeated_hour_is_another_instant() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    instants = {User(last_login_at=value).last_login_at for value in (first, first.replace(fold=1))}
    assert len(instants) == 2


@pytest.mark.parametrize("value", [datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=NoOffset())])  # noqa: DTZ001 - that is the test
def test_a_naive_one_is_refused(value: datetime.datetime) -> None:
    message = r"^users\.last_login_at: must be an aware datetime, with a time zone$"
    with pytest.raises(InvalidInputError, match=message):
        User(last_login_at=value)
    with pytest.raises(InvalidInputError, match=message):
        FIELD.to_db_value(value, User())


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-1))),
    ],
)
def test_one_that_utc_has_no_name_for_is_refused(value: datetime.datetime) -> None:
    for make in (lambda: User(last_login_at=value), lambda: FIELD.to_db_value(value, User())):
        with pytest.raises(InvalidInputError, match=r"^users\.last_login_at: is out of range in UTC$"):
            make()


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", 0, 1.5, datetime.date(2026, 1, 1)])
def test_what_is_no_datetime_is_refused(value: Any) -> None:
    message = rf"^users\.last_login_at: must be a datetime, not {type(value).__name__}$"
    with pytest.raises(InvalidInputError, match=message):
        User(last_login_at=value)
    with pytest.raises(InvalidInputError, match=message):
        FIELD.to_db_value(value, User())


def test_none_is_null() -> None:
    assert User(last_login_at=None).last_login_at is None
    assert FIELD.to_db_value(None, User()) is None
