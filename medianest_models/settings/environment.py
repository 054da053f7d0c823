"""The settings from environment variables."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tomllib
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from medianest_models.checks import as_new_password
from medianest_models.errors import ConfigurationError, replace_errors
from medianest_models.settings.urls import DatabaseUrl

logger = logging.getLogger("medianest_models.settings")

_NEARLY: Final = 0.9
"""The likeness of two names, from 0 to 1 as `difflib` measures it, from which one may be the other misspelt."""
_OF_STANDBYS: Final = {None, "standby", "prefer-standby"}
_MOST_SECONDS: Final = 2_147_483  # PostgreSQL stores a timeout as milliseconds in 32 bits

DEFAULT_ADMIN_PASSWORD: Final = "admin"  # noqa: S105 - refused in production, and to be changed before any session
"""The ADMIN_PASSWORD when none is set."""


class Environment(StrEnum):
    """The environment in which the package runs (MEDIANEST_ENV)."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


LogLevel = Literal["debug", "info", "warning", "error", "critical"]


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Seconds = Annotated[
    float,
    Field(ge=0, le=_MOST_SECONDS, description=f"a number of seconds from 0 (none) to {_MOST_SECONDS}"),
]


class Settings(BaseSettings):
    """The settings, each from the environment variable of its name in upper case; an empty one counts as not set.

    A parameter in the URL (`connection_limit`, `pool_timeout`, `connect_timeout`, `pgbouncer`) overrides the variable
    with the same meaning. Timeouts are in seconds; 0 means no timeout.

    Attributes:
        database_url: The database; None for the embedded server.
        database_direct_url: The database without the pooler, for migrations, locks and LISTEN.
        database_replica_url: The standbys, which only `reading` uses.
        database_pgbouncer: Whether DATABASE_URL is that of a PgBouncer in transaction mode.
        database_pool_timeout: The time to wait for a free connection of the pool.
        database_failover_wait: The time to wait for a primary during a failover, in addition.
        database_command_timeout: The time that the client waits for a result.
        database_statement_timeout: The time after which the server cancels a statement; the same for locks and idle
            transactions.
        database_migration_wait: The time that connecting waits for missing migrations.
        encryption_keys: The keys, newest first.
        log_format: How `medianest` and `configure_logging` write the log.
        slow_query_ms: The milliseconds from which a query is logged as slow.
        pg_bindir: The programs of the embedded server; None for those of the `embedded` extra.
        medianest_home: The value for `home`.

    Raises:
        ConfigurationError: A variable has an invalid value; one line names each such variable, and no secret.
    """

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    # Each description completes "must be ..." in the error for its variable. DATABASE_PGBOUNCER comes first, because
    # the check of the URL needs it.
    database_pgbouncer: bool = Field(default=False, description="true or false")
    database_url: Annotated[DatabaseUrl | None, NoDecode] = Field(default=None, description="a PostgreSQL URL")
    database_direct_url: Annotated[DatabaseUrl | None, NoDecode] = Field(default=None, description="a PostgreSQL URL")
    database_replica_url: Annotated[DatabaseUrl | None, NoDecode] = Field(default=None, description="a PostgreSQL URL")
    database_pool_min: int = Field(default=1, ge=0, le=1000, description="a whole number from 0 to 1000")
    database_pool_max: int = Field(default=20, ge=1, le=1000, description="a whole number from 1 to 1000")
    database_connect_timeout: float = Field(
        default=10, ge=0.001, le=_MOST_SECONDS, description=f"a number of seconds above 0, at most {_MOST_SECONDS}"
    )
    database_pool_timeout: Seconds = 10
    database_failover_wait: Seconds = 0
    database_command_timeout: Seconds = 60
    database_statement_timeout: Seconds = 30
    database_lock_timeout: Seconds = 10
    database_idle_in_transaction_timeout: Seconds = 60
    database_migration_wait: Seconds = 0
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="keys separated by commas, the newest first"
    )
    admin_username: str = Field(default="admin", description="a user name")
    admin_password: SecretStr = Field(default=SecretStr(DEFAULT_ADMIN_PASSWORD), description="a password")
    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default="info", description="one of debug, info, warning, error, critical"
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = Field(
        default="text", description="text or json"
    )
    slow_query_ms: float = Field(
        default=500, ge=0, allow_inf_nan=False, description="a number of milliseconds, 0 or more"
    )
    medianest_env: Annotated[Environment, BeforeValidator(_lower)] = Field(
        default=Environment.DEVELOPMENT, description="one of development, test, production"
    )
    pg_bindir: Path | None = Field(default=None, description="a folder")
    medianest_home: Path | None = Field(default=None, description="a folder")

    def __init__(self, **values: Any) -> None:
        with replace_errors(ValidationError, _as_configuration_error):
            super().__init__(**values)

    @field_validator("database_url", "database_direct_url", "database_replica_url", mode="before")
    @classmethod
    def _parse_url(cls, given: object, info: ValidationInfo) -> object:
        if not isinstance(given, str):
            return given
        pgbouncer = info.data.get("database_pgbouncer", False) and info.field_name == "database_url"
        with replace_errors(ConfigurationError, lambda error: ValueError(str(error))):
            url = DatabaseUrl.parse(given, variable=str(info.field_name).upper(), pgbouncer=pgbouncer)
        if info.field_name == "database_direct_url" and url.pgbouncer:
            raise ValueError("DATABASE_DIRECT_URL: must lead past PgBouncer, but says pgbouncer=true")
        if info.field_name == "database_replica_url" and url.target_session_attrs not in _OF_STANDBYS:
            raise ValueError(
                f"DATABASE_REPLICA_URL: must lead to standbys, but says target_session_attrs={url.target_session_attrs}"
            )
        return url

    @field_validator("admin_password")
    @classmethod
    def _check_admin_password(cls, value: SecretStr) -> SecretStr:
        return as_new_password(value, "ADMIN_PASSWORD", min_length=1)  # the admin must change it at once

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.database_pool_min > self.database_pool_max:
            raise ValueError(
                f"DATABASE_POOL_MIN: must not be more than DATABASE_POOL_MAX, "
                f"but {self.database_pool_min} is more than {self.database_pool_max}"
            )
        for name in ("database_direct_url", "database_replica_url"):
            if getattr(self, name) is not None and self.database_url is None:
                raise ValueError(f"DATABASE_URL: must be set when {name.upper()} is")
        return self

    @property
    def is_production(self) -> bool:
        """Whether MEDIANEST_ENV is production."""
        return self.medianest_env is Environment.PRODUCTION

    @property
    def home(self) -> Path:
        """The folder of the embedded server.

        MEDIANEST_HOME; without it `.medianest` in the checkout that the package runs from. Installed from a wheel, each
        Python environment has its own in `medianest` in the user's data folder, so that two projects don't share a
        database unless they share their environment. It may be a ConfigurationError that ~ leads nowhere.
        """
        problem = ConfigurationError("MEDIANEST_HOME: must be an absolute folder, because ~ leads nowhere here")
        with replace_errors(RuntimeError, lambda _: problem):
            return (self.medianest_home or _default_home()).expanduser().absolute()

    @property
    def key_file(self) -> Path:
        """The file of the encryption key that is generated for development."""
        return self.home / "encryption.key"

    def url(self) -> DatabaseUrl | None:
        """DATABASE_URL; None for the embedded server, which is a ConfigurationError in production."""
        if self.database_url is None and self.is_production:
            raise ConfigurationError(
                "DATABASE_URL: must be set when MEDIANEST_ENV=production, where no embedded server is started"
            )
        return self.database_url

    def direct_url(self) -> DatabaseUrl | None:
        """DATABASE_DIRECT_URL, which bypasses a pooler for migrations, locks and LISTEN; or else `url()`."""
        return self.database_direct_url or self.url()


