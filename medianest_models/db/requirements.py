"""The set-up of a database and of a role that can't work, or gives wrong answers, and the remedies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncpg import Record

    from medianest_models.db.migration_status import Connection

logger = logging.getLogger("medianest_models.db")

# The home is the schema of the tables. The first schema of the search path is where new ones would be made, and what
# is in it hides what has the same name at home.
_SITUATION: Final = """
SELECT current_setting('search_path') AS path, quote_ident(current_schema()) AS schema, home,
       (SELECT name FROM unnest(string_to_array($1, ',')) AS name
        WHERE to_regclass(quote_ident(name))::oid <> to_regclass(home || '.' || quote_ident(name))::oid
        LIMIT 1) AS hidden,
       quote_ident(session_user) AS role, current_setting('default_transaction_isolation') AS isolation,
       current_setting('default_transaction_read_only') = 'on' AS read_only, lower('Ä') = 'ä' AS folds_case
FROM (SELECT max(relnamespace::regnamespace::text) AS home FROM pg_class WHERE oid = to_regclass('aerich')) AS found
"""


async def check_requirements(
    connection: Connection, tables: Iterable[str] = (), *, for_migrations: bool = False
) -> None:
    """Refuse a database and a role that can't work. What only some callers will miss is a warning in the log.

    Raises:
        ConfigurationError: One line that says what is wrong for those who use `tables`, or who make tables
            `for_migrations`, and what to do about it.
    """
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise ConfigurationError(
            f"DATABASE_URL: the database is encoded in {encoding}, which can't hold every text: "
            "create it with ENCODING 'UTF8'"
        )
    (found,) = await connection.fetch(_SITUATION, ",".join(tables))
    problem = _problem(found, for_migrations=for_migrations)
    if problem is not None:
        raise ConfigurationError(f"DATABASE_URL: {problem}")
    if found["read_only"]:
        logger.warning("nothing can be written: %s", _read_only(found))
    if not found["folds_case"]:
        logger.warning(
            "the database's locale knows the case of ASCII letters only, so that users.find_by_email and users.search "
            "take é and É for two letters: create the database with another LC_CTYPE, such as C.UTF-8"
        )


def _problem(found: Record, *, for_migrations: bool) -> str | None:
    if found["schema"] is None:
        return (
            f"no schema of the search path ({found['path']}) is there and open to {found['role']}: "
            "CREATE SCHEMA, GRANT USAGE, or correct the URL's schema"
        )
    if found["isolation"] != "read committed":  # otherwise every session is set to that
        return (
            f"behind PgBouncer the role has to choose the isolation level, which is {found['isolation']}: "
            f"ALTER ROLE {found['role']} SET default_transaction_isolation = 'read committed'"
        )
    remedy = f"add schema={found['home']} to the URL, or ALTER ROLE {found['role']} SET search_path"
    if found["hidden"] is not None:
        return f"a table {found['hidden']} in the search path ({found['path']}) hides that in {found['home']}: {remedy}"
    if for_migrations and found["home"] not in {None, found["schema"]}:
        return f"new tables would be made in {found['schema']}, but the others are in {found['home']}: {remedy}"
    return _read_only(found) if for_migrations and found["read_only"] else None


def _read_only(found: Record) -> str:
    return (
        f"the transactions of {found['role']} are read-only: "
        f"ALTER ROLE {found['role']} SET default_transaction_read_only = off, or use another role"
    )
