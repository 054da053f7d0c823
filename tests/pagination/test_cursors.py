from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import itertools
import json
import string
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tortoise.expressions import F, Q, RawSQL, Subquery
from tortoise.functions import Lower
from tortoise.queryset import QuerySet

from medianest_models.enums import RequestStatus
from medianest_models.errors import InvalidCursorError, InvalidInputError
from medianest_models.models import MediaRequest, Service, ServiceStatusHistory, User, YouTubeDownload
from medianest_models.pagination import paginate_by_cursor
from medianest_models.pagination.arguments import choose_column
from medianest_models.pagination.cursors import CursorCodec, Position, _as_json, _signing_keys, describe
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import START, instant, make_checks, make_requests, make_service, recorded

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]


@pytest.fixture(autouse=True)
def _keys_are_read_again() -> Iterator[None]:
    _signing_keys.cache_clear()
    yield
    _signing_keys.cache_clear()


def use_keys(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(keys))
    _signing_keys.cache_clear()


async def first_cursor(queryset: QuerySet[Any], **sort: Any) -> str:
    cursor = (await paginate_by_cursor(queryset, limit=1, **sort)).next_cursor
    assert cursor is not None
    return cursor


def described(queryset: QuerySet[Any]) -> bytes:
    return _as_json(describe(queryset))


async def refuses(queryset: QuerySet[Any], cursor: Any, **sort: Any) -> None:
    with pytest.raises(InvalidCursorError) as raised:
        await paginate_by_cursor(queryset, cursor=cursor, **sort)
    assert str(raised.value) == "The cursor was altered, or was made for another query."
    assert raised.value.__context__ is None


# Altered


async def test_every_altered_character_is_noticed(db: DatabaseUrl) -> None:
    await make_requests(2)
    queryset = MediaRequest.all()
    cursor = await first_cursor(queryset)
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")
    for place, character in enumerate(cursor):
        for other in string.ascii_letters + string.digits + "-_=+/. %\n\0é":
            if other != character:
                await refuses(queryset, cursor[:place] + other + cursor[place + 1 :])


async def test_every_missing_or_added_part_is_noticed(db: DatabaseUrl) -> None:
    await make_requests(2)
    queryset = MediaRequest.all()
    cursor = await first_cursor(queryset)
    for length in range(len(cursor)):
        for altered in (cursor[:length], cursor[-length:] if length else "", cursor[:length] + cursor[length + 1 :]):
            await refuses(queryset, altered)
        for more in "A=\n ":
            await refuses(queryset, cursor[:length] + more + cursor[length:])
    for altered in (cursor + "A", cursor + "=", cursor + "==", cursor + cursor, cursor.lower(), cursor[::-1]):
        await refuses(queryset, altered)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cursor=st.text() | st.binary() | st.integers() | st.lists(st.text()) | st.text("Aa0-_"))
async def test_anything_else_is_refused(db: DatabaseUrl, cursor: Any) -> None:
    await refuses(MediaRequest.all(), cursor)


async def test_a_refused_cursor_asks_nothing_of_the_database(db: DatabaseUrl) -> None:
    async with recorded() as recording:
        await refuses(MediaRequest.all(), "AAAA")
    assert recording == []


# Made for another list


async def test_holds_for_its_list_only(db: DatabaseUrl) -> None:
    ada = await make_requests(3)
    bob = await make_requests(2)
    await make_checks(await make_service(), [{}, {}])
    queryset = MediaRequest.filter(user_id=ada.id)
    cursor = await first_cursor(queryset)
    for other in (
        MediaRequest.all(),
        MediaRequest.filter(user_id=bob.id),
        MediaRequest.exclude(user_id=ada.id),
        MediaRequest.filter(id=ada.id),
        MediaRequest.filter(user_id__gte=ada.id),
        queryset.filter(status=RequestStatus.PENDING),
        queryset.order_by("created_at"),
        queryset.order_by("title"),
        YouTubeDownload.filter(user_id=ada.id),
    ):
        await refuses(other, cursor)
    await refuses(queryset, cursor, sort_order="asc")
    await refuses(queryset, cursor, sort_by="completed_at")
    await refuses(ServiceStatusHistory.all(), await first_cursor(ServiceStatusHistory.all()), sort_by="status")


