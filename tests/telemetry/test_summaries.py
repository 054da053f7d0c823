"""Summaries of statements, and their texts without literals."""

from __future__ import annotations

import re

import pytest

from medianest_models.telemetry.summaries import describe


@pytest.mark.parametrize(
    ("sql", "summary"),
    [
        # those of the conventions
        ("SELECT * FROM wuser_table WHERE username = ?", "SELECT wuser_table"),
        (
            "INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders WHERE order_id = ?",
            "INSERT shipping_details SELECT orders",
        ),
        ("SELECT * FROM songs, artists WHERE songs.artist_id = artists.id", "SELECT songs artists"),
        ('SELECT * FROM "song list" JOIN artists USING (id)', 'SELECT "song list" artists'),
        # what the repositories and Tortoise send
        ('SELECT "id" FROM "users" LIMIT 10', "SELECT users"),
        ("SELECT * FROM medianest_claim_next_download($1, $2)", "SELECT medianest_claim_next_download"),
        (
            "WITH a AS (UPDATE t SET x = 1 RETURNING *), b (c) AS NOT MATERIALIZED (SELECT FROM u, f()) TABLE a JOIN b",
            "UPDATE t SELECT u",
        ),
        ("WITH medianest_page AS MATERIALIZED (SELECT FROM t) SELECT FROM medianest_page", "SELECT t"),
        (
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = coalesce(extract(epoch FROM now()), $2)",
            "INSERT t",
        ),
        ("SELECT update.x FROM s AS update WHERE a IS DISTINCT FROM b", "SELECT s"),
        ("DELETE FROM a USING b WHERE a.id = ANY (ARRAY(SELECT id FROM c LIMIT $1))", "DELETE a b SELECT c"),
        # others
        ("BEGIN ISOLATION LEVEL read committed", "BEGIN"),
        ("ROLLBACK TO SAVEPOINT medianest_1; RELEASE SAVEPOINT medianest_1", "ROLLBACK"),
        ("-- from users\nSELECT 'FROM users', \"a\"", "SELECT"),
        ("create table x ()", "CREATE"),
        ("", ""),
        (")", ""),
    ],
)
def test_summaries(sql: str, summary: str) -> None:
    assert describe(sql)[0] == summary


def test_a_long_summary_ends_with_a_whole_word() -> None:
    summary, _ = describe("SELECT * FROM " + ", ".join(f"table_{n}" for n in range(100)))
    assert re.fullmatch(r"SELECT( table_\d+)+", summary)
    assert 240 < len(summary) <= 255


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT $1, 'it''s', 1.5e3, x1 FROM  t\n LIMIT 10", "SELECT $1, ?, ?, x1 FROM t LIMIT ?"),
        (r"SELECT E'a\'b', $q$secret$q$, $$s$$, 0xff", "SELECT ?, ?, ?, ?"),
        ('SELECT "a\'b" -- secret\n, 2 /* secret */', 'SELECT "a\'b" , ?'),
        ("SELECT -.5, x.y", "SELECT -?, x.y"),
        ("SELECT 'unclosed", "SELECT ?"),
    ],
)
def test_texts_hold_no_literal(sql: str, text: str) -> None:
    assert describe(sql)[1] == text
