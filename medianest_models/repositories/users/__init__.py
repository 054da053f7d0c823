"""Users: those who sign in through Plex, and the few local ones with a password."""

from medianest_models.checks import (
    MAX_PASSWORD_LENGTH as MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH as MIN_PASSWORD_LENGTH,
)
from medianest_models.repositories.users.accounts import (
    delete as delete,
    find_by_email as find_by_email,
    find_by_plex_id as find_by_plex_id,
    get as get,
    reinstate as reinstate,
    search as search,
    set_role as set_role,
    suspend as suspend,
    upsert_from_plex as upsert_from_plex,
)
from medianest_models.repositories.users.local_accounts import (
    authenticate as authenticate,
    bootstrap_admin as bootstrap_admin,
    change_password as change_password,
    create_local as create_local,
    set_password as set_password,
)
