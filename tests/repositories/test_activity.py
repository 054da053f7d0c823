"""The activity log."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.errors import InvalidInputError, InvalidReferenceError
from medianest_models.models import ActivityLog, User
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import activity
from medianest_models.settings import DatabaseUrl
from tests.repositories.wrong_arguments import wrong


async def entries(count: int, *, age: str = "0 hours", action: str = "a", user_id: UUID | None = None) -> None:
    """Add entries, each a second older than the previous one."""
    await execute(
        "INSERT INTO activity_logs (action, user_id, entity_type, entity_id, created_at) "
        "SELECT $2, $3, 'thing', n::text, now() - $4::text::interval - n * interval '1 second' "
        "FROM generate_series(1, $1::int) AS n",
        count,
        action,
        user_id,
        age,
    )


async def test_record(user: User) -> None:
    entry = await activity.record(
        "request.approve",
        user_id=str(user.id),
        entity_type="media_request",
        entity_id="17",
        metadata={"from": "pending", "tags": ["a", None]},
        ip_address="::FFFF:192.0.2.7",
        user_agent="curl/8\n",
    )
    assert (entry.user_id, entry.action, entry.entity_type, entry.entity_id) == (
        user.id,
        "request.approve",
        "media_request",
        "17",
    )
    assert entry.metadata == {"from": "pending", "tags": ["a", None]}
    assert (entry.ip_address, entry.user_agent) == ("192.0.2.7", "curl/8\n")
    assert entry.created_at.tzinfo is datetime.UTC
    assert dict(await ActivityLog.get()) == dict(entry)


async def test_record_by_nobody_known(db: DatabaseUrl) -> None:
    entry = await activity.record("start")
    given = (entry.user_id, entry.entity_type, entry.entity_id, entry.metadata, entry.ip_address, entry.user_agent)
    assert given == (None,) * 6


@wrong(
    action=["", "a" * 101, "a\0", None, 5],
    user_id=["me"],
    entity_type=["", "t" * 51],
    entity_id=["i" * 256, 17],
    metadata=[{1: 2}, float("nan"), {"a": b""}],
    ip_address=["localhost", "fe80::1%eth0"],
    user_agent=["\ud800", "\0"],
)
async def test_record_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    given = {"action": "a", name: value}
    with pytest.raises(InvalidInputError, match=name):
        await activity.record(given.pop("action"), **given)
    assert not await ActivityLog.exists()


async def test_record_by_an_unknown_user(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await activity.record("a", user_id=uuid4())
    assert not await ActivityLog.exists()


async def test_list_for_user(user: User) -> None:
    other = await User.create(plex_id="2", plex_username="bob")
    await entries(3, user_id=user.id)
    await entries(2, user_id=other.id)
    await entries(2)
    page = await activity.list_for_user(user.id, params=PaginationParams(limit=2))
    assert [entry.entity_id for entry in page.data] == ["1", "2"]
    assert {entry.user_id for entry in page.data} == {user.id}
    assert page.pagination.total == 3
    assert (await activity.list_for_user(str(uuid4()))).data == []
    with pytest.raises(InvalidInputError, match="user_id"):
        await activity.list_for_user("me")


async def test_list_for_entity(db: DatabaseUrl) -> None:
    for entity_type, entity_id, action in (("a", "1", "x"), ("a", "2", "x"), ("b", "1", "x"), ("a", "1", "y")):
        await activity.record(action, entity_type=entity_type, entity_id=entity_id)
    page = await activity.list_for_entity("a", entity_id="1")
    assert {entry.action for entry in page.data} == {"x", "y"}
    assert page.pagination.total == 2
    assert (await activity.list_for_entity("c", entity_id="1")).data == []
    wrong: list[Any] = [("", "1"), ("a", ""), ("a\0", "1"), ("a" * 51, "1"), (None, "1"), ("a", 1)]
    for entity_type, entity_id in wrong:
        with pytest.raises(InvalidInputError, match="entity_"):
            await activity.list_for_entity(entity_type, entity_id=entity_id)


async def test_list_recent(db: DatabaseUrl) -> None:
    await entries(3, action="a")
    await entries(2, action="b", age="1 hour")
    page = await activity.list_recent(params=PaginationParams(limit=4))
    assert [entry.action for entry in page.data] == ["a", "a", "a", "b"]
    assert page.pagination.total == 5
    assert [entry.entity_id for entry in (await activity.list_recent(action="b")).data] == ["1", "2"]
    assert (await activity.list_recent(action="c")).data == []
    wrong: list[Any] = ["", "a" * 101, "\0", 5]
    for action in wrong:
        with pytest.raises(InvalidInputError, match="action"):
            await activity.list_recent(action=action)
