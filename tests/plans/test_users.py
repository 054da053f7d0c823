"""The plans of the queries about users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.db.statements import fetch
from medianest_models.enums import UserRole, UserStatus
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import users
from medianest_models.repositories.users import accounts
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, seq_scans

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from medianest_models.settings import DatabaseUrl

    Call = Callable[[], Coroutine[Any, Any, Any]]

NAME, EMAIL = "ix_users_plex_username", "ix_users_email"

CALLS: list[tuple[Call, set[str]]] = [
    (lambda: users.get(row_id(7)), {"pk_users"}),
    (lambda: users.find_by_plex_id("plex-7"), {"uq_users_plex_id"}),
    (lambda: accounts._by_plex_ids(["plex-7", "plex-8"]), {"uq_users_plex_id"}),
    (lambda: users.find_by_email("USER7@example.ORG"), {EMAIL}),
    (lambda: users.search("name 1234"), {NAME, EMAIL}),
    (lambda: users.search("user19999"), {NAME, EMAIL}),
    (lambda: users.search("user1999", params=PaginationParams(sort_by="plex_username")), {NAME, EMAIL}),
    (lambda: users.search(status=UserStatus.SUSPENDED), {"ix_users_status_created_at"}),
    (lambda: users.search(role=UserRole.ADMIN), {"ix_users_role_created_at"}),
    (lambda: users.set_role(row_id(7), role=UserRole.ADMIN), {"pk_users"}),
    (lambda: users.reinstate(row_id(7)), {"pk_users"}),
]


@pytest.mark.parametrize(("call", "indexes"), CALLS)
async def test_users_are_read_through_an_index(big_database: DatabaseUrl, call: Call, indexes: set[str]) -> None:
    for plan in await explain_calls(call()):
        assert not seq_scans(plan)
        assert index_names(plan) == indexes


async def test_a_page_of_all_users_is_read_through_an_index(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(users.search())
    assert "ix_users_created_at" in index_names(plan)  # the total is counted in one way or another


async def test_a_sign_in_finds_its_user_through_the_unique_index(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(users.upsert_from_plex("plex-8", plex_username="N"))
    assert plan["Conflict Arbiter Indexes"] == ["uq_users_plex_id"]
    assert not seq_scans(plan)


async def test_suspend_finds_the_user_and_their_sessions_through_indexes(big_database: DatabaseUrl) -> None:
    admins, user, locked, sessions = await explain_calls(users.suspend(row_id(7)))
    assert index_names(admins) == {"ix_users_role_created_at"}
    assert index_names(user) == index_names(locked) == {"pk_users"}
    assert index_names(sessions) == {"ix_session_tokens_user_id_created_at"}
    assert index_names(locked) == {"pk_users"}
    assert not any(map(seq_scans, (user, locked, sessions)))


async def test_the_indexes_serve_prefixes_under_every_collation(big_database: DatabaseUrl) -> None:
    rows = await fetch("SELECT indexdef FROM pg_indexes WHERE indexname IN ($1, $2)", NAME, EMAIL)
    assert len(rows) == 2
    assert all("text_pattern_ops" in row["indexdef"] for row in rows)
