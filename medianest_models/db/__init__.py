"""The database: connecting, transactions, health.

The query log's logger is `medianest_models.query`, everything else here logs to `medianest_models.db`.
"""

from medianest_models.db.connection import (
    connect_database as connect_database,
    database as database,
    disconnect_database as disconnect_database,
)
from medianest_models.db.health import (
    DatabaseHealth as DatabaseHealth,
    DatabaseStats as DatabaseStats,
    check_database_health as check_database_health,
    database_health as database_health,
    get_database_stats as get_database_stats,
)
from medianest_models.db.reading_client import ReadingCounts as ReadingCounts, reading_counts as reading_counts
from medianest_models.db.replicas import last_write as last_write, reading as reading
from medianest_models.db.transaction_client import IsolationLevel as IsolationLevel
from medianest_models.db.transactions import transaction as transaction, with_transaction as with_transaction
