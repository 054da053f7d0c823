"""Settings from the environment, and the Tortoise config that is built from them."""

from medianest_models.settings.environment import DEFAULT_ADMIN_PASSWORD, Environment, LogLevel, Settings, load_settings
from medianest_models.settings.orm import APP, DEFAULT_ALIAS, MODELS_MODULES, session_settings, tortoise_config
from medianest_models.settings.urls import DatabaseUrl

__all__ = [
    "APP",
    "DEFAULT_ADMIN_PASSWORD",
    "DEFAULT_ALIAS",
    "MODELS_MODULES",
    "DatabaseUrl",
    "Environment",
    "LogLevel",
    "Settings",
    "load_settings",
    "session_settings",
    "tortoise_config",
]