async def test_holds_for_its_list_however_it_is_asked_for(db: DatabaseUrl) -> None:
    ada = await make_requests(3)
    queryset = MediaRequest.filter(user_id=ada.id, status__in=[RequestStatus.PENDING, RequestStatus.FAILED])
    cursor = await first_cursor(queryset)
    for same in (
        queryset.select_related("user").prefetch_related("status_updates").only("title"),
        queryset.order_by("-created_at"),
        MediaRequest.filter(status__in=["failed", "pending"]).filter(user_id=str(ada.id)),
        MediaRequest.filter(status__in={"failed", "pending"}, user_id=ada.id),
    ):
        page = await paginate_by_cursor(same, limit=50, cursor=cursor)
        assert [row.title for row in page.data] == ["Title 1", "Title 0"]
    assert (await paginate_by_cursor(queryset, cursor=cursor, sort_by="created_at", sort_order="desc")).data


async def test_holds_while_the_window_moves(db: DatabaseUrl) -> None:
    await make_requests(3)

    def since(microseconds: int) -> QuerySet[MediaRequest]:
        return MediaRequest.filter(created_at__gte=instant(microseconds))

    cursor = await first_cursor(since(0))
    assert [row.title for row in (await paginate_by_cursor(since(1), cursor=cursor)).data] == ["Title 1"]
    await refuses(MediaRequest.filter(created_at__lte=START), cursor)


async def test_holds_whatever_release_has_made_it(db: DatabaseUrl) -> None:
    """Accept an old cursor: if it is rejected, so are all cursors that are in use during an update.

    Those of version 1, before 2026-12, are rejected. A change of what a cursor contains needs another version.
    """
    cursor = "AozAzWlaHvajbivyJHThRVhbZmFsc2UsdHJ1ZSxudWxsLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDEiXQ"
    condition = ~Q(title__in=["a", "b"]) | Q(status="pending")
    queryset = MediaRequest.filter(condition, user_id=UUID(int=1), created_at__lt=START)
    codec = CursorCodec.of(queryset, choose_column(MediaRequest, (), "completed_at", "asc"))
    position = Position(backward=False, inclusive=True, value=None, id=str(UUID(int=1)))
    assert codec.decode(cursor) == position
    assert codec.encode(position) == cursor
    of_version_1 = "AXnewQVXjaEWNPGOibHesthbZmFsc2UsdHJ1ZSxudWxsLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDEiXQ"
    await refuses(queryset, of_version_1, sort_by="completed_at", sort_order="asc")


@pytest.mark.parametrize("value", [2**70, "\ud800", {1: "a"}])
async def test_a_value_that_no_column_holds_can_be_described(db: DatabaseUrl, value: Any) -> None:
    assert described(MediaRequest.filter(title=value)) != described(MediaRequest.filter(title="a"))


def holding_itself() -> dict[str, Any]:
    document: dict[str, Any] = {}
    document["a"] = document
    return document


