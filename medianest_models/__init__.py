"""The data layer of MediaNest: models, migrations and repositories for PostgreSQL.

    from medianest_models import User, database
    from medianest_models.repositories import users

What runs inside `async with database():` is connected. The operations are in `medianest_models.repositories`, one
module a domain, and the schemas without secrets in `medianest_models.schemas`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models._version import __version__
from medianest_models.db import (
    DatabaseHealth,
    DatabaseStats,
    check_database_health,
    connect_database,
    database,
    database_health,
    disconnect_database,
    get_database_stats,
    transaction,
    with_transaction,
)
from medianest_models.db.embedding import use_embedded
from medianest_models.enums import (
    DownloadPriority,
    DownloadStatus,
    RequestStatus,
    ServiceStatus,
    UserRole,
    UserStatus,
)
from medianest_models.errors import (
    AccountSuspendedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConstraintError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DecryptionError,
    DuplicateDownloadError,
    DuplicateRequestError,
    InvalidCursorError,
    InvalidInputError,
    InvalidPaginationError,
    InvalidReferenceError,
    InvalidSortError,
    InvalidTokenError,
    InvalidTransitionError,
    LeaseLostError,
    MedianestError,
    MigrationError,
    NotFoundError,
    PasswordChangeRequiredError,
    SecretFieldError,
    StatementError,
    TokenReuseError,
    TransactionAbortedError,
    TransactionConflictError,
)
from medianest_models.models import (
    ActivityLog,
    LocalCredential,
    MediaRequest,
    MediaRequestStatusUpdate,
    RateLimit,
    Service,
    ServiceStatusHistory,
    SessionToken,
    SystemConfig,
    User,
    YouTubeDownload,
)
from medianest_models.pagination import (
    CursorPage,
    PaginatedResult,
    PaginationParams,
    paginate,
    paginate_by_cursor,
)
from medianest_models.settings import Settings, load_settings

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


def _start_embedded_server(settings: Settings) -> DatabaseUrl:
    from medianest_models.embedded import embedded_server  # noqa: PLC0415 - a connection by URL does not need it

    return embedded_server(settings).start()


use_embedded(_start_embedded_server)

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
    "LeaseLostError",
    "LocalCredential",
    "MediaRequest",
    "MediaRequestStatusUpdate",
    "MedianestError",
    "MigrationError",
    "NotFoundError",
    "PaginatedResult",
    "PaginationParams",
    "PasswordChangeRequiredError",
    "RateLimit",
    "RequestStatus",
    "SecretFieldError",
    "Service",
    "ServiceStatus",
    "ServiceStatusHistory",
    "SessionToken",
    "Settings",
    "StatementError",
    "SystemConfig",
    "TokenReuseError",
    "TransactionAbortedError",
    "TransactionConflictError",
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
    "load_settings",
    "paginate",
    "paginate_by_cursor",
    "transaction",
    "with_transaction",
]
