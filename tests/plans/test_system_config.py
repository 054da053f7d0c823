"""What PostgreSQL plans for the statements of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.db.statements import execute
from medianest_models.repositories import system_config
from tests.plans.conftest import explain_calls, index_names

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


async def test_a_setting_is_found_by_its_key(big_database: DatabaseUrl) -> None:
    await execute("INSERT INTO system_config (key, value) SELECT 'key.' || n, '1' FROM generate_series(1, 10000) AS n")
    await execute("ANALYZE system_config")
    for call in (
        system_config.get("key.17"),
        system_config.concurrent_downloads(),
        system_config.rate_limit("media.request"),
    ):
        (plan,) = await explain_calls(call)
        assert index_names(plan) == {"uq_system_config_key"}
