"""Tortoise's configuration for the `aerich` command, to which `[tool.aerich]` in pyproject.toml points."""

from medianest_models.errors import ConfigurationError
from medianest_models.settings import load_settings, tortoise_config

try:
    TORTOISE_ORM = tortoise_config(load_settings(), for_migrations=True)
except ConfigurationError as error:  # Aerich would show a traceback
    raise SystemExit(f"aerich: {error}") from None
