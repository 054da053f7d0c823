"""Users: those who sign in through Plex, and the few local ones with a password."""

from medianest_models.checks import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from medianest_models.repositories.users.accounts import (
    delete,
    find_by_email,
    find_by_plex_id,
    get,
    reinstate,
    search,
    set_role,
    suspend,
    upsert_from_plex,
)
from medianest_models.repositories.users.local_accounts import (
    authenticate,
    bootstrap_admin,
    change_password,
    set_password,
)

__all__ = [
    "MAX_PASSWORD_LENGTH",
    "MIN_PASSWORD_LENGTH",
    "authenticate",
    "bootstrap_admin",
    "change_password",
    "delete",
    "find_by_email",
    "find_by_plex_id",
    "get",
    "reinstate",
    "search",
    "set_password",
    "set_role",
    "suspend",
    "upsert_from_plex",
]
