"""Drift of tables, columns, sequences and types, made by hand: each difference is reported for an operator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import pytest

from medianest_models.migrate.drift import compare

EXTRA: Final = "is extra: no applied migration makes it"

# Changes, and the lines that report them. The statements of a group do not affect each other.
DRIFTS: Final[list[dict[str, list[str]]]] = [
    {
        "DROP TABLE activity_logs": ["partitioned table activity_logs is missing"],
        "DROP TABLE services CASCADE": [
            "table services is missing",
            "constraint fk_service_maintenance_service_id on service_maintenance is missing",
            "constraint fk_service_rollups_service_id on service_rollups is missing",
            "constraint fk_service_states_service_id on service_states is missing",
            "constraint fk_service_status_history_service_id on service_status_history is missing",
            "constraint fk_stale_service_hours_service_id on stale_service_hours is missing",
        ],
        "CREATE TABLE mine (id serial PRIMARY KEY, user_id uuid REFERENCES users, n int CHECK (n > 0)); "
        "CREATE INDEX ON mine (n)": [
            f"table mine {EXTRA}",
        ],
        "ALTER TABLE session_tokens SET UNLOGGED": ["table session_tokens: storage is unlogged, should be logged"],
        "CREATE TABLE parent (); ALTER TABLE users INHERIT parent": [
            "table users: parent table is parent, should be none",
            f"table parent {EXTRA}",
        ],
        "CREATE VIEW admins AS SELECT id FROM users": [f"view admins {EXTRA}"],
        "DROP TABLE service_status_history_default": [
            "default partition service_status_history_default on service_status_history is missing",
        ],
        "DO $$ BEGIN EXECUTE format('ALTER TABLE service_status_history DETACH PARTITION service_status_history_%s', "
        "to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')); END $$": [
            f"table service_status_history_{datetime.now(UTC):%Y_%m} {EXTRA}",
        ],
        "CREATE TABLE service_status_history_1999_01 PARTITION OF service_status_history "
        "FOR VALUES FROM ('1999-01-01 00:00:00+00') TO ('1999-02-01 00:00:00+00')": [],
        "DROP INDEX ix_service_status_history_id": [
            "index ix_service_status_history_id on service_status_history is missing"
        ],
        "CREATE TABLE parts (n int) PARTITION BY LIST (n); CREATE TABLE part PARTITION OF parts DEFAULT": [
            f"partitioned table parts {EXTRA}",
        ],
        "ALTER TABLE users DROP COLUMN last_login_at": [
            "column users.last_login_at is missing",
            "constraint ck_users_last_login_at on users is missing",
        ],
        "ALTER TABLE session_tokens DROP COLUMN family_id": [
            "column session_tokens.family_id is missing",
            "index ix_session_tokens_family_id on session_tokens is missing",
        ],
        "ALTER TABLE users ADD COLUMN nick text NOT NULL DEFAULT 'x'": [f"column users.nick {EXTRA}"],
        "ALTER TABLE users ALTER COLUMN plex_username TYPE varchar(100)": [
            "column users.plex_username: type is character varying(100), should be character varying(255)",
        ],
        'ALTER TABLE users ALTER COLUMN plex_token TYPE text COLLATE "C"': [
            'column users.plex_token: collation is "C", should be the default',
        ],
        "ALTER TABLE users ALTER COLUMN plex_username DROP NOT NULL": [
            "column users.plex_username: NULL is allowed, should be not allowed",
        ],
        "ALTER TABLE users ALTER COLUMN role DROP DEFAULT": ["column users.role: default is none, should be 'user'"],
        "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN day AS int; CREATE TYPE pair AS (a int, b int)": [
            f"domain day {EXTRA}",
            f"enum mood {EXTRA}",
            f"composite type pair {EXTRA}",
        ],
    },
    {
        "ALTER TABLE activity_logs RENAME TO activity": [
            "partitioned table activity_logs is missing",
            f"partitioned table activity {EXTRA}",
        ],
        "CREATE MATERIALIZED VIEW admins AS SELECT id FROM users": [f"materialized view admins {EXTRA}"],
        "ALTER TABLE users ALTER COLUMN email SET DEFAULT 'it''s::text'": [
            "column users.email: default is 'it''s::text', should be none",
        ],
        "ALTER TABLE services ALTER COLUMN id DROP DEFAULT": [
            "column services.id: default is none, should be nextval('services_id_seq'::regclass)",
        ],
        "CREATE SEQUENCE mine": [f"sequence mine {EXTRA}"],
        "ALTER SEQUENCE services_id_seq INCREMENT 10 CYCLE": [
            "sequence services_id_seq: increment is 10, should be 1",
            "sequence services_id_seq: cycle is on, should be off",
        ],
        "ALTER SEQUENCE services_id_seq OWNED BY NONE": [
            "sequence services_id_seq: column is none, should be services.id",
        ],
    },
    {
        "ALTER TABLE activity_logs RENAME TO activity_log; CREATE VIEW activity_logs AS SELECT * FROM activity_log": [
            "partitioned table activity_logs is missing",
            f"partitioned table activity_log {EXTRA}",
            f"view activity_logs {EXTRA}",
        ],
        "ALTER TABLE services ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE services_id_seq; ALTER TABLE "
        "services ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY": [
            "column services.id: default is none, should be nextval('services_id_seq'::regclass)",
            "column services.id: identity is ALWAYS, should be none",
        ],
    },
    {
        "ALTER TABLE activity_logs DROP COLUMN entity_id; ALTER TABLE activity_logs ADD COLUMN entity_id "
        "varchar(255) GENERATED ALWAYS AS (upper(action)) STORED": [
            "column activity_logs.entity_id: value is STORED upper(action::text), should be not generated",
            "index ix_activity_logs_entity_type_entity_id_created_at on activity_logs is missing",
        ],
    },
]


@pytest.mark.parametrize("drifts", DRIFTS, ids=range(len(DRIFTS)))
async def test_each_is_found_and_named(raw: asyncpg.Connection[Any], drifts: dict[str, list[str]]) -> None:
    for statement in drifts:
        await raw.execute(statement)
    named = [difference.text for difference in (await compare(raw)).differences]
    assert sorted(named) == sorted(line for lines in drifts.values() for line in lines)
