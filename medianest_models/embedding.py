"""The embedded server as `db/` sees it: a function that starts it, which the package's root passes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from medianest_models.settings import DatabaseUrl, Settings

    Starter = Callable[[Settings], DatabaseUrl]

_starter: Starter


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
    import asyncio  # noqa: PLC0415 - it takes half of the time to import this package

    return await asyncio.to_thread(_starter, settings)
