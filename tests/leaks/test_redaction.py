"""Texts that hold a secret without saying so, as the query log may get them."""

from __future__ import annotations

from typing import Any

import pytest

from medianest_models.db.query_log import redact, redact_sql


@pytest.mark.parametrize(
    "value",
    [
        "https://plex.local/?X-Plex-Token=hunter2",
        "https://plex.local/#page=1&access_token=hunter2",
        "plex.local/path;apikey=hunter2",
        "//ada:hunter2@plex.local/",
        {"headers": {"x-api-key": "hunter2"}},
        '{"x-api-key": "hunter2"}',
        [{"url": "https://plex.local/?a=1&client-secret=hunter2"}],
    ],
)
def test_a_secret_in_a_parameter_is_not_shown(value: Any) -> None:
    assert "hunter2" not in redact(value)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users (plex_id, plex_token) VALUES ('1', 'hunter2')",
        "INSERT INTO users (plex_token) SELECT E'it\\'s hunter2'",
        "SELECT 1 FROM session_tokens WHERE token_hash IN ('a', 'hunter2')",
        "SELECT 1 FROM users WHERE 'hunter2' = plex_token",
        "ALTER ROLE guest PASSWORD $$hunter2$$",
        "ALTER ROLE guest PASSWORD $pw$hunter2$pw$",
        'UPDATE services SET config_data = \'{"token": "hunter2"}\'',
        "UPDATE services SET url = 'https://plex.local/?X-Plex-Token=hunter2'",
        "UPDATE users SET plex_token = 'not ended hunter2",
        "UPDATE users SET plex_token = '" + "x" * 9_000 + "hunter2" + "x" * 9_000 + "'",
    ],
)
def test_a_secret_in_a_statement_is_not_shown(sql: str) -> None:
    assert "hunter2" not in redact_sql(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'token' FROM users WHERE role = 'admin'",
        "SELECT '{\"page\": 1}'::jsonb, 'https://plex.local/?page=1', 'a@b.c'",
        "SELECT $1, $2 FROM t WHERE a = $3",
    ],
)
def test_other_statements_are_shown(sql: str) -> None:
    assert redact_sql(sql) == sql
