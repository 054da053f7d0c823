"""The portal's settings: reading and changing them, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from medianest_models.checks import MAX_INT, as_text, as_uuid, is_whole
from medianest_models.db.statements import fetch
from medianest_models.errors import ConfigurationError, InvalidInputError, NotFoundError
from medianest_models.models import SystemConfig
from medianest_models.models.columns import as_column

LONGEST_WINDOW_SECONDS: Final = 86_400
"""The longest window of a rate limit. Counters that began longer ago have expired."""

_MAX_KEY_LENGTH: Final = 100
MAX_ENDPOINT_LENGTH: Final = 255  # in rate_limits; the key of a setting can't be that long
_RATE_LIMIT: Final = "rate_limit."
_DEFAULT_RATE_LIMIT: Final = "rate_limit.api.default"
_CONCURRENT_DOWNLOADS: Final = "youtube.concurrent_downloads"
_DOWNLOADS_PER_USER: Final = "youtube.concurrent_downloads_per_user"
_PAUSE: Final = "youtube.pause"
REMEMBER_ME_DAYS: Final = "session.remember_me_days"
_MAX_DAYS: Final = 36_500


@dataclass(frozen=True)
class SeededConfig:
    """A setting that the seed inserts."""

    key: str
    value: dict[str, int]
    description: str


SEEDED_CONFIGS: Final = (
    SeededConfig(_DEFAULT_RATE_LIMIT, {"limit": 100, "window": 60}, "Default API rate limit per minute"),
    SeededConfig("rate_limit.youtube.download", {"limit": 5, "window": 3600}, "YouTube download rate limit per hour"),
    SeededConfig("rate_limit.media.request", {"limit": 20, "window": 3600}, "Media request rate limit per hour"),
    SeededConfig(_CONCURRENT_DOWNLOADS, {"max": 3}, "Maximum concurrent YouTube downloads"),
    SeededConfig(REMEMBER_ME_DAYS, {"days": 90}, "Remember me token validity in days"),
)
"""Their values also apply where the row is missing."""
_SEEDED: Final = {config.key: config for config in SEEDED_CONFIGS}

RETENTION_OF_CHECKS: Final = SeededConfig(
    "retention.checks", {"days": 30}, "Days for which checks of services are kept; uptime and incidents stay for ever"
)
"""Seeded in a new installation only. Where the row is missing, checks are kept for ever."""

_DESCRIPTIONS: Final = {config.key: config.description for config in (*SEEDED_CONFIGS, RETENTION_OF_CHECKS)} | {
    "retention.activity": "Days for which entries of the activity log are kept",
    "retention.downloads": "Days for which downloads are kept after their end",
}

Kept = Literal["checks", "activity", "downloads"]
_Shape = Mapping[str, tuple[int, int]]

# The names of a value's numbers, with the least and the largest of each. Checks are kept for 2 days at least, so that
# they can be rolled up before they are removed.
_RATE_LIMIT_SHAPE: Final[_Shape] = {"limit": (1, MAX_INT), "window": (1, LONGEST_WINDOW_SECONDS)}
_SHAPES: Final[Mapping[str, _Shape]] = {
    _CONCURRENT_DOWNLOADS: {"max": (1, MAX_INT)},
    _DOWNLOADS_PER_USER: {"max": (1, MAX_INT)},
    REMEMBER_ME_DAYS: {"days": (1, _MAX_DAYS)},
    "retention.checks": {"days": (2, _MAX_DAYS)},
    "retention.activity": {"days": (1, _MAX_DAYS)},
    "retention.downloads": {"days": (1, _MAX_DAYS)},
}

# Raw, because it creates a missing key, and one of two concurrent INSERTs would fail. The trigger
# tr_system_config_customized_at marks a new row or a changed value.
_SET: Final = """
INSERT INTO system_config AS config (key, value, description, updated_by)
VALUES ($1, $2::jsonb, $3, $4)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_by = EXCLUDED.updated_by
RETURNING config.*
"""


@dataclass(frozen=True)
class RateLimitRule:
    """A limit of hits, and the length of its window in seconds."""

    limit: int
    window_seconds: int


async def get(key: str) -> SystemConfig:
    """Return the setting with this key.

    Raises:
        NotFoundError: There is no such setting.
    """
    config = await SystemConfig.get_or_none(key=_as_key(key))
    if config is None:
        raise NotFoundError("system_config: there is no setting with that key")
    return config


async def set(key: str, *, value: Any, updated_by: UUID | str | None = None) -> SystemConfig:  # noqa: A001 - it is `system_config.set`
    """Change a setting, or create it. The seed no longer changes it, unless the value stays the same.

    Args:
        key: The setting's key, of at most 100 characters.
        value: A JSON document other than None. The settings that this package reads require a structure, with integers
            from 1 on: `{"limit", "window"}` (in seconds, at most a day) for `rate_limit.*`, `{"max"}` for
            `youtube.concurrent_downloads` and `youtube.concurrent_downloads_per_user`, and `{"days"}` for
            `session.remember_me_days`, `retention.checks` (2 days or more), `retention.activity` and
            `retention.downloads`.
        updated_by: The user who changes it.

    Raises:
        InvalidInputError: The key is `youtube.pause`: use `downloads.pause`.
        InvalidReferenceError: There is no such user.
    """
    key = _as_key(key)
    document = as_column(SystemConfig, "value", value)
    if key == _PAUSE:
        raise InvalidInputError(f"key: {_PAUSE} is written by downloads.pause() and downloads.resume()")
    if problem := value_problem(key, value):
        raise InvalidInputError(f"value: {problem}")
    user_id = None if updated_by is None else as_uuid(updated_by, "updated_by")
    (row,) = await fetch(_SET, key, document, _DESCRIPTIONS.get(key), user_id)
    return SystemConfig.from_row(row)


async def all() -> list[SystemConfig]:  # noqa: A001 - it is `system_config.all`
    """Return all settings, sorted by key."""
    return await SystemConfig.all().order_by("key")


async def rate_limit(endpoint: str) -> RateLimitRule:
    """Return the rule for an endpoint: its setting `rate_limit.<endpoint>`, or else `rate_limit.api.default`.

    Raises:
        ConfigurationError: The stored value is not a limit and a window.
    """
    value = await _value(*rate_limit_keys(endpoint))
    return RateLimitRule(value["limit"], value["window"])


async def concurrent_downloads() -> int:
    """Return the number of YouTube downloads that may run at once.

    Raises:
        ConfigurationError: The stored value is not such a number.
    """
    return (await _value(_CONCURRENT_DOWNLOADS))["max"]


async def concurrent_downloads_per_user() -> int | None:
    """Return the number of YouTube downloads that may run at once for each user; None for no limit, as by default.

    Raises:
        ConfigurationError: The stored value is not such a number.
    """
    value = await _stored(_DOWNLOADS_PER_USER)
    return None if value is None else value["max"]


async def remember_me_days() -> int:
    """Return the number of days for which a remember-me token is valid.

    Raises:
        ConfigurationError: The stored value is not such a number.
    """
    return (await _value(REMEMBER_ME_DAYS))["days"]


async def retention_days(kept: Kept) -> int | None:
    """Return for how many days checks, log entries or ended downloads are kept; None, the default, means for ever.

    Raises:
        ConfigurationError: The stored value is not such a number.
    """
    key = f"retention.{kept}"
    if key not in _SHAPES:
        raise InvalidInputError("kept: must be checks, activity or downloads")
    value = await _stored(key)
    return None if value is None else value["days"]


def rate_limit_keys(endpoint: str) -> tuple[str, ...]:
    """Return the keys of the settings that may hold an endpoint's rule; the first one that exists applies."""
    key = _RATE_LIMIT + as_text(endpoint, "endpoint", max_length=MAX_ENDPOINT_LENGTH)
    if key in _SEEDED:
        return (key,)
    return (key, _DEFAULT_RATE_LIMIT) if len(key) <= _MAX_KEY_LENGTH else (_DEFAULT_RATE_LIMIT,)