@pytest.mark.parametrize("value", [{1: "a", "b": 1}, {(1,): "a"}, holding_itself()])
async def test_a_value_that_can_t_be_described_is_refused(db: DatabaseUrl, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^queryset: a filter has a value that is not JSON$"):
        await paginate_by_cursor(MediaRequest.filter(request_data__contains=value))


# Differences between lists


async def test_filters_that_differ_have_different_descriptions(db: DatabaseUrl) -> None:
    user = User(plex_id="1", plex_username="Ada")
    now = datetime.datetime.now(datetime.UTC)
    different: list[QuerySet[Any]] = [
        MediaRequest.all(),
        User.all(),
        MediaRequest.filter(title="a"),
        MediaRequest.filter(title="b"),
        MediaRequest.filter(title=None),
        MediaRequest.filter(title__not="a"),
        MediaRequest.exclude(title="a"),
        MediaRequest.filter(imdb_id="a"),
        MediaRequest.filter(Q(title="a") | Q(imdb_id="a")),
        MediaRequest.filter(Q(title="a") & Q(imdb_id="a")),
        MediaRequest.filter(~(Q(title="a") | Q(imdb_id="a"))),
        MediaRequest.filter(Q(title="a", imdb_id="a", join_type="OR")),
        MediaRequest.filter(title="a", imdb_id="b"),
        MediaRequest.filter(title="b", imdb_id="a"),
        MediaRequest.filter(title__in=["a"]),
        MediaRequest.filter(title__in=["a", "b"]),
        MediaRequest.filter(user=user),
        MediaRequest.filter(user_id=user.id),
        MediaRequest.filter(title=F("imdb_id")),
        MediaRequest.filter(title=F("tmdb_id")),
        MediaRequest.filter(title=Lower("tmdb_id")),
        MediaRequest.filter(title=RawSQL("'a'")),
        MediaRequest.filter(title=RawSQL("'b'")),
        MediaRequest.filter(user_id__in=Subquery(User.filter(plex_id="1").values("id"))),
        MediaRequest.filter(user_id__in=Subquery(User.filter(plex_id="2").values("id"))),
        MediaRequest.filter(created_at=now),
        MediaRequest.filter(created_at__gt=now),
        MediaRequest.filter(title="instant"),
        YouTubeDownload.filter(progress=1),
        YouTubeDownload.filter(progress="1"),
    ]
    assert len({described(queryset) for queryset in different}) == len(different)


async def test_filters_that_mean_the_same_have_the_same_description(db: DatabaseUrl) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for one, other in (
        (MediaRequest.filter(title="a", imdb_id="b"), MediaRequest.filter(imdb_id="b").filter(title="a")),
        (MediaRequest.filter(Q(title="a") | Q(title="b")), MediaRequest.filter(Q(title="b") | Q(title="a"))),
        (MediaRequest.filter(status=RequestStatus.FAILED), MediaRequest.filter(status="failed")),
        (MediaRequest.filter(created_at__gt=now), MediaRequest.filter(created_at__gt=START)),
        (MediaRequest.filter(title__in=("a", "b")), MediaRequest.filter(title__in=["b", "a"])),
    ):
        assert described(one) == described(other)


async def test_a_deep_filter_takes_no_longer_than_it_is_deep(db: DatabaseUrl) -> None:
    condition = Q(title="0")
    for number in range(1, 60):
        condition = condition | Q(title=str(number))
    assert described(MediaRequest.filter(condition)) != described(MediaRequest.filter(~condition))


# Forged


def forge(queryset: QuerySet[Any], payload: bytes, *, sort_by: str | None = None, version: bytes = b"\2") -> str:
    """Make a cursor as an attacker could who knows the source but has no key."""
    model: Any = queryset.model
    codec = CursorCodec.of(queryset, choose_column(model, (), sort_by, "desc"))
    key = hmac.digest(b"", b"medianest pagination cursor", "sha256")
    signature = hashlib.blake2b(version + codec.signed + payload, key=key, digest_size=16).digest()
    return base64.urlsafe_b64encode(version + signature + payload).decode().rstrip("=")


async def test_a_forged_cursor_is_refused_where_there_is_a_key(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_requests(2)
    queryset = MediaRequest.all()
    payload = f'[false,false,"2026-01-01T00:00:00.000001Z","{User(plex_id="", plex_username="").id}"]'.encode()
    forged = forge(queryset, payload)
    await refuses(queryset, forged)
    use_keys(monkeypatch)
    assert [row.title for row in (await paginate_by_cursor(queryset, cursor=forged)).data] == ["Title 1", "Title 0"]


ID = '"00000000-0000-7000-8000-000000000001"'


@pytest.mark.parametrize(
    ("model", "sort_by", "payload"),
    [
        (MediaRequest, "created_at", f"[false,false,null,{ID}]"),
        (MediaRequest, "created_at", f"[false,false,1,{ID}]"),
        (MediaRequest, "created_at", f'[false,false,"2026-01-01T00:00:00",{ID}]'),
        (MediaRequest, "created_at", f'[false,false,"now()",{ID}]'),
        (MediaRequest, "created_at", '[false,false,"2026-01-01T00:00:00Z","1"]'),
        (MediaRequest, "created_at", '[false,false,"2026-01-01T00:00:00Z",null]'),
        (MediaRequest, "created_at", f'[0,1,"2026-01-01T00:00:00Z",{ID}]'),
        (MediaRequest, "created_at", f'[false,false,"2026-01-01T00:00:00Z",{ID},1]'),
        (MediaRequest, "created_at", '{"value": 1}'),
        (MediaRequest, "created_at", "[" * 10_000),
        (MediaRequest, "created_at", "\0\1\2"),
        (MediaRequest, "created_at", ""),
        (MediaRequest, "title", f"[false,false,1,{ID}]"),
        (MediaRequest, "title", f'[false,false,"a\\u0000",{ID}]'),
        (MediaRequest, "title", f'[false,false,"\\ud800",{ID}]'),
        (MediaRequest, "title", f'[false,false,"{"x" * 501}",{ID}]'),
        (MediaRequest, "status", f'[false,false,"root",{ID}]'),
        (ServiceStatusHistory, "response_time_ms", f"[false,false,2147483648,{ID}]"),
        (ServiceStatusHistory, "response_time_ms", f"[false,false,true,{ID}]"),
        (ServiceStatusHistory, "response_time_ms", f"[false,false,1.5,{ID}]"),
        (ServiceStatusHistory, "response_time_ms", f'[false,false,"1",{ID}]'),
        (Service, "enabled", "[false,false,1,1]"),
        (Service, "enabled", "[false,false,true,-2147483649]"),
        (Service, "enabled", f"[false,false,true,{ID}]"),
        (YouTubeDownload, "priority", f"[false,false,11,{ID}]"),
    ],
    ids=map(str, itertools.count()),
)
async def test_a_forged_value_of_the_wrong_type_is_refused(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, model: Any, sort_by: str, payload: str
) -> None:
    use_keys(monkeypatch)
    await refuses(model.all(), forge(model.all(), payload.encode(), sort_by=sort_by), sort_by=sort_by)


async def test_a_forged_value_is_a_parameter(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_requests(3)
    use_keys(monkeypatch)
    text = "Title 1'; DROP TABLE users; --"
    cursor = forge(MediaRequest.all(), json.dumps([False, False, text, ID.strip('"')]).encode(), sort_by="title")
    async with recorded() as recording:
        page = await paginate_by_cursor(MediaRequest.all(), cursor=cursor, sort_by="title")
    assert [row.title for row in page.data] == ["Title 1", "Title 0"]
    assert "DROP" not in recording[0]


async def test_another_version_is_refused(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch)
    payload = f'[false,false,"2026-01-01T00:00:00Z",{ID}]'.encode()
    assert (await paginate_by_cursor(MediaRequest.all(), cursor=forge(MediaRequest.all(), payload))).data == []
    await refuses(MediaRequest.all(), forge(MediaRequest.all(), payload, version=b"\1"))


# Keys


async def test_keys_may_be_rotated(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    await make_requests(2)
    queryset = MediaRequest.all()
    use_keys(monkeypatch, KEYS[0])
    old = await first_cursor(queryset)
    use_keys(monkeypatch, KEYS[1], KEYS[0])
    new = await first_cursor(queryset)
    assert new != old
    for keys in ((KEYS[1], KEYS[0]), (KEYS[0], KEYS[1]), (KEYS[2], KEYS[1], KEYS[0])):
        use_keys(monkeypatch, *keys)
        for cursor in (old, new):
            assert len((await paginate_by_cursor(queryset, cursor=cursor)).data) == 1
    use_keys(monkeypatch, KEYS[1])
    await refuses(queryset, old)
    use_keys(monkeypatch)
    await refuses(queryset, old)
    await refuses(queryset, new)
