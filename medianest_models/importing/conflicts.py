"""SQL that resolves conflicts between staged rows, and with existing ones, before and after they are written."""

from __future__ import annotations

from typing import Final

from medianest_models.repositories.services.windows import first_changeable_hour

# A row keeps its Plex account as long as no other user here has it. Its token belongs to the account.
ONE_PLEX_ACCOUNT: Final = """
UPDATE {staging} AS s SET plex_id = 'local:' || s.id, plex_token = NULL,
    problem = coalesce(
        s.problem, CASE WHEN s.plex_token IS NOT NULL THEN 'plex_token: left empty, it belongs to another user here' END
    ),
    notes = s.notes || 'plex_id: another user here has the same, replaced'::text
WHERE s.fate IN ('new', 'updated') AND EXISTS (
    SELECT FROM users AS t WHERE t.plex_id = s.plex_id AND t.id <> s.id AND NOT EXISTS (
        SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated' AND u.plex_id <> t.plex_id
    )
)
"""

RELEASE_KEY: Final = """
UPDATE {{name}} AS t SET {key} = 'import:' || t.id FROM {{staging}} AS s
WHERE t.id = s.id AND s.fate = 'updated' AND t.{key} <> s.{key}
"""

# A password that the user has here stays.
ONE_CREDENTIAL: Final = """
UPDATE {staging} AS s SET fate = CASE WHEN found.is_own THEN 'existed' ELSE 'left out' END,
    problem = CASE WHEN NOT found.is_own THEN 'another user here has this user name' END
FROM (
    SELECT o.source_id, bool_or(t.user_id = o.user_id) AS is_own
    FROM {staging} AS o
    JOIN local_credentials AS t ON t.id <> o.id AND (t.username = o.username OR t.user_id = o.user_id)
    WHERE o.fate IN ('new', 'updated') AND NOT EXISTS (
        SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated' AND u.username <> t.username
    )
    GROUP BY o.source_id
) AS found
WHERE found.source_id = s.source_id
"""

# A row that is open here stays open, or else the oldest of the source: our unique indexes allow one.
ONE_OPEN_REQUEST: Final = """
UPDATE {staging} AS s
SET status = 'failed', notes = s.notes || 'status: became failed, another request for this title is open'::text
FROM (
    SELECT source_id, row_number() OVER (PARTITION BY tmdb_id, media_type ORDER BY created_at, id) > 1 OR EXISTS (
        SELECT FROM media_requests AS t
        WHERE t.tmdb_id = o.tmdb_id AND t.media_type = o.media_type AND t.season IS NULL AND NOT t.is_4k
            AND t.status IN ('pending', 'approved')
            AND t.id <> o.id AND NOT EXISTS (SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated')
    ) AS is_later
    FROM {staging} AS o
    WHERE fate IN ('new', 'updated') AND status IN ('pending', 'approved') AND tmdb_id IS NOT NULL
) AS found
WHERE found.source_id = s.source_id AND found.is_later
"""

# Told once, and no more when the other request is closed.
TELL_FAILED: Final = """
WITH written AS (
    SELECT id, 'status: became failed, another request for this title is open' = ANY (notes) AS is_later,
        'Imported as failed, because another request for this title is open.' AS message
    FROM {staging} WHERE fate IN ('new', 'updated')
), outdated AS (
    DELETE FROM media_request_status_updates AS t USING written AS w
    WHERE t.request_id = w.id AND t.message = w.message AND NOT w.is_later
)
INSERT INTO media_request_status_updates (request_id, status, message)
SELECT w.id, 'failed', w.message FROM written AS w WHERE w.is_later AND NOT EXISTS (
    SELECT FROM media_request_status_updates AS t WHERE t.request_id = w.id AND t.message = w.message
)
"""

ONE_ACTIVE_DOWNLOAD: Final = """
UPDATE {staging} AS s
SET status = 'failed', notes = s.notes || 'status: became failed, another download of this playlist is active'::text,
    error_message = coalesce(s.error_message, 'Another download of this playlist is active.')
FROM (
    SELECT source_id, row_number() OVER (PARTITION BY user_id, playlist_url ORDER BY created_at, id) > 1 OR EXISTS (
        SELECT FROM youtube_downloads AS t
        WHERE t.user_id = o.user_id AND t.playlist_url = o.playlist_url AND t.status IN ('queued', 'downloading')
            AND t.id <> o.id AND NOT EXISTS (SELECT FROM {staging} AS u WHERE u.id = t.id AND u.fate = 'updated')
    ) AS is_later
    FROM {staging} AS o WHERE fate IN ('new', 'updated') AND status = 'queued'
) AS found
WHERE found.source_id = s.source_id AND found.is_later
"""

RELEASE_OPEN: Final = """
UPDATE {name} AS t SET status = 'failed' FROM {staging} AS s
WHERE t.id = s.id AND s.fate = 'updated' AND t.status IN ('pending', 'approved', 'queued', 'downloading')
"""

# A source without foreign keys may have updates of requests that are gone.
ONLY_OF_REQUESTS: Final = """
UPDATE {staging} AS s SET fate = 'left out', problem = 'its request does not exist'
WHERE fate = 'new' AND NOT EXISTS (SELECT FROM media_requests AS t WHERE t.id = s.request_id)
"""

# Checks from before those that are kept would be refused: their hours are rolled up here, and can't be again.
ONLY_KEPT_CHECKS: Final = f"""
UPDATE {{staging}} AS s SET fate = 'deleted here' FROM kept_history AS kept
WHERE fate = 'new' AND kept.table_name = '{{name}}' AND s.checked_at < {first_changeable_hour("kept.begins_at")}
"""  # noqa: S608 - of constants only

ONE_SESSION: Final = """
UPDATE {staging} AS s SET fate = 'left out', problem = 'another session here has its token_hash'
WHERE s.fate IN ('new', 'updated')
    AND EXISTS (SELECT FROM session_tokens AS t WHERE t.token_hash = s.token_hash AND t.id <> s.id)
"""

# A counter is recognized by what it counts: the source may begin another window in the same row, and its unique index
# allows duplicates, because NULLs are distinct. The highest count is imported, and never lowers one that is here.
ONE_COUNTER: Final = """
UPDATE {staging} AS s SET fate = found.fate, id = found.id, request_count = found.highest,
    notes = CASE WHEN found.fate = 'merged' THEN s.notes || ('the same counter as ' || found.first) ELSE s.notes END
FROM (
    SELECT o.source_id, max(o.request_count) OVER same AS highest, first_value(o.source_id) OVER same AS first,
        CASE
            WHEN row_number() OVER same > 1 THEN 'merged'
            WHEN t.id IS NULL THEN 'new'
            WHEN t.request_count < max(o.request_count) OVER same THEN 'updated'
            ELSE 'there' END AS fate,
        coalesce(t.id, CASE o.fate WHEN 'new' THEN o.id ELSE gen_random_uuid() END) AS id
    FROM {staging} AS o LEFT JOIN rate_limits AS t ON t.endpoint = o.endpoint AND t.window_start = o.window_start
        AND (t.user_id = o.user_id OR t.ip_address = o.ip_address)
    WHERE o.fate IN ('new', 'there', 'updated')
    WINDOW same AS (
        PARTITION BY o.user_id, o.ip_address, o.endpoint, o.window_start ORDER BY o.id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
) AS found
WHERE found.source_id = s.source_id AND (s.fate, s.request_count) IS DISTINCT FROM (found.fate, found.highest)
"""
