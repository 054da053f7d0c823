"""That each call of a repository finds its rows through the indexes that are meant for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest_models.db.statements import execute
from medianest_models.enums import RequestStatus, ServiceStatus, UserRole, UserStatus
from medianest_models.models import User
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import (
    activity,
    downloads,
    media_requests,
    rate_limits,
    services,
    system_config,
    users,
)
from medianest_models.repositories.services import Check
from medianest_models.repositories.sessions import verification
from medianest_models.repositories.users import accounts
from medianest_models.settings import DatabaseUrl
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, indexes, nodes, plan_of, seq_scans

Call = Callable[[], Coroutine[Any, Any, Any]]

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
CREATED = "ix_activity_logs_created_at"
BY_USER, BY_STATUS, BY_AGE = (
    f"ix_media_requests_{columns}" for columns in ("user_id_created_at", "status_created_at", "created_at")
)
BY_TMDB_ID, BY_OPEN_TITLE = "ix_media_requests_tmdb_id_media_type", "uq_media_requests_tmdb_id_media_type_season"
ONE_FOLLOWER = "uq_media_request_followers_request_id_user_id"
FOLLOWED = "ix_media_request_followers_user_id_request_id"
COUNTERS = ("rate_limits_{}_endpoint_window_start", "rolling_rate_limits_{}_endpoint_window_seconds")
NAME_AND_EMAIL = {"ix_users_plex_username", "ix_users_email"}
HISTORY = "ix_service_status_history_service_id_checked_at"

EXACTLY: list[tuple[Call, set[str]]] = [
    (lambda: activity.prune(690 * DAY), {CREATED, "pk_activity_logs"}),
    (lambda: downloads.list_for_user(row_id(7)), {"ix_youtube_downloads_user_id_created_at"}),
    (downloads.counts_by_status, {"ix_youtube_downloads_status_created_at"}),
    (lambda: downloads.counts_by_status(user_id=row_id(7)), {"ix_youtube_downloads_user_id_created_at"}),
    (lambda: downloads.get(row_id(7)), {"pk_youtube_downloads"}),
    (lambda: media_requests.get(row_id(5)), {"pk_media_requests"}),
    (lambda: media_requests.find_by_tmdb_id("17"), {BY_TMDB_ID}),
    (lambda: media_requests.find_by_tmdb_id("17", media_type="tv"), {BY_TMDB_ID}),
    (lambda: media_requests.find_by_overseerr_id("o18"), {"ix_media_requests_overseerr_id"}),
    (lambda: media_requests.list_for_user(row_id(7)), {BY_USER}),
    (lambda: media_requests.list_for_user(row_id(7), params=PaginationParams(page=2)), {BY_USER}),
    (lambda: media_requests.list_followed(row_id(7)), {FOLLOWED, "pk_media_requests"}),
    (lambda: media_requests.followers(row_id(5)), {"pk_media_requests", ONE_FOLLOWER, "pk_users"}),
    (lambda: media_requests.unfollow(row_id(5), user_id=row_id(9)), {FOLLOWED}),
    (media_requests.counts_by_status, {BY_STATUS}),
    (lambda: media_requests.counts_by_status(user_id=row_id(7)), {BY_USER}),
    (
        lambda: media_requests.history(row_id(5)),
        {"pk_media_requests", "ix_media_request_status_updates_request_id_created_at"},
    ),
    (
        lambda: rate_limits.clear("media.request", user_id=row_id(7)),
        {f"uq_{counters.format('user_id')}" for counters in COUNTERS},
    ),
    (
        lambda: rate_limits.clear(ip_address="10.1.2.3"),
        {f"uq_{counters.format('ip_address')}" for counters in COUNTERS},
    ),
    (lambda: users.get(row_id(7)), {"pk_users"}),
    (lambda: users.find_by_plex_id("plex-7"), {"uq_users_plex_id"}),
    (lambda: accounts._by_plex_ids(["plex-7", "plex-8"]), {"uq_users_plex_id"}),
    (lambda: users.find_by_email("USER7@example.ORG"), {"ix_users_email"}),
    (lambda: users.search("name 1234"), NAME_AND_EMAIL),
    (lambda: users.search("user19999"), NAME_AND_EMAIL),
    (lambda: users.search("user1999", params=PaginationParams(sort_by="plex_username")), NAME_AND_EMAIL),
    (lambda: users.search(status=UserStatus.SUSPENDED), {"ix_users_status_created_at"}),
    (lambda: users.search(role=UserRole.ADMIN), {"ix_users_role_created_at"}),
    (lambda: users.set_role(row_id(7), role=UserRole.ADMIN), {"pk_users"}),
    (lambda: users.reinstate(row_id(7)), {"pk_users"}),
]


@pytest.mark.parametrize(("call", "used"), EXACTLY)
async def test_a_call_uses_exactly_these_indexes(big_database: DatabaseUrl, call: Call, used: set[str]) -> None:
    assert await indexes(call()) == used


AMONG_OTHERS: list[tuple[Call, str]] = [  # by which the total is counted, or which a small partition chooses
    (lambda: activity.list_for_user(row_id(7)), "ix_activity_logs_user_id_created_at"),
    (
        lambda: activity.list_for_entity("media_request", entity_id="17"),
        "ix_activity_logs_entity_type_entity_id_created_at",
    ),
    (lambda: activity.list_recent(action="action.7"), "ix_activity_logs_action_created_at"),
    (lambda: media_requests.list_by_filters(user_id=row_id(7), status=RequestStatus.FAILED), BY_USER),
    (lambda: media_requests.list_by_filters(user_id=row_id(7), media_type="tv"), BY_USER),
    (lambda: media_requests.list_by_filters(status=RequestStatus.PENDING), BY_STATUS),
    (lambda: media_requests.list_by_filters(status=RequestStatus.PENDING, media_type="tv"), BY_STATUS),
    (lambda: media_requests.list_by_filters(since=NOW - DAY), BY_AGE),
    (lambda: media_requests.list_by_filters(since=NOW - 9 * DAY, until=NOW - 8 * DAY), BY_AGE),
    (lambda: services.response_time_percentiles("service-3", since=NOW - 30 * DAY), HISTORY),
    (lambda: services.uptime("service-3", since=NOW - 30 * DAY, until=NOW, step=DAY), HISTORY),
    (lambda: services.response_time_percentiles("service-3", since=NOW - 30 * DAY, until=NOW, step=DAY), HISTORY),
]


@pytest.mark.parametrize(("call", "used"), AMONG_OTHERS)
async def test_a_call_uses_this_index_and_reads_no_large_table(
    big_database: DatabaseUrl, call: Call, used: str
) -> None:
    *_, plan = await explain_calls(call())
    assert used in index_names(plan)
    assert seq_scans(plan) <= {"users"}  # of which the total may be counted so


WRITES: list[tuple[Call, set[str]]] = [
    (lambda: activity.record("a", user_id=row_id(7)), set()),
    (
        lambda: media_requests.submit(row_id(7), title="T", media_type="movie", tmdb_id="new", follow=True),
        {BY_OPEN_TITLE, ONE_FOLLOWER},
    ),
    (lambda: media_requests.follow(row_id(5), user_id=row_id(9)), {"pk_media_requests", ONE_FOLLOWER}),
    (
        lambda: media_requests.transition(row_id(99), status=RequestStatus.APPROVED),
        {"pk_media_requests", BY_OPEN_TITLE},
    ),
    (
        lambda: media_requests.transition_many(
            [row_id(number * 100 + 94) for number in range(50)], status=RequestStatus.PENDING
        ),
        {"pk_media_requests", BY_OPEN_TITLE, BY_TMDB_ID},
    ),
    (lambda: services.get("service-3"), set()),
    (services.list_enabled, set()),
    (lambda: services.configure("service-3", url="http://new"), set()),
    (lambda: services.record_check("service-3", status=ServiceStatus.UP), set()),
    (lambda: services.record_checks([Check("service-3", ServiceStatus.UP)]), set()),
]


@pytest.mark.parametrize(("call", "allowed"), WRITES)
async def test_a_call_uses_no_other_index(big_database: DatabaseUrl, call: Call, allowed: set[str]) -> None:
    assert await indexes(call()) <= allowed


async def test_a_hit_reads_not_all_counters(big_database: DatabaseUrl) -> None:
    await indexes(rate_limits.hit("media.request", user_id=row_id(7)))
    await indexes(rate_limits.hit("media.request", ip_address="10.1.2.3"))
    for _ in range(2):  # the second one is refused
        await indexes(rate_limits.hit("endpoint 3", ip_address="10.1.2.3", limit=1, rolling=True))


async def test_expired_counters_are_found_through_an_index(big_database: DatabaseUrl) -> None:
    await execute("UPDATE rate_limits SET window_start = now() - interval '2 days' WHERE id < $1", row_id(1_000))
    await execute("UPDATE rolling_rate_limits SET expires_at = now() - interval '1 s' WHERE id < $1", row_id(1_000))
    assert await indexes(rate_limits.delete_expired()) == {
        *("ix_rate_limits_window_start", "pk_rate_limits"),
        *("ix_rolling_rate_limits_expires_at", "pk_rolling_rate_limits"),
    }


async def test_a_setting_is_found_by_its_key(big_database: DatabaseUrl) -> None:
    await execute("INSERT INTO system_config (key, value) SELECT 'key.' || n, '1' FROM generate_series(1, 10000) AS n")
    await execute("ANALYZE system_config")
    for call in (
        system_config.get("key.17"),
        system_config.concurrent_downloads(),
        system_config.rate_limit("media.request"),
    ):
        assert await indexes(call) == {"uq_system_config_key"}


async def test_a_sign_in_finds_its_user_through_the_unique_index(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(users.upsert_from_plex("plex-8", plex_username="N"))
    assert plan["Conflict Arbiter Indexes"] == ["uq_users_plex_id"]
    assert not seq_scans(plan)


async def test_suspend_finds_the_user_and_their_sessions_through_indexes(big_database: DatabaseUrl) -> None:
    admins, user, locked, sessions = await explain_calls(users.suspend(row_id(7)))
    assert index_names(admins) == {"ix_users_role_created_at"}
    assert index_names(user) == index_names(locked) == {"pk_users"}
    assert index_names(sessions) == {"ix_session_tokens_user_id_created_at"}
    assert not any(map(seq_scans, (user, locked, sessions)))


async def test_of_few_sessions_each_token_is_looked_up_by_itself(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await execute(
        """
        INSERT INTO session_tokens (user_id, token_hash, family_id, expires_at)
        SELECT $1, encode(sha256(n::text::bytea), 'hex'), gen_random_uuid(), now() + interval '1 day'
        FROM generate_series(1, 1000) AS n
        """,
        user.id,
    )
    await execute("ANALYZE session_tokens")
    hashes = [verification.stored_hash(str(n)) for n in range(1, 11)]
    for asked, many in ((hashes, True), (hashes[0], False)):
        sql = verification._verify_sql(many=many)
        plan = await plan_of(sql, asked, 30.0, 60.0, analyze=True)
        *_, lookup = (node for node in nodes(plan) if node.get("Index Name") == "uq_session_tokens_token_hash")
        rows = 10 if many else 1
        assert (lookup["Node Type"], lookup["Actual Loops"], plan["Actual Rows"]) == ("Index Scan", rows, rows)
