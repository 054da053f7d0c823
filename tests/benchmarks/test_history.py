"""The benchmark of years of checks, on a small history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.history import growth, table
from benchmarks.history.__main__ import History, Size
from benchmarks.history.checks import add_services, load, make_checks
from benchmarks.history.readings import COLUMNS, Reading, Timing, UnequalError, agree, compare, unchanged
from benchmarks.history.table import Verdict
from benchmarks.server import connect
from medianest_models.embedded import EmbeddedServer
from medianest_models.repositories import services
from medianest_models.settings import DatabaseUrl

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_small_run_asks_all_and_all_agree(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "ENCRYPTION_KEYS", "LOG_LEVEL"):
        monkeypatch.setenv(name, "")  # the run sets them, and they are taken back
    kept = json.loads(json.dumps(await History(new_server(), Size(services=2, days=64, seconds=0)).run()))
    assert 2 * 63 * 1440 < kept["checks"] < 2 * 72 * 1440
    assert kept["hours"] >= 2 * 63 * 24
    assert kept["megabytes_after"] < kept["megabytes_before"]
    with_all, after_a_check, long = kept["measured"].values()
    kinds, windows = ("uptime", "response times", "incidents"), ("a day", "30 days", "64 days", "a year", "ten years")
    of_all = ["uptime of all services, 30 days by days", "dashboard", "latest statuses"]
    assert list(with_all) == [*(f"{kind}, {window}" for window in windows[:3] for kind in kinds), *of_all]
    assert list(after_a_check) == ["uptime, 30 days, after a check", "uptime, 30 days, after a late check"]
    assert list(long) == [*(f"{kind}, {w}" for w in windows if w != "64 days" for kind in kinds), *of_all]
    assert {title for title, columns in with_all.items() if list(columns) != list(COLUMNS)} == {"dashboard"}
    assert all(t["server"] > 0 for columns in with_all.values() for t in columns.values())
    assert len(kept["verdicts"]) == 4 + 3 * (4 + 2) + 1


async def test_a_history_that_is_copied_back_has_the_same_answers(fresh_db: DatabaseUrl) -> None:
    connection = await connect(fresh_db)
    (name,) = await add_services(connection, 1)
    until = datetime.now(UTC)
    since = growth.aligned(until - timedelta(days=8))
    await load(make_checks([name], since, (until - since) // timedelta(minutes=1)), at_once=10_000)
    await services.roll_up()
    assert await growth.copy_back(connection, since, until, days=600) == 600 // 8
    await connection.close()
    period = growth.aligned(until) - since
    found = await services.uptime(name, since=since, until=since + period)
    assert found is not None
    for copies, first in ((1, since - period), (75, since - 75 * period), (76, since - 75 * period)):
        copied = await services.uptime(name, since=first, until=first + copies * period)
        assert copied is not None
        assert (copied.up, copied.degraded, copied.down) == (
            copies * found.up, copies * found.degraded, copies * found.down,
        )  # fmt: skip
        incidents = await services.incidents(name, since=first, until=first + copies * period)
        assert sum((incident.duration for incident in incidents), timedelta()) == copied.down


def test_the_checks_are_those_of_a_portal() -> None:
    checks = list(make_checks(["one", "two"], SINCE, 20 * 1440))
    assert checks == list(make_checks(["one", "two"], SINCE, 20 * 1440))
    assert checks == sorted(checks, key=lambda check: check.checked_at or SINCE)
    assert {check.status for check in checks} == {"up", "degraded", "down"}
    assert len(checks) < 2 * 20 * 1440  # it was not always checked
    assert {"connection refused", None} < {check.error_message for check in checks if check.status == "down"}
    times = sorted(check.response_time_ms or 0 for check in checks if check.status == "up")
    assert times[0] < times[len(times) // 2] < times[-1] / 10  # a spike


def test_answers_are_equal_but_percentiles_may_differ_a_little() -> None:
    assert agree([1.0, 100.0], [1.0, 101.9])
    assert not agree([1.0, 100.0], [1.0, 102.1])
    assert not agree([1.0], [1.0, 2.0])
    assert agree([(timedelta(1), None)], [(timedelta(1), None)])
    assert not agree([(timedelta(1), None)], [(timedelta(days=1, microseconds=1), None)])
    assert not agree(None, [1.0])


async def test_different_answers_end_the_run() -> None:
    async def answer(value: int) -> int:
        return value

    calls: dict[str, Any] = {"package": lambda: answer(1), "raw SQL": lambda: answer(2)}
    await compare(Reading("dashboard", calls, None))
    with pytest.raises(UnequalError, match="uptime: the package and raw SQL differ"):
        await compare(Reading("uptime", calls, str))


async def test_a_changed_answer_ends_the_run() -> None:
    answers = iter([1, 1])

    async def answer() -> int:
        return next(answers)

    readings = [Reading("uptime", {"package": answer}, str)]
    async with unchanged(readings):
        pass
    answers = iter([1, 2])
    with pytest.raises(UnequalError, match="uptime: the answer has changed"):
        async with unchanged(readings):
            pass


def test_the_table_has_three_numbers_for_each_column() -> None:
    measured = {"package": Timing(1.234, 0.1, 0.02), "raw SQL": Timing(1234.5, 12.34, 999.7)}
    assert table.line("uptime, a year", measured).split() == [
        *("uptime,", "a", "year", "1.23", "0.10", "0.02", "-"), *("1,234", "12.3", "1,000"),
    ]  # fmt: skip
    _, head = table.head()
    assert len(head) == len(table.line("uptime, a year", measured)) == len(table.line("dashboard", measured))


def test_a_goal_is_the_most() -> None:
    said = [Verdict("a check", figure, 130, "bytes").line() for figure in (130, 1131)]
    assert said == ["goal: yes  a check: 130 bytes, at most 130", "goal: no   a check: 1,131 bytes, at most 130"]
