"""The embedded server as this room sees it: a function that starts it, which the package's root passes in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from medianest_models.settings import DatabaseUrl, Settings

    Starter = Callable[[Settings], DatabaseUrl]

_starter: Starter | None = None


def use_embedded(starter: Starter) -> None:
    """Set the function that starts the embedded server and returns its URL; it may block."""
    global _starter  # noqa: PLW0603 - set once, by the package's root
    _starter = starter


async def start_embedded(settings: Settings) -> DatabaseUrl:
    """Start the embedded server unless it runs, and return its URL.

    Raises:
        ConfigurationError: There is no PostgreSQL to run, or the environment is production.
        DatabaseUnavailableError: The server could not be started.
    """
    if _starter is None:
        raise ConfigurationError("DATABASE_URL: must be set, because nothing here starts an embedded server")
    return await asyncio.to_thread(_starter, settings)
