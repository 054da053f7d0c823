"""The data layer of MediaNest: models, migrations and repositories for PostgreSQL.

    from medianest_models import User, database
    from medianest_models.repositories import users

Code inside `async with database():` is connected. The operations are in `medianest_models.repositories`, one module per
domain; the schemas without secrets are in `medianest_models.schemas`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from medianest_models._version import __version__
from medianest_models.embedding import use_embedded

if TYPE_CHECKING:  # __all__ says which of these are public
    from medianest_models.db import *
    from medianest_models.enums import *
    from medianest_models.errors import *
    from medianest_models.models import *
    from medianest_models.pagination import *
    from medianest_models.settings import *

__all__ = [
    "AccountSuspendedError",
    "ActivityLog",
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "ConstraintError",
    "CursorPage",
    "DatabaseHealth",
    "DatabaseStats",
    "DatabaseTimeoutError",
    "DatabaseUnavailableError",
    "DecryptionError",
    "DownloadCancelledError",
    "DownloadPriority",
    "DownloadStatus",
    "DuplicateDownloadError",
    "DuplicateRequestError",
    "InvalidCursorError",
    "InvalidInputError",
    "InvalidPaginationError",
    "InvalidReferenceError",
    "InvalidSortError",
    "InvalidTokenError",
    "InvalidTransitionError",
    "JsonPage",
    "LeaseLostError",
    "LocalCredential",
    "MediaRequest",
    "MediaRequestFollower",
    "MediaRequestStatusUpdate",
    "MedianestError",
    "MigrationError",
    "NoPrimaryError",
    "NotFoundError",
    "OverloadedError",
    "PaginatedResult",
    "PaginationParams",
    "PasswordChangeRequiredError",
    "RateLimit",
    "ReadingError",
    "RequestStatus",
    "RollingRateLimit",
    "SecretFieldError",
    "Service",
    "ServiceMaintenance",
    "ServiceStatus",
    "ServiceStatusHistory",
    "SessionToken",
    "Settings",
    "StatementError",
    "SystemConfig",
    "TokenReuseError",
    "TransactionAbortedError",
    "TransactionConflictError",
    "UncountedResult",
    "UnreadableValueError",
    "User",
    "UserRole",
    "UserStatus",
    "YouTubeDownload",
    "__version__",
    "check_database_health",
    "connect_database",
    "database",
    "database_health",
    "disconnect_database",
    "get_database_stats",
    "last_write",
    "load_settings",
    "paginate",
    "paginate_by_cursor",
    "paginate_by_cursor_json",
    "paginate_json",
    "reading",
    "transaction",
    "with_transaction",
]

_ROOMS: Final = ("enums", "errors", "settings", "db", "models", "pagination")
"""The modules and packages that define the public names."""


if not TYPE_CHECKING:  # to a type checker every name would exist

    def __getattr__(name: str) -> Any:
        """Import a public name on first access, so that `medianest --version` does not load all of them."""
        if name in _ROOMS:
            return import_module(f"{__name__}.{name}")
        for room in _ROOMS if name in __all__ else ():
            module = import_module(f"{__name__}.{room}")
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _start_embedded_server(settings: Settings) -> DatabaseUrl:
    from medianest_models.embedded import embedded_server  # noqa: PLC0415 - a connection by URL does not need it

    return embedded_server(settings).start()


use_embedded(_start_embedded_server)
