"""The database: connecting, transactions, health.

The query log's logger is `medianest_models.query`, everything else here logs to `medianest_models.db`.
"""

from medianest_models.db.connection import connect_database, database, disconnect_database
from medianest_models.db.health import (
    DatabaseHealth,
    DatabaseStats,
    check_database_health,
    database_health,
    get_database_stats,
)
from medianest_models.db.transaction_client import IsolationLevel
from medianest_models.db.transactions import transaction, with_transaction

__all__ = [
    "DatabaseHealth",
    "DatabaseStats",
    "IsolationLevel",
    "check_database_health",
    "connect_database",
    "database",
    "database_health",
    "disconnect_database",
    "get_database_stats",
    "transaction",
    "with_transaction",
]
