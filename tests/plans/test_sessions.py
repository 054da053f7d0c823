"""The plan by which sessions are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.db.statements import execute
from medianest_models.models import User
from medianest_models.repositories.sessions import verification
from tests.plans.conftest import nodes, plan_of

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


async def test_of_few_sessions_each_token_is_looked_up_by_itself(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await execute(
        """
        INSERT INTO session_tokens (user_id, token_hash, family_id, expires_at)
        SELECT $1, encode(sha256(n::text::bytea), 'hex'), gen_random_uuid(), now() + interval '1 day'
        FROM generate_series(1, 1000) AS n
        """,
        user.id,
    )
    await execute("ANALYZE session_tokens")
    hashes = [verification.stored_hash(str(n)) for n in range(1, 11)]
    for asked, many in ((hashes, True), (hashes[0], False)):
        sql = verification._verify_sql(many=many)
        plan = await plan_of(sql, asked, 30.0, 60.0, analyze=True)
        *_, lookup = (node for node in nodes(plan) if node.get("Index Name") == "uq_session_tokens_token_hash")
        rows = 10 if many else 1
        assert (lookup["Node Type"], lookup["Actual Loops"], plan["Actual Rows"]) == ("Index Scan", rows, rows)
