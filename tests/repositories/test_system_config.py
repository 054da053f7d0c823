"""The portal's settings."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.errors import ConfigurationError, InvalidInputError, InvalidReferenceError, NotFoundError
from medianest_models.models import SystemConfig, User
from medianest_models.repositories import system_config
from medianest_models.repositories.system_config import RateLimitRule
from medianest_models.seed import seed
from medianest_models.settings import DatabaseUrl

DOWNLOADS = "youtube.concurrent_downloads"
DAYS = "session.remember_me_days"


async def write_past_it(key: str, value: str) -> None:
    """Write a value directly, as psql would."""
    await execute("INSERT INTO system_config (key, value) VALUES ($1, $2::jsonb)", key, value)


async def test_get(db: DatabaseUrl) -> None:
    await write_past_it("some.key", '{"a": [1, null]}')
    config = await system_config.get("some.key")
    assert (config.key, config.value) == ("some.key", {"a": [1, None]})


async def test_get_unknown(db: DatabaseUrl) -> None:
    with pytest.raises(NotFoundError):
        await system_config.get("nope")


async def test_set_creates(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="a")
    config = await system_config.set("some.key", value="a text", updated_by=user.id)
    assert (config.value, config.updated_by_id, config.description) == ("a text", user.id, None)
    assert config.customized_at is not None
    assert (await system_config.get("some.key")).value == "a text"


async def test_set_changes(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="a")
    await seed()
    config = await system_config.set(DOWNLOADS, value={"max": 7}, updated_by=str(user.id))
    assert (config.value, config.updated_by_id) == ({"max": 7}, user.id)
    assert config.description == "Maximum concurrent YouTube downloads"
    assert config.customized_at is not None
    config = await system_config.set(DOWNLOADS, value={"max": 8})
    assert (config.value, config.updated_by_id) == ({"max": 8}, None)
    assert await SystemConfig.all().count() == 6


async def test_set_before_the_seed_describes_what_it_creates(db: DatabaseUrl) -> None:
    assert (await system_config.set(DAYS, value={"days": 1})).description == "Remember me token validity in days"


async def test_set_to_what_it_was_is_no_change(db: DatabaseUrl) -> None:
    await seed()
    assert (await system_config.set(DOWNLOADS, value={"max": 3})).customized_at is None


async def test_a_value_is_no_json_text(db: DatabaseUrl) -> None:
    values: list[Any] = ["123", "null", 1, 1.5, True, [], {}, {"a": {"b": []}}]
    for value in values:
        assert (await system_config.set("some.key", value=value)).value == value


WRONG: dict[Any, list[Any]] = {
    **{key: [1] for key in ("", "k" * 101, "a\0b", "a\ud800", b"key")},
    "some.key": [None, float("nan"), {1: 2}, {"a": object()}, ["a\0"]],
    DOWNLOADS: [3, {}, *({"max": number} for number in (0, 3.0, True, "3", 2**31)), {"max": 3, "more": 1}],
    DAYS: [{"days": -1}, {"days": 36_501}, {"max": 3}],
    "retention.checks": [30, {}, *({"days": number} for number in (1, 2.0, True, "30", 36_501)), {"days": 3, "max": 3}],
    "retention.activity": [{"days": 0}, {"days": 36_501}, {"max": 3}],
    "retention.downloads": [{"days": 0}],
    "rate_limit.api.default": [{"limit": 1}],
    "rate_limit.of.mine": [
        *({"limit": 1, "window": seconds} for seconds in (0, 86_401)),
        {"limit": 1, "window": 60, "extra": 1},
        [1, 60],
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
async def test_set_refuses(db: DatabaseUrl, key: Any, value: Any) -> None:
    with pytest.raises(InvalidInputError):
        await system_config.set(key, value=value)
    assert not await SystemConfig.exists()


async def test_set_refuses_an_unknown_user(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await system_config.set("some.key", value=1, updated_by=uuid4())
    with pytest.raises(InvalidInputError, match="updated_by"):
        await system_config.set("some.key", value=1, updated_by="me")
    assert not await SystemConfig.exists()


async def test_all(db: DatabaseUrl) -> None:
    assert await system_config.all() == []
    for key in ("b", "c", "a"):
        await system_config.set(key, value=key)
    assert [config.value for config in await system_config.all()] == ["a", "b", "c"]


async def test_defaults_hold_where_a_row_is_missing(db: DatabaseUrl) -> None:
    assert await system_config.concurrent_downloads() == 3
    assert await system_config.remember_me_days() == 90
    assert await system_config.rate_limit("media.request") == RateLimitRule(20, 3600)
    assert await system_config.rate_limit("youtube.download") == RateLimitRule(5, 3600)
    assert await system_config.rate_limit("anything") == RateLimitRule(100, 60)
    assert await system_config.rate_limit("e" * 255) == RateLimitRule(100, 60)


async def test_stored_values_hold(db: DatabaseUrl) -> None:
    await seed()
    await system_config.set(DOWNLOADS, value={"max": 7})
    await system_config.set(DAYS, value={"days": 1})
    await system_config.set("rate_limit.api.default", value={"limit": 2, "window": 1})
    await system_config.set("rate_limit.search", value={"limit": 9, "window": 10})
    assert await system_config.concurrent_downloads() == 7
    assert await system_config.remember_me_days() == 1
    assert await system_config.rate_limit("search") == RateLimitRule(9, 10)
    assert await system_config.rate_limit("anything") == RateLimitRule(2, 1)
    assert await system_config.rate_limit("api.default") == RateLimitRule(2, 1)


async def test_a_seeded_rule_s_own_default_comes_before_the_common_one(db: DatabaseUrl) -> None:
    await system_config.set("rate_limit.api.default", value={"limit": 2, "window": 1})
    assert await system_config.rate_limit("media.request") == RateLimitRule(20, 3600)


@pytest.mark.parametrize("value", ["3", "null", "{}", '{"max": "secret"}', '{"max": 0}', '{"max": 3.5}'])
async def test_what_was_stored_past_it_and_makes_no_sense_is_named(db: DatabaseUrl, value: str) -> None:
    await write_past_it(DOWNLOADS, value)
    with pytest.raises(ConfigurationError, match=r"youtube\.concurrent_downloads .* max \(1 to ") as caught:
        await system_config.concurrent_downloads()
    assert "secret" not in str(caught.value)


KEPT: Any = [("checks", 2), ("activity", 1), ("downloads", 1)]


@pytest.mark.parametrize(("kept", "least"), KEPT)
async def test_retention(db: DatabaseUrl, kept: system_config.Kept, least: int) -> None:
    assert await system_config.retention_days(kept) is None
    for days in (least, 36_500):
        await system_config.set(f"retention.{kept}", value={"days": days})
        assert await system_config.retention_days(kept) == days
    assert (await system_config.get(f"retention.{kept}")).description is not None
    await execute("UPDATE system_config SET value = jsonb_build_object('days', $1::int)", least - 1)
    with pytest.raises(ConfigurationError, match=rf"retention\.{kept} .* days \({least} to 36500\)"):
        await system_config.retention_days(kept)


async def test_retention_of_anything_else_is_refused(db: DatabaseUrl) -> None:
    nothing: Any = "users"
    with pytest.raises(InvalidInputError, match=r"^kept: must be checks, activity or downloads$"):
        await system_config.retention_days(nothing)


@pytest.mark.parametrize("endpoint", ["", "e" * 256, "a\0", None])
async def test_rate_limit_refuses(db: DatabaseUrl, endpoint: Any) -> None:
    with pytest.raises(InvalidInputError, match="endpoint"):
        await system_config.rate_limit(endpoint)
