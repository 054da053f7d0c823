"""Behaviour of the database itself: defaults, ids, triggers, cascades."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from tests.migrations.base_rows import INSERTS, USER, insert_all
from tests.migrations.contract import REQUIRED, TABLES

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


class TestDefaults:
    async def test_an_insert_needs_the_required_columns_only(self, raw: Connection) -> None:
        for table, statement in INSERTS.items():
            given = set(statement.split("(")[1].split(")")[0].split(", "))
            assert given - REQUIRED[table] <= {"user_id", "updated_by", "ip_address"}  # for the other tests
            await raw.execute(statement, *(["anna"] if "$1" in statement else []))
            assert await raw.fetchval(f"SELECT count(*) FROM {table}") == 1


class TestIds:
    async def test_they_are_uuids_of_version_7(self, raw: Connection) -> None:
        ids: list[UUID] = [
            row[0] for row in await raw.fetch("SELECT medianest_uuid_v7() FROM generate_series(1, 5000)")
        ]
        assert len({*ids}) == 5000
        for value in ids:
            assert UUID(bytes=value.bytes).version == 7
            assert UUID(bytes=value.bytes).variant == "specified in RFC 4122"

    async def test_their_time_is_now(self, raw: Connection) -> None:
        before = time.time()
        value = await raw.fetchval("SELECT medianest_uuid_v7()")
        assert before - 1 <= (value.int >> 80) / 1000 <= time.time() + 1

    async def test_their_other_bits_are_random(self, raw: Connection) -> None:
        rows = await raw.fetch("SELECT medianest_uuid_v7() FROM generate_series(1, 2000)")
        random = [row[0].int & ((1 << 62) - 1) | (row[0].int >> 64 & 0xFFF) << 62 for row in rows]
        for bit in range(74):
            assert 700 < sum(number >> bit & 1 for number in random) < 1300


class TestUpdatedAt:
    @pytest.mark.parametrize(
        ("table", "change"),
        [
            ("services", "enabled = false"),
            ("services", "updated_at = '2001-01-01'"),
            ("local_credentials", "must_change_password = true"),
            ("system_config", "description = 'x'"),
            ("system_config", "value = '2'"),
        ],
    )
    async def test_it_is_kept_whoever_updates_many_rows(self, raw: Connection, table: str, change: str) -> None:
        await insert_all(raw)
        if table != "local_credentials":
            name = {"services": "name, display_name", "system_config": "key, value"}[table]
            await raw.execute(f"INSERT INTO {table} ({name}) VALUES ('a', '1'), ('b', '2')")
        await raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await raw.execute(f"UPDATE {table} SET updated_at = $1", LONG_AGO)
        await raw.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        assert await raw.fetchval(f"SELECT bool_and(updated_at = $1) FROM {table}", LONG_AGO)
        await raw.execute(f"UPDATE {table} SET {change}")
        assert await raw.fetchval(f"SELECT bool_and(updated_at = now()) FROM {table}")

    async def test_an_insert_may_give_it(self, raw: Connection) -> None:
        await raw.execute("INSERT INTO services (name, display_name, updated_at) VALUES ('a', 'A', $1)", LONG_AGO)
        assert await raw.fetchval("SELECT updated_at FROM services") == LONG_AGO


class TestCustomizedAt:
    @pytest.fixture(autouse=True)
    async def config(self, raw: Connection) -> None:
        await raw.execute("SET LOCAL medianest.seeding = 'on'")
        await raw.execute("INSERT INTO system_config (key, value) VALUES ('key', '{\"a\": 1}')")
        await raw.execute("SET LOCAL medianest.seeding = 'off'")

    async def customized(self, raw: Connection) -> bool:
        return bool(await raw.fetchval("SELECT customized_at = now() FROM system_config"))

    async def test_a_new_one_is_marked(self, raw: Connection) -> None:
        await raw.execute("DELETE FROM system_config; INSERT INTO system_config (key, value) VALUES ('key', '1')")
        assert await self.customized(raw)

    async def test_a_changed_value_is_marked(self, raw: Connection) -> None:
        await raw.execute("UPDATE system_config SET value = '{\"a\": 2}'")
        assert await self.customized(raw)

    @pytest.mark.parametrize(
        "change", ["description = 'x'", "value = '{ \"a\":1 }'", "value = value", "customized_at = '2001-01-01'"]
    )
    async def test_another_change_marks_nothing(self, raw: Connection, change: str) -> None:
        await raw.execute(f"UPDATE system_config SET {change}")
        assert await raw.fetchval("SELECT customized_at IS NULL FROM system_config")

    async def test_the_mark_stays_when_an_older_copy_of_the_row_is_written_back(self, raw: Connection) -> None:
        await raw.execute("UPDATE system_config SET value = '2'")
        await raw.execute("UPDATE system_config SET value = '2', description = 'x', customized_at = NULL")
        assert await self.customized(raw)

    async def test_the_seed_marks_nothing_and_can_take_the_mark_away(self, raw: Connection) -> None:
        await raw.execute("SET LOCAL medianest.seeding = 'on'")
        await raw.execute("UPDATE system_config SET value = '2'")
        assert await raw.fetchval("SELECT customized_at IS NULL FROM system_config")
        await raw.execute("SET LOCAL medianest.seeding = 'off'")
        await raw.execute("UPDATE system_config SET value = '3'")
        assert await self.customized(raw)
        await raw.execute("SET LOCAL medianest.seeding = 'on'")
        await raw.execute("UPDATE system_config SET value = '2', customized_at = NULL")
        assert await raw.fetchval("SELECT customized_at IS NULL FROM system_config")


class TestDeleting:
    async def test_a_user_takes_everything_along_but_the_log(self, raw: Connection) -> None:
        await insert_all(raw)
        await raw.execute(f"INSERT INTO rate_limits (endpoint, user_id) VALUES ('x', '{USER}')")
        await raw.execute(
            f"""INSERT INTO rolling_rate_limits (endpoint, user_id, window_seconds, counts, expires_at)
                SELECT 'x', '{USER}', window_seconds, counts, expires_at FROM rolling_rate_limits"""
        )
        await raw.execute(f"DELETE FROM users WHERE id = '{USER}'")
        empty = {table for table in TABLES if not await raw.fetchval(f"SELECT count(*) FROM {table}")}
        requests = {"media_requests", "media_request_followers", "media_request_status_updates"}
        others = {"local_credentials", "session_tokens"}
        assert empty == {*requests, *others, "youtube_downloads"}
        assert await raw.fetchval("SELECT count(*) FROM rate_limits") == 1
        assert await raw.fetchval("SELECT count(*) FROM rolling_rate_limits") == 1
        assert await raw.fetchval("SELECT action FROM activity_logs WHERE user_id IS NULL") == "login"
        assert await raw.fetchval("SELECT key FROM system_config WHERE updated_by IS NULL") == "key"
