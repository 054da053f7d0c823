"""What PostgreSQL plans for the statements of rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.db.statements import execute
from medianest_models.repositories import rate_limits
from tests.plans.big_rows import row_id
from tests.plans.conftest import explain_calls, index_names, seq_scans

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from medianest_models.settings import DatabaseUrl

BY_USER = "uq_rate_limits_user_id_endpoint_window_start"
BY_ADDRESS = "uq_rate_limits_ip_address_endpoint_window_start"
ROLLING_BY_USER = "uq_rolling_rate_limits_user_id_endpoint_window_seconds"
ROLLING_BY_ADDRESS = "uq_rolling_rate_limits_ip_address_endpoint_window_seconds"


async def indexes(call: Coroutine[Any, Any, Any]) -> set[str]:
    """The indexes that a call uses in all; it must not read all counters."""
    plans = await explain_calls(call)
    assert plans
    assert [seq_scans(plan) for plan in plans] == [set()] * len(plans)
    return {name for plan in plans for name in index_names(plan)}


async def test_hit(big_database: DatabaseUrl) -> None:
    await indexes(rate_limits.hit("media.request", user_id=row_id(7)))
    await indexes(rate_limits.hit("media.request", ip_address="10.1.2.3"))
    for _ in range(2):  # the second one is refused
        await indexes(rate_limits.hit("endpoint 3", ip_address="10.1.2.3", limit=1, rolling=True))


async def test_clear(big_database: DatabaseUrl) -> None:
    assert await indexes(rate_limits.clear("media.request", user_id=row_id(7))) == {BY_USER, ROLLING_BY_USER}
    assert await indexes(rate_limits.clear(ip_address="10.1.2.3")) == {BY_ADDRESS, ROLLING_BY_ADDRESS}


async def test_delete_expired(big_database: DatabaseUrl) -> None:
    await execute("UPDATE rate_limits SET window_start = now() - interval '2 days' WHERE id < $1", row_id(1_000))
    await execute("UPDATE rolling_rate_limits SET expires_at = now() - interval '1 s' WHERE id < $1", row_id(1_000))
    assert await indexes(rate_limits.delete_expired()) == {
        *("ix_rate_limits_window_start", "pk_rate_limits"),
        *("ix_rolling_rate_limits_expires_at", "pk_rolling_rate_limits"),
    }
