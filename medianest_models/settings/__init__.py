"""Settings from the environment, and the Tortoise config that is built from them."""

from medianest_models.settings.environment import (
    DEFAULT_ADMIN_PASSWORD as DEFAULT_ADMIN_PASSWORD,
    Environment as Environment,
    LogLevel as LogLevel,
    Settings as Settings,
    load_settings as load_settings,
)
from medianest_models.settings.orm import (
    APP as APP,
    DEFAULT_ALIAS as DEFAULT_ALIAS,
    MODELS_MODULES as MODELS_MODULES,
    session_settings as session_settings,
    tortoise_config as tortoise_config,
)
from medianest_models.settings.urls import DatabaseUrl as DatabaseUrl
