"""Counting hits, and limiting them in a window."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.errors import ConfigurationError, InvalidInputError, InvalidReferenceError
from medianest_models.models import RateLimit, User
from medianest_models.repositories import rate_limits, system_config
from medianest_models.repositories.rate_limits import RateLimitResult
from medianest_models.settings import DatabaseUrl
from tests.processes import run_in_processes
from tests.repositories.wrong_arguments import wrong

DAY: Final = 86_400
ADDRESS: Final = "192.0.2.77"
SPELLINGS: Final = (
    ADDRESS,
    "::ffff:192.0.2.77",
    "::FFFF:C000:024D",
    "0:0:0:0:0:ffff:c000:24d",
    "0000:0000:0000:0000:0000:ffff:192.0.2.77",
    "::192.0.2.77",  # IPv4-compatible
    "::ffff:0:192.0.2.77",  # IPv4-translated
    "64:ff9b::192.0.2.77",  # NAT64
    "2002:c000:24d::",  # 6to4
    "2002:c000:24d:1:2:3:4:5",
)


@pytest.fixture(autouse=True)
async def not_at_midnight() -> None:
    """Wait at midnight: most tests here use windows of a day, and must not span two of them."""
    now = datetime.datetime.now(datetime.UTC)
    if (now.hour, now.minute) == (23, 59) and now.second > 50:
        await asyncio.sleep(61 - now.second)


async def new_user(name: str = "a") -> User:
    return await User.create(plex_id=name, plex_username=name)


async def hit_by(user: User | UUID, *, limit: int = 3, endpoint: str = "e") -> RateLimitResult:
    user_id = user if isinstance(user, UUID) else user.id
    return await rate_limits.hit(endpoint, user_id=user_id, limit=limit, window_seconds=DAY)


async def test_allows_as_many_as_the_limit(user: User) -> None:
    results = [await hit_by(user) for _ in range(5)]
    assert [result.allowed for result in results] == [True, True, True, False, False]
    assert [result.remaining for result in results] == [2, 1, 0, 0, 0]
    assert {result.limit for result in results} == {3}
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    assert {result.reset_at for result in results} == {
        datetime.datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=datetime.UTC)
    }
    assert [result.retry_after is None for result in results] == [True, True, True, False, False]
    wait = results[-1].retry_after
    assert wait is not None
    assert datetime.timedelta() < wait <= datetime.timedelta(days=1)


async def test_what_is_refused_is_not_counted(user: User) -> None:
    for _ in range(5):
        await hit_by(user)
    row = await RateLimit.get()
    assert (row.user_id, row.ip_address, row.endpoint, row.request_count) == (user.id, None, "e", 3)
    assert row.window_start.timestamp() % DAY == 0
    assert (await hit_by(user, limit=4)).remaining == 0
    assert not (await hit_by(user, limit=2)).allowed
    assert (await hit_by(user, limit=2)).remaining == 0


@pytest.mark.parametrize("seconds", [1, 7, 60, 3600, DAY])
async def test_windows_are_aligned_to_the_epoch(db: DatabaseUrl, seconds: int) -> None:
    result = await rate_limits.hit("e", ip_address=ADDRESS, limit=1, window_seconds=seconds)
    row = await RateLimit.get()
    assert result.reset_at == row.window_start + datetime.timedelta(seconds=seconds)
    assert row.window_start.timestamp() % seconds == 0


async def test_the_next_window_starts_anew_also_in_a_transaction_that_began_before(db: DatabaseUrl) -> None:
    async def hit() -> RateLimitResult:
        return await rate_limits.hit("e", ip_address=ADDRESS, limit=1, window_seconds=1)

    first = await hit()
    assert first.allowed
    await execute("SELECT pg_sleep(1.1)")
    second = await hit()
    assert second.allowed
    assert second.reset_at > first.reset_at
    assert await RateLimit.all().count() == 2


async def test_callers_and_endpoints_are_counted_apart(db: DatabaseUrl) -> None:
    one, other = await new_user("1"), await new_user("2")
    for caller in ({"user_id": one.id}, {"user_id": str(other.id)}, {"ip_address": ADDRESS}, {"ip_address": "::1"}):
        for endpoint in ("a", "b"):
            arguments: dict[str, Any] = {"limit": 1, "window_seconds": DAY, **caller}
            assert (await rate_limits.hit(endpoint, **arguments)).allowed
            assert not (await rate_limits.hit(endpoint, **arguments)).allowed


@pytest.mark.parametrize(
    ("spellings", "stored"),
    [
        (SPELLINGS, ADDRESS),
        (("2001:DB8:0:0:0:0:0:1", "2001:db8::1", "2001:0db8::0001"), "2001:db8::1"),
        (("::1", "0:0:0:0:0:0:0:1"), "::1"),
        (("::",), "::"),
        (("::0.255.255.255",), "::ff:ffff"),  # not a host's address, so it contains no IPv4 address
        (("64:ff9b:1::192.0.2.77",), "64:ff9b:1::c000:24d"),
    ],
)
async def test_an_address_is_one_caller_however_it_is_spelled(
    db: DatabaseUrl, spellings: tuple[str, ...], stored: str
) -> None:
    for spelling in spellings:
        await rate_limits.hit("e", ip_address=spelling, limit=100, window_seconds=DAY)
    row = await RateLimit.get()
    assert (row.ip_address, row.request_count) == (stored, len(spellings))


async def test_a_network_is_one_caller_where_it_is_asked_for(db: DatabaseUrl) -> None:
    async def left(address: str, prefix: int | None) -> int:
        result = await rate_limits.hit("e", ip_address=address, ipv6_prefix=prefix, limit=100, window_seconds=DAY)
        return result.remaining

    assert [await left(f"2001:db8:1:2:{n}::5", 64) for n in ("0", "7", "ffff")] == [99, 98, 97]
    assert await left("2001:db8:1:3::5", 64) == 99
    assert [await left("2001:db8:1:2::", prefix) for prefix in (None, 48, 128)] == [99, 99, 99]
    assert [await left(address, 64) for address in (ADDRESS, "::ffff:192.0.2.77", "192.0.2.78")] == [99, 98, 99]
    counters = {row.ip_address: row.request_count for row in await RateLimit.filter(ip_address__contains=":")}
    assert counters == {
        "2001:db8:1:2::/64": 3,
        "2001:db8:1:3::/64": 1,
        "2001:db8:1:2::": 1,
        "2001:db8:1::/48": 1,
        "2001:db8:1:2::/128": 1,
    }
    assert await rate_limits.clear(ip_address="2001:db8:1:2::1", ipv6_prefix=64) == 1
    assert await left("2001:db8:1:2::1", 64) == 99


@pytest.mark.parametrize(
    "address",
    [
        "",
        "here",
        "fe80::1%eth0",
        "::ffff:192.0.2.77%1",
        "1.2.3",
        "1.2.3.4/32",
        " 1.2.3.4",
        "01.2.3.4",
        16909060,
        b"1234",
    ],
)
async def test_refuses_what_is_no_address(db: DatabaseUrl, address: Any) -> None:
    with pytest.raises(InvalidInputError, match="ip_address"):
        await rate_limits.hit("e", ip_address=address)
    with pytest.raises(InvalidInputError, match="ip_address"):
        await rate_limits.clear(ip_address=address)
    assert not await RateLimit.exists()


@wrong(
    endpoint=["", "e" * 256, "e\0", None],
    limit=[0, -1, 2**31, True, 1.5],
    window_seconds=[0, -60, DAY + 1, "60"],
    ipv6_prefix=[0, 129, True],
    user_id=[uuid4()],  # and an address as well
    ip_address=[None],
)
async def test_hit_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    arguments = {"endpoint": "e", "ip_address": ADDRESS, name: value}
    with pytest.raises(InvalidInputError, match=name):
        await rate_limits.hit(arguments.pop("endpoint"), **arguments)
    with pytest.raises(InvalidInputError, match="user_id"):
        await rate_limits.hit("e", user_id="me")
    assert not await RateLimit.exists()


async def test_an_unknown_user_is_refused(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await hit_by(uuid4())
    assert not await RateLimit.exists()


async def test_the_limit_and_the_window_come_from_the_settings(db: DatabaseUrl) -> None:
    async def rule(endpoint: str, **arguments: Any) -> tuple[int, float]:
        await rate_limits.clear(ip_address=ADDRESS)
        result = await rate_limits.hit(endpoint, ip_address=ADDRESS, **arguments)
        return result.limit, (result.reset_at - (await RateLimit.get()).window_start).total_seconds()

    assert await rule("media.request") == (20, 3600)
    assert await rule("youtube.download") == (5, 3600)
    assert await rule("e") == (100, 60)
    assert await rule("e" * 255) == (100, 60)
    await system_config.set("rate_limit.api.default", value={"limit": 7, "window": 70})
    await system_config.set("rate_limit.mine", value={"limit": 8, "window": 80})
    assert await rule("media.request") == (20, 3600)
    assert await rule("e") == (7, 70)
    assert await rule("e" * 255) == (7, 70)
    assert await rule("mine") == (8, 80)
    assert await rule("mine", limit=9) == (9, 80)
    assert await rule("other", window_seconds=90) == (7, 90)
    assert await rule("another", limit=9, window_seconds=100) == (9, 100)


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "null",
        "{}",
        '{"limit": "5", "window": 60}',
        '{"limit": 5}',
        '{"limit": 0, "window": 60}',
        '{"limit": 5, "window": -1}',
        '{"limit": 5.5, "window": 60}',
        '{"limit": 5, "window": 86401}',
        '{"limit": 1e30, "window": 60}',
        '{"limit": [5], "window": 60}',
        '{"limit": 5, "window": [60]}',
        '[{"limit": 5, "window": 60}]',
    ],
)
async def test_a_setting_that_makes_no_sense_is_named(db: DatabaseUrl, value: str) -> None:
    await execute("INSERT INTO system_config (key, value) VALUES ('rate_limit.e', $1::jsonb)", value)
    with pytest.raises(ConfigurationError, match=r"rate_limit\.e "):
        await rate_limits.hit("e", ip_address=ADDRESS)
    assert not await RateLimit.exists()
    assert (await rate_limits.hit("e", ip_address=ADDRESS, limit=1, window_seconds=60)).allowed


async def test_clear(db: DatabaseUrl) -> None:
    one, other = await new_user("1"), await new_user("2")
    for endpoint in ("a", "b", "c"):
        await hit_by(one, endpoint=endpoint)
        await hit_by(other, endpoint=endpoint)
        await rate_limits.hit(endpoint, ip_address=ADDRESS, limit=1, window_seconds=DAY)
    assert await rate_limits.clear("a", user_id=one.id) == 1
    assert await rate_limits.clear("a", user_id=one.id) == 0
    assert await rate_limits.clear(user_id=str(one.id)) == 2
    assert await rate_limits.clear("a", ip_address=SPELLINGS[1]) == 1
    assert await rate_limits.clear(ip_address=ADDRESS) == 2
    assert await RateLimit.filter(user_id=other.id).count() == await RateLimit.all().count() == 3
    assert (await hit_by(one, endpoint="a", limit=2)).remaining == 1
    bad_ones: list[dict[str, Any]] = [{}, {"user_id": one.id, "ip_address": ADDRESS}, {"user_id": "me"}]
    for arguments in bad_ones:
        with pytest.raises(InvalidInputError):
            await rate_limits.clear(**arguments)
    with pytest.raises(InvalidInputError, match="endpoint"):
        await rate_limits.clear("", user_id=one.id)


async def hit_at_once(*, rolling: bool) -> list[bool]:
    hits = (
        rate_limits.hit("e", ip_address=address, limit=50, window_seconds=DAY, rolling=rolling)
        for address in (ADDRESS, *SPELLINGS[:4]) * 5
    )
    return [result.allowed for result in await asyncio.gather(*hits)]


async def hit_rolling_at_once() -> list[bool]:
    return await hit_at_once(rolling=True)


async def hit_fixed_at_once() -> list[bool]:
    return await hit_at_once(rolling=False)


@pytest.mark.parametrize("hits", [hit_fixed_at_once, hit_rolling_at_once])
async def test_many_processes_get_exactly_the_limit(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, hits: Any
) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "5")  # eight processes with full pools would need too many connections
    outcomes = await asyncio.to_thread(run_in_processes, hits, 8, url=fresh_url, connected=True)
    assert sum(map(sum, outcomes)) == 50