def default_value(key: str) -> dict[str, int]:
    """Return the default of a seeded setting, for a missing row."""
    return _SEEDED[key].value


def value_condition(key: str) -> str:
    """Write the condition on a setting's value for SQL, as a jsonpath; a strict one takes no array for its number."""
    return "strict " + " && ".join(
        f"$.{name} == $.{name}.floor() && $.{name} >= {least} && $.{name} <= {most}"
        for name, (least, most) in _shape(key).items()
    )


def malformed(key: str) -> ConfigurationError:
    """Make the error for a stored value that does not have its setting's form."""
    return ConfigurationError(f"the setting {key} in system_config {_demand(_shape(key))}")


def value_problem(key: str, value: object) -> str | None:
    """Return the problem with the structure of a setting's value; None if there is none."""
    shape = _shape(key)
    if not shape or (isinstance(value, dict) and value.keys() == shape.keys() and _fits(value, shape)):
        return None
    return _demand(shape)


async def _value(*keys: str) -> dict[str, int]:
    """Return the value of the first setting that exists, or else the default of the last."""
    return await _stored(*keys) or default_value(keys[-1])


async def _stored(*keys: str) -> dict[str, int] | None:
    """Return the value of the first setting that exists."""
    stored = {config.key: config.value for config in await SystemConfig.filter(key__in=keys)}
    for key in keys:
        if key in stored:
            if value_problem(key, stored[key]):
                raise malformed(key)
            value: dict[str, int] = stored[key]
            return value
    return None


def _as_key(key: str) -> str:
    return as_text(key, "key", max_length=_MAX_KEY_LENGTH)


def _shape(key: str) -> _Shape:
    return _RATE_LIMIT_SHAPE if key.startswith(_RATE_LIMIT) else _SHAPES.get(key, {})


def _demand(shape: _Shape) -> str:
    numbers = " and ".join(f"{name} ({least} to {most})" for name, (least, most) in shape.items())
    return f"must hold {numbers} in whole numbers, and nothing else"


def _fits(value: dict[str, Any], shape: _Shape) -> bool:
    return not any(not is_whole(value[name], *bounds) for name, bounds in shape.items())
