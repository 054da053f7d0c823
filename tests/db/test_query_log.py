"""The query log: its statements and parameters, never with a secret."""

from __future__ import annotations

import datetime
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretBytes, SecretStr

from medianest_models.db import database, transaction
from medianest_models.db.query_log import redact, redact_sql
from medianest_models.encryption.stored_secrets import SecretParameter
from medianest_models.enums import UserRole
from medianest_models.settings import DatabaseUrl
from tests.db.pools import client, pool_of


@pytest.mark.parametrize(
    "value",
    [
        SecretParameter("hunter2"),
        SecretStr("hunter2"),
        SecretBytes(b"hunter2"),
        "postgresql://medianest:hunter2@host/db",
        "see https://hunter2@host/path",
        '{"url": "x", "api_key": "hunter2"}',
        '{"deep": [{"Plex-Token" : "hunter2"}]}',
        {"password": "hunter2"},
        {"deep": [{"clientSecret": "hunter2"}]},
        ["x", SecretParameter("hunter2")],
        ("x", ["y", SecretStr("hunter2")]),
        b"hunter2",
        {"headers": {"x-api-key": "hunter2"}},
        [{"url": "https://plex.local/?a=1&client-secret=hunter2"}],
    ],
)
def test_a_secret_is_not_shown(value: Any) -> None:
    assert "hunter2" not in redact(value)
    assert "hunter2" not in redact([value])


def test_a_secret_is_three_stars() -> None:
    assert redact([SecretParameter("hunter2"), SecretStr("hunter2"), "https://u:hunter2@h"]) == "[***, ***, ***]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (7, "7"),
        (1.5, "1.5"),
        (Decimal("1.50"), "'1.50'"),
        ("a\nb", r"'a\nb'"),
        (UserRole.ADMIN, "'admin'"),
        (uuid.UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "'2026-01-02 00:00:00+00:00'"),
        (b"abc", "<3 bytes>"),
        ("https://www.youtube.com/playlist?list=x", "'https://www.youtube.com/playlist?list=x'"),
        ('{"quality": "best"}', '\'{"quality": "best"}\''),
        (["a", 1, ["b"]], "['a', 1, ['b']]"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_other_values_are_shown(value: Any, shown: str) -> None:
    assert redact(value) == shown


def test_long_values_are_cut() -> None:
    assert redact("x" * 1000) == f"'{'x' * 200}'... (1000 characters)"
    assert redact(list(range(1000))).endswith("18, 19, ... 1000 in all]")
    assert len(redact_sql("SELECT " + "x" * 100_000)) < 6000


@given(st.text(), st.text(alphabet=st.characters(codec="utf-8")))
def test_a_log_line_stays_one_line(text: str, key: str) -> None:
    assert len(redact([text, {key: text}]).splitlines()) <= 1


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("ALTER ROLE guest PASSWORD 'hunter''2'", "ALTER ROLE guest PASSWORD '***'"),
        ("SELECT dblink('postgresql://u:hunter2@h/d')", "SELECT dblink('postgresql://***@h/d')"),
        ("SELECT * FROM users WHERE plex_token = 'hunter2'", "SELECT * FROM users WHERE plex_token = '***'"),
        ("SELECT * FROM users WHERE \"plex_token\"='hunter2'", "SELECT * FROM users WHERE \"plex_token\"='***'"),
        ("SELECT 'token' FROM users WHERE id = $1", "SELECT 'token' FROM users WHERE id = $1"),
    ],
)
def test_a_secret_in_the_text_is_not_shown(sql: str, shown: str) -> None:
    assert redact_sql(sql) == shown


async def test_every_query_at_the_level_debug(
    fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    async with database(fresh_url):
        caplog.clear()
        async with transaction():
            await client().execute_query("SELECT $1::text, $2::text", ["plain", SecretParameter("hunter2")])
        await client().execute_many("SELECT $1::text", [["one"], [SecretParameter("hunter2")]])
        queries = [record for record in caplog.records if record.name == "medianest_models.query"]
        assert [record.levelname for record in queries] == ["DEBUG"] * 4
        shown = [re.sub(r"^\d+\.\d ms: ", "", record.getMessage()) for record in queries]
        assert shown == [
            "BEGIN ISOLATION LEVEL read committed []",
            "SELECT $1::text, $2::text ['plain', ***]",
            "COMMIT []",
            "SELECT $1::text [[['one'], [***]]]",
        ]
        assert "hunter2" not in caplog.text


async def test_only_slow_queries_at_other_levels(
    fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_QUERY_MS", "1000")  # a busy machine must not make the other one slow
    monkeypatch.setenv("LOG_LEVEL", "info")
    async with database(fresh_url):
        caplog.clear()
        await client().execute_query("SELECT 1")
        await client().execute_query("SELECT pg_sleep(1), $1::text", [SecretParameter("hunter2")])
    slow = [record for record in caplog.records if "pg_sleep" in record.getMessage()]
    assert [(record.name, record.levelname) for record in slow] == [("medianest_models.query", "WARNING")]
    assert re.fullmatch(r"slow query, \d+\.\d ms: SELECT pg_sleep\(1\), \$1::text \[\*\*\*\]", slow[0].getMessage())
    assert "SELECT 1" not in caplog.text


async def test_a_parameter_that_can_not_be_shown_costs_no_connection(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        def __str__(self) -> str:
            raise ZeroDivisionError

    monkeypatch.setenv("LOG_LEVEL", "debug")
    async with pool_of(1, fresh_url):
        with pytest.raises(ZeroDivisionError):
            await client().execute_query("SELECT $1::text", [Mute()])
