"""The expected schema, by the contract and its Prisma source; written by hand and not taken from the models.

Names in camelCase there are snake_case here. The contract decides what the source leaves open: ids are UUIDs of version
7, timestamps are timestamptz, an enum is a varchar with a CHECK, and every default is in the database.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final, TypedDict

ID: Final = "uuid NOT NULL DEFAULT medianest_uuid_v7()"
NOW: Final = "timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP"
TOUCH: Final = "BEFORE UPDATE FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at()"
NOTIFY: Final = "EXECUTE FUNCTION medianest_notify_downloads()"
WATCHED: Final = "WHEN medianest_is_watched() EXECUTE FUNCTION"
SET_TURN: Final = "EXECUTE FUNCTION medianest_set_turn()"
OF_SERVICE: Final = "FOREIGN KEY service_id REFERENCES services(id) ON DELETE CASCADE"
OF_USER: Final = "FOREIGN KEY user_id REFERENCES users(id) ON DELETE CASCADE"
REQUEST_STATUS: Final = "CHECK status IN ('pending', 'approved', 'available', 'failed')"


class Table(TypedDict):
    """A table of the contract; `indexes` are those that belong to no constraint."""

    columns: dict[str, str]
    constraints: dict[str, str]
    indexes: dict[str, str]
    triggers: dict[str, str]


TABLES: Final[dict[str, Table]] = {
    "users": {
        "columns": {
            "id": ID,
            "plex_id": "varchar(255) NOT NULL",
            "plex_username": "varchar(255) NOT NULL",
            "email": "varchar(255)",
            "role": "varchar(20) NOT NULL DEFAULT 'user'",
            "plex_token": "text",
            "created_at": NOW,
            "last_login_at": "timestamptz",
            "status": "varchar(20) NOT NULL DEFAULT 'active'",
        },
        "constraints": {
            "pk_users": "PRIMARY KEY id",
            "uq_users_plex_id": "UNIQUE plex_id",
            "ck_users_email": "CHECK email <> ''",
            "ck_users_role": "CHECK role IN ('user', 'admin')",
            "ck_users_status": "CHECK status IN ('active', 'suspended')",
        },
        "indexes": {
            "ix_users_email": "(lower(email) text_pattern_ops)",
            "ix_users_plex_username": "(lower(plex_username) text_pattern_ops)",  # for the search
            "ix_users_status_created_at": "(status, created_at, id)",
            "ix_users_role_created_at": "(role, created_at, id)",  # for the search
            "ix_users_created_at": "(created_at, id)",
        },
        "triggers": {
            "tr_users_delete_in_turn": (
                "BEFORE DELETE FOR EACH STATEMENT EXECUTE FUNCTION medianest_delete_users_in_turn()"
            ),
            "tr_users_pass_on_requests": "BEFORE DELETE FOR EACH ROW EXECUTE FUNCTION medianest_pass_on_requests()",
        },
    },
    "local_credentials": {
        "columns": {
            "id": ID,
            "user_id": "uuid NOT NULL",
            "username": "varchar(100) NOT NULL",
            "password_hash": "varchar(255) NOT NULL",
            "must_change_password": "boolean NOT NULL DEFAULT false",
            "updated_at": NOW,
        },
        "constraints": {
            "pk_local_credentials": "PRIMARY KEY id",
            "uq_local_credentials_user_id": "UNIQUE user_id",
            "uq_local_credentials_username": "UNIQUE username",
            "fk_local_credentials_user_id": OF_USER,
        },
        "indexes": {},
        "triggers": {"tr_local_credentials_updated_at": TOUCH},
    },
    "media_requests": {
        "columns": {
            "id": ID,
            "user_id": "uuid NOT NULL",
            "title": "varchar(500) NOT NULL",
            "media_type": "varchar(50) NOT NULL",
            "tmdb_id": "varchar(100)",
            "season": "integer",
            "is_4k": "boolean NOT NULL DEFAULT false",
            "imdb_id": "varchar(100)",
            "status": "varchar(20) NOT NULL DEFAULT 'pending'",
            "overseerr_id": "varchar(255)",
            "request_data": "jsonb",
            "created_at": NOW,
            "completed_at": "timestamptz",
        },
        "constraints": {
            "pk_media_requests": "PRIMARY KEY id",
            "ck_media_requests_season": "CHECK season IS NULL OR season >= 0 AND media_type <> 'movie'",
            "ck_media_requests_status": REQUEST_STATUS,
            "fk_media_requests_user_id": OF_USER,
        },
        "indexes": {
            "uq_media_requests_tmdb_id_media_type_season": (
                "UNIQUE (tmdb_id, media_type, season, is_4k) NULLS NOT DISTINCT "
                "WHERE (status IN ('pending', 'approved')) AND tmdb_id IS NOT NULL"
            ),
            "ix_media_requests_user_id_created_at": "(user_id, created_at, id)",
            "ix_media_requests_status_created_at": "(status, created_at, id)",
            "ix_media_requests_created_at": "(created_at, id)",
            "ix_media_requests_tmdb_id_media_type": "(tmdb_id, media_type)",
            "ix_media_requests_overseerr_id": "overseerr_id",
        },
        "triggers": {
            "tr_media_requests_notify": (
                f"AFTER INSERT OR DELETE OR UPDATE OF status, user_id FOR EACH ROW {WATCHED} medianest_notify_request()"
            ),
        },
    },
    "media_request_followers": {
        "columns": {"id": ID, "request_id": "uuid NOT NULL", "user_id": "uuid NOT NULL", "created_at": NOW},
        "constraints": {
            "pk_media_request_followers": "PRIMARY KEY id",
            "uq_media_request_followers_request_id_user_id": "UNIQUE (request_id, user_id)",
            "fk_media_request_followers_request_id": (
                "FOREIGN KEY request_id REFERENCES media_requests(id) ON DELETE CASCADE"
            ),
            "fk_media_request_followers_user_id": OF_USER,
        },
        "indexes": {"ix_media_request_followers_user_id_request_id": "(user_id, request_id)"},
        "triggers": {},
    },
    "media_request_status_updates": {
        "columns": {
            "id": ID,
            "request_id": "uuid NOT NULL",
            "status": "varchar(20) NOT NULL",
            "message": "text",
            "created_at": NOW,
        },
        "constraints": {
            "pk_media_request_status_updates": "PRIMARY KEY id",
            "ck_media_request_status_updates_status": REQUEST_STATUS,
            "fk_media_request_status_updates_request_id": (
                "FOREIGN KEY request_id REFERENCES media_requests(id) ON DELETE CASCADE"
            ),
        },
        "indexes": {"ix_media_request_status_updates_request_id_created_at": "(request_id, created_at)"},
        "triggers": {},
    },
    "youtube_downloads": {
        "columns": {
            "id": ID,
            "user_id": "uuid NOT NULL",
            "playlist_url": "text NOT NULL",
            "playlist_title": "varchar(500)",
            "status": "varchar(20) NOT NULL DEFAULT 'queued'",
            "file_paths": "jsonb",
            "plex_collection_id": "varchar(255)",
            "progress": "integer NOT NULL DEFAULT 0",
            "error_message": "text",
            "metadata": "jsonb",
            "created_at": NOW,
            "started_at": "timestamptz",
            "completed_at": "timestamptz",
            "priority": "smallint NOT NULL DEFAULT 10",
            "attempts": "smallint NOT NULL DEFAULT 0",
            "worker_id": "varchar(255)",
            "lease_expires_at": "timestamptz",
            "scheduled_at": NOW,
            "turn": "bigint",
        },
        "constraints": {
            "pk_youtube_downloads": "PRIMARY KEY id",
            "ck_youtube_downloads_attempts": "CHECK attempts >= 0",
            "ck_youtube_downloads_playlist_url": "CHECK char_length(playlist_url) <= 2048",
            "ck_youtube_downloads_priority": "CHECK priority IN (0, 10, 20)",
            "ck_youtube_downloads_progress": "CHECK progress >= 0 AND progress <= 100",
            "ck_youtube_downloads_status": "CHECK status IN ('queued', 'downloading', 'completed', 'failed')",
            "fk_youtube_downloads_user_id": OF_USER,
        },
        "indexes": {
            "uq_youtube_downloads_user_id_playlist_url": (
                "UNIQUE (user_id, playlist_url) WHERE status IN ('queued', 'downloading')"
            ),
            "ix_youtube_downloads_claim": "(priority DESC, scheduled_at, created_at) WHERE status = 'queued'",
            "ix_youtube_downloads_priority_turn": (
                "(priority DESC, turn, scheduled_at, created_at) WHERE status = 'queued'"
            ),
            "ix_youtube_downloads_user_id_priority_turn": (
                "(user_id, priority, turn) WHERE status = 'queued' AND turn IS NOT NULL"
            ),
            "ix_youtube_downloads_claimed_turn": "(priority, turn) WHERE status <> 'queued' AND turn > 0",
            "ix_youtube_downloads_lease_expires_at": "lease_expires_at WHERE status = 'downloading'",
            "ix_youtube_downloads_user_id_created_at": "(user_id, created_at, id)",
            "ix_youtube_downloads_status_created_at": "(status, created_at, id)",
            "ix_youtube_downloads_created_at": "(created_at, id)",
        },
        "triggers": {
            "tr_youtube_downloads_notify_insert": (f"AFTER INSERT FOR EACH ROW WHEN (new.status = 'queued') {NOTIFY}"),
            "tr_youtube_downloads_notify_update": (
                "AFTER UPDATE OF status, scheduled_at FOR EACH ROW WHEN (new.status = 'queued' OR "
                f"old.status = 'downloading' AND new.status <> 'downloading') {NOTIFY}"
            ),
            "tr_youtube_downloads_notify_delete": (
                f"AFTER DELETE FOR EACH ROW WHEN (old.status = 'downloading') {NOTIFY}"
            ),
            "tr_youtube_downloads_notify": (
                "AFTER INSERT OR DELETE OR UPDATE OF status, progress "
                f"FOR EACH ROW {WATCHED} medianest_notify_download()"
            ),
            "tr_youtube_downloads_turn_insert": (
                f"BEFORE INSERT FOR EACH ROW WHEN (new.status = 'queued' AND new.turn IS NULL) {SET_TURN}"
            ),
            "tr_youtube_downloads_turn_update": (
                "BEFORE UPDATE OF status, priority, scheduled_at FOR EACH ROW WHEN (new.status = 'queued' OR "
                "old.status = 'queued' AND new.status <> 'downloading' OR old.priority <> new.priority) "
                f"{SET_TURN}"
            ),
        },
    },
    "services": {
        "columns": {
            "id": "integer NOT NULL DEFAULT nextval('services_id_seq')",
            "name": "varchar(100) NOT NULL",
            "display_name": "varchar(100) NOT NULL",
            "url": "text",
            "api_key": "text",
            "enabled": "boolean NOT NULL DEFAULT true",
            "config_data": "jsonb",
            "created_at": NOW,
            "updated_at": NOW,
        },
        "constraints": {"pk_services": "PRIMARY KEY id", "uq_services_name": "UNIQUE name"},
        "indexes": {},
        "triggers": {"tr_services_updated_at": TOUCH},
    },
    "service_status_history": {
        "columns": {
            "id": ID,
            "service_id": "integer NOT NULL",
            "status": "varchar(20) NOT NULL",
            "response_time_ms": "integer",
            "error_message": "text",
            "checked_at": NOW,
        },
        "constraints": {
            "ck_service_status_history_response_time_ms": "CHECK response_time_ms >= 0",
            "ck_service_status_history_status": "CHECK status IN ('up', 'down', 'degraded')",
            "fk_service_status_history_service_id": OF_SERVICE,
        },
        "indexes": {
            "ix_service_status_history_service_id_checked_at": "(service_id, checked_at)",
            "ix_service_status_history_id": "brin id",
        },
        "triggers": {
            "tr_service_status_history_notify": (
                f"AFTER INSERT REFERENCING NEW TABLE AS added FOR EACH STATEMENT {WATCHED} medianest_notify_services()"
            ),
            "tr_service_status_history_refuse": (
                r"BEFORE DELETE FOR EACH STATEMENT WHEN (current_query() ~ '\mctid\M' AND current_query() !~ "
                r"'\mtableoid\M') EXECUTE FUNCTION medianest_refuse_delete()"
            ),
            **{
                f"tr_service_status_history_stale_{event}": (
                    f"AFTER {event.split('_')[0].upper()} REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT "
                    f"EXECUTE FUNCTION medianest_mark_stale_hours('{how}')"
                )
                for event, rows, how in (
                    ("insert", "NEW", "added"),
                    ("delete", "OLD", "removed"),
                    ("update_from", "OLD", "removed"),
                    ("update_to", "NEW", "added"),
                )
            },
        },
    },
    "service_maintenance": {
        "columns": {
            "id": ID,
            "service_id": "integer NOT NULL",
            "begins_at": "timestamptz NOT NULL",
            "ends_at": "timestamptz",
            "reason": "text",
            "created_at": NOW,
        },
        "constraints": {
            "pk_service_maintenance": "PRIMARY KEY id",
            "ck_service_maintenance_ends_at_after_begins_at": "CHECK ends_at > begins_at",
            "fk_service_maintenance_service_id": OF_SERVICE,
        },
        "indexes": {"ix_service_maintenance_service_id_begins_at": "(service_id, begins_at)"},
        "triggers": {},
    },
    "service_rollups": {
        "columns": {
            "service_id": "integer NOT NULL",
            "checks": "integer NOT NULL",
            "begins_at": "timestamptz NOT NULL",
            "up": "bigint NOT NULL",
            "degraded": "bigint",
            "down": "bigint",
            "hours": "smallint NOT NULL",
            "response_times": "smallint[] NOT NULL",
        },
        "constraints": {
            "pk_service_rollups": "PRIMARY KEY (service_id, hours, begins_at)",
            "ck_service_rollups_hours": "CHECK hours >= 1",
            "ck_service_rollups_times": (
                "CHECK up >= 0 AND degraded >= 0 AND down >= 0 "
                "AND (up + COALESCE(degraded, 0::bigint) + COALESCE(down, 0::bigint)) <= (hours * '3600000000'::bigint)"
            ),
            "fk_service_rollups_service_id": OF_SERVICE,
        },
        "indexes": {},
        "triggers": {},
    },
    "service_states": {
        "columns": {
            "service_id": "integer NOT NULL",
            "begins_at": "timestamptz NOT NULL",
            "ends_at": "timestamptz NOT NULL",
            "status": "varchar(20) NOT NULL",
            "error_message": "text",
        },
        "constraints": {
            "pk_service_states": "PRIMARY KEY (service_id, begins_at)",
            "ck_service_states_status": "CHECK status IN ('degraded', 'down', 'unknown')",
            "ck_service_states_length": ("CHECK ends_at > begins_at AND ends_at <= (begins_at + '01:00:00'::interval)"),
            "fk_service_states_service_id": OF_SERVICE,
        },
        "indexes": {"ix_service_states_service_id_begins_at": "(service_id, begins_at) WHERE status = 'down'"},
        "triggers": {},
    },
    "stale_service_hours": {
        "columns": {"service_id": "integer NOT NULL", "begins_at": "timestamptz NOT NULL"},
        "constraints": {"fk_stale_service_hours_service_id": OF_SERVICE},
        "indexes": {"ix_stale_service_hours_service_id_begins_at": "(service_id, begins_at)"},
        "triggers": {},
    },
    "kept_history": {
        "columns": {"table_name": "varchar(63) NOT NULL", "begins_at": "timestamptz NOT NULL"},
        "constraints": {"pk_kept_history": "PRIMARY KEY table_name"},
        "indexes": {},
        "triggers": {},
    },
    "session_tokens": {
        "columns": {
            "id": ID,
            "user_id": "uuid NOT NULL",
            "token_hash": "varchar(255) NOT NULL",
            "device_fingerprint": "varchar(255)",
            "ip_address": "varchar(45)",
            "user_agent": "text",
            "expires_at": "timestamptz NOT NULL",
            "created_at": NOW,
            "last_used_at": "timestamptz",
            "family_id": ID,
            "rotated_at": "timestamptz",
        },
        "constraints": {
            "pk_session_tokens": "PRIMARY KEY id",
            "uq_session_tokens_token_hash": "UNIQUE token_hash",
            "fk_session_tokens_user_id": OF_USER,
        },
        "indexes": {
            "ix_session_tokens_user_id_created_at": "(user_id, created_at)",
            "ix_session_tokens_expires_at": "expires_at",
            "ix_session_tokens_family_id": "family_id",  # a replay revokes the family
        },
        "triggers": {},
    },
    "rate_limits": {
        "columns": {
            "id": ID,
            "user_id": "uuid",
            "ip_address": "varchar(45)",
            "endpoint": "varchar(255) NOT NULL",
            "request_count": "integer NOT NULL DEFAULT 0",
            "window_start": "timestamptz NOT NULL DEFAULT date_trunc('minute', now())",
        },
        "constraints": {
            "pk_rate_limits": "PRIMARY KEY id",
            "uq_rate_limits_user_id_endpoint_window_start": "UNIQUE (user_id, endpoint, window_start)",
            "uq_rate_limits_ip_address_endpoint_window_start": "UNIQUE (ip_address, endpoint, window_start)",
            "ck_rate_limits_request_count": "CHECK request_count >= 0",
            "ck_rate_limits_user_id_or_ip_address": "CHECK num_nonnulls(user_id, ip_address) = 1",
            "fk_rate_limits_user_id": OF_USER,
        },
        "indexes": {"ix_rate_limits_window_start": "window_start"},
        "triggers": {},
    },
    "rolling_rate_limits": {
        "columns": {
            "id": ID,
            "user_id": "uuid",
            "ip_address": "varchar(45)",
            "endpoint": "varchar(255) NOT NULL",
            "window_seconds": "integer NOT NULL",
            "counts": "integer[] NOT NULL",
            "expires_at": "timestamptz NOT NULL",
        },
        "constraints": {
            "pk_rolling_rate_limits": "PRIMARY KEY id",
            "uq_rolling_rate_limits_user_id_endpoint_window_seconds": "UNIQUE (user_id, endpoint, window_seconds)",
            "uq_rolling_rate_limits_ip_address_endpoint_window_seconds": (
                "UNIQUE (ip_address, endpoint, window_seconds)"
            ),
            "ck_rolling_rate_limits_window_seconds": "CHECK window_seconds >= 1 AND window_seconds <= 86400",
            "ck_rolling_rate_limits_counts": "CHECK cardinality(counts) = 11 AND (0 <= ALL counts)",
            "ck_rolling_rate_limits_user_id_or_ip_address": "CHECK num_nonnulls(user_id, ip_address) = 1",
            "fk_rolling_rate_limits_user_id": OF_USER,
        },
        "indexes": {"ix_rolling_rate_limits_expires_at": "expires_at"},
        "triggers": {},
    },
    "imported_rows": {
        "columns": {
            "table_name": "varchar(63) NOT NULL",
            "source_id": "text NOT NULL",
            "target_id": "text NOT NULL",
            "source_digest": "varchar(32) NOT NULL",
            "target_digest": "varchar(32)",
            "secret_digest": "varchar(32)",
        },
        "constraints": {"pk_imported_rows": "PRIMARY KEY (table_name, source_id)"},
        "indexes": {"ix_imported_rows_table_name_target_id": "(table_name, target_id)"},
        "triggers": {},
    },
    "activity_logs": {
        "columns": {
            "id": ID,
            "user_id": "uuid",
            "action": "varchar(100) NOT NULL",
            "entity_type": "varchar(50)",
            "entity_id": "varchar(255)",
            "metadata": "jsonb",
            "ip_address": "varchar(45)",
            "user_agent": "text",
            "created_at": NOW,
        },
        "constraints": {
            "pk_activity_logs": "PRIMARY KEY (id, created_at)",
            "fk_activity_logs_user_id": "FOREIGN KEY user_id REFERENCES users(id) ON DELETE SET NULL",
        },
        "indexes": {
            "ix_activity_logs_user_id_created_at": "(user_id, created_at)",
            "ix_activity_logs_action_created_at": "(action, created_at)",
            "ix_activity_logs_created_at": "(created_at, id)",
            "ix_activity_logs_entity_type_entity_id_created_at": "(entity_type, entity_id, created_at)",
        },
        "triggers": {},
    },
    "system_config": {
        "columns": {
            "id": "integer NOT NULL DEFAULT nextval('system_config_id_seq')",
            "key": "varchar(100) NOT NULL",
            "value": "jsonb NOT NULL",
            "description": "text",
            "updated_at": NOW,
            "updated_by": "uuid",
            "customized_at": "timestamptz",
        },
        "constraints": {
            "pk_system_config": "PRIMARY KEY id",
            "uq_system_config_key": "UNIQUE key",
            "fk_system_config_updated_by": "FOREIGN KEY updated_by REFERENCES users(id) ON DELETE SET NULL",
        },
        "indexes": {},
        "triggers": {
            "tr_system_config_updated_at": TOUCH,
            "tr_system_config_customized_at": (
                "BEFORE INSERT OR UPDATE FOR EACH ROW EXECUTE FUNCTION medianest_mark_customized()"
            ),
        },
    },
}

WITHOUT_MODEL: Final = frozenset(
    {"imported_rows", "service_rollups", "service_states", "stale_service_hours", "kept_history"}
)
"""Tables that one module alone reads and writes, by statements of its own."""

MODELLED: Final = {table: contract for table, contract in TABLES.items() if table not in WITHOUT_MODEL}
"""All others."""

IN_RANGE: Final = (
    "CHECK {0} >= '0001-01-01 00:00:00+00'::timestamptz AND {0} <= '9999-12-31 23:59:59.999999+00'::timestamptz"
)
for _name, _table in TABLES.items():  # every timestamp is in the range of Python's datetime
    for _column, _type in _table["columns"].items():
        if _type.startswith("timestamptz"):
            _table["constraints"][f"ck_{_name}_{_column}"] = IN_RANGE.format(_column)

FUNCTIONS: Final = {
    "medianest_uuid_v7()",
    "medianest_delete_users_in_turn()",
    "medianest_pass_on_requests()",
    "medianest_touch_updated_at()",
    "medianest_mark_customized()",
    "medianest_notify_downloads()",
    "medianest_notify_request()",
    "medianest_notify_download()",
    "medianest_notify_services()",
    "medianest_is_watched()",
    "medianest_mark_stale_hours()",
    "medianest_claim_download(text,interval,integer,integer)",
    "medianest_claim_next_download(text,double precision,integer,integer)",
    "medianest_can_change(youtube_downloads)",
    "medianest_give_turns()",
    "medianest_turn_lock(uuid)",
    "medianest_max_running_downloads()",
    "medianest_next_turn(uuid,smallint)",
    "medianest_pause_ends_at(jsonb)",
    "medianest_refuse_delete()",
    "medianest_release_expired_downloads(integer)",
    "medianest_set_turn()",
    "medianest_users_at_their_limit()",
}

ENUMS: Final[dict[str, list[Any]]] = {
    f"{table}.{found[1]}": ast.literal_eval(f"[{found[2]}]")
    for table, contract in MODELLED.items()
    for text in contract["constraints"].values()
    if (found := re.fullmatch(r"CHECK (\w+) IN \((.*)\)", text))
}

REQUIRED: Final = {
    table: {name for name, text in contract["columns"].items() if "NOT NULL" in text and "DEFAULT" not in text}
    for table, contract in TABLES.items()
}
"""The required columns of an INSERT; limits also need one of `user_id` and `ip_address`."""
