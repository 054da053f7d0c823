"""Enum columns: their own members and values, and nothing else."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.enums import (
    DownloadPriority,
    DownloadStatus,
    RequestStatus,
    ServiceStatus,
    UserRole,
    UserStatus,
)
from medianest_models.errors import InvalidInputError
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, ServiceStatusHistory, User, YouTubeDownload

if TYPE_CHECKING:
    from enum import Enum

    from tortoise.models import Model

COLUMNS: list[tuple[type[Model], str, type[Enum]]] = [
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


def stored(model: type[Model], field: str, value: object) -> Any:
    return model._meta.fields_map[field].to_db_value(value, model)


@pytest.mark.parametrize(("model", "field", "enum"), COLUMNS)
def test_members_and_their_values_are_taken(model: type[Model], field: str, enum: type[Enum]) -> None:
    for member in enum:
        for value in (member, member.value):
            assert make(model, field, value) is member
            assert stored(model, field, value) == member.value
            assert type(stored(model, field, value)) in (str, int)


@pytest.mark.parametrize(("model", "field", "enum"), COLUMNS)
@pytest.mark.parametrize("value", [*Impostor, *Number, *DownloadStatus, *RequestStatus, *UserRole, *ServiceStatus])
def test_another_enum_s_member_is_refused(model: type[Model], field: str, enum: type[Enum], value: Enum) -> None:
    if isinstance(value, enum):
        return
    message = f"{model._meta.db_table}.{field}: must be a {enum.__name__}, not a {type(value).__name__}"
    for use in (make, stored):
        with pytest.raises(InvalidInputError) as raised:
            use(model, field, value)
        assert str(raised.value) == message


@pytest.mark.parametrize(("model", "field", "enum"), COLUMNS)
@pytest.mark.parametrize("value", ["canary", "", "USER", "Pending", " up", 7, -1, 10.5, b"up", ["up"], {}, object()])
def test_another_value_is_refused_and_not_repeated(
    model: type[Model], field: str, enum: type[Enum], value: object
) -> None:
    allowed = ", ".join(str(member.value) for member in enum)
    for use in (make, stored):
        with pytest.raises(InvalidInputError) as raised:
            use(model, field, value)
        assert str(raised.value) == f"{model._meta.db_table}.{field}: must be one of {allowed}"
        assert raised.value.__suppress_context__


def test_a_column_is_wide_enough_for_every_member() -> None:
    for model, field, enum in COLUMNS:
        width = getattr(model._meta.fields_map[field], "max_length", None)
        assert width is None or all(len(str(member.value)) <= width for member in enum)
