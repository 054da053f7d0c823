"""Ending a session with all its tokens: the one that is in use, and those that were exchanged for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medianest_models.db.statements import execute, fetch_one
from medianest_models.db.transactions import transaction

if TYPE_CHECKING:
    from medianest_models.encryption.keys import SecretParameter

# Raw: the ORM finds nothing by a hash, which is refused in filters.
_LOCK: Final = """
SELECT s.family_id FROM session_tokens s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1 FOR UPDATE OF u
"""


async def end_family(token_hash: SecretParameter) -> int:
    """Deletes all tokens of a token's family.

    Returns:
        How many there were; 0 where there is no such token.
    """
    async with transaction():
        # A statement of its own: the deletion then sees the new token of an exchange that it waited for.
        row = await fetch_one(_LOCK, token_hash)
        if row is None:
            return 0
        return await execute("DELETE FROM session_tokens WHERE family_id = $1", row["family_id"])