def load_settings() -> Settings:
    """Read the settings that the environment gives now, or raise a ConfigurationError as `Settings` does."""
    _warn_of_misspelt_names()
    return Settings()


@cache  # once
def _warn_of_misspelt_names() -> None:
    """Warn of environment variables that nearly have the name of a setting, and would change nothing in silence."""
    known = [name.upper() for name in Settings.model_fields]
    prefixes = tuple({name.partition("_")[0] + "_" for name in known})
    for name in os.environ:
        if name.startswith(prefixes) and name not in known:
            for meant in get_close_matches(name, known, n=1, cutoff=_NEARLY):
                logger.warning("%s is no setting and changes nothing: is %s meant?", name, meant)


def _default_home() -> Path:
    checkout, project = Path(__file__).resolve().parents[2], {}
    with suppress(OSError, ValueError):
        project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    if project.get("name") == "medianest-models":
        return checkout / ".medianest"
    data_home = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data_home.is_absolute():  # by the XDG specification, a relative path counts as not set
        data_home = Path("~/.local/share")
    environment = Path(sys.prefix)
    name = hashlib.sha256(os.fsencode(environment)).hexdigest()[:8]
    return data_home / "medianest" / f"{environment.parent.name or environment.name}-{name}"


def _as_configuration_error(error: ValidationError) -> ConfigurationError:
    problems = dict.fromkeys(_problem(detail) for detail in error.errors(include_url=False))
    return ConfigurationError("; ".join(problems))


def _problem(detail: Any) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])  # a sentence from our own validators, which name the variable
    name = str(detail["loc"][0])
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name.upper()}: there is no such setting"
    is_secret = any(kind in str(field.annotation) for kind in ("SecretStr", "DatabaseUrl"))
    shown = "" if is_secret else f", not {_shown(detail['input'])}"
    return f"{name.upper()}: must be {field.description}{shown}"


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text if len(text) <= 40 else text[:40] + "...")  # noqa: PLR2004 - enough to recognise it
