"""The eleven tables, with every constraint, index, function and trigger under a name of its own.

Written by hand over Aerich's draft, which knows no CHECK, no partial or descending index, no trigger and no
function, and names constraints by a hash. The downgrade leaves the table `aerich`, in which it is itself undone.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return r"""
CREATE TABLE IF NOT EXISTS aerich (
    id SERIAL NOT NULL PRIMARY KEY,
    version VARCHAR(255) NOT NULL,
    app VARCHAR(100) NOT NULL,
    content JSONB NOT NULL
);
-- Of two migrations at once the second one fails here, and its transaction with it.
CREATE UNIQUE INDEX IF NOT EXISTS uq_aerich_app_version ON aerich (app, version);

-- A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random bits. A random version 4 gives the variant
-- and all but two bits of the version; uuidv7() of our own making, because PostgreSQL has one from version 18 only.
CREATE FUNCTION medianest_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(
                    uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6
                ),
                52, 1
            ),
            53, 1
        ),
        'hex'
    )::uuid
$$;

CREATE FUNCTION medianest_touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TABLE users (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    plex_id VARCHAR(255) NOT NULL,
    plex_username VARCHAR(255) NOT NULL,
    email VARCHAR(255),
    role VARCHAR(20) NOT NULL DEFAULT 'user',
    plex_token TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_login_at TIMESTAMPTZ,
    status VARCHAR(20) NOT NULL DEFAULT 'active',
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_plex_id UNIQUE (plex_id),
    CONSTRAINT ck_users_email CHECK (email <> ''),
    CONSTRAINT ck_users_role CHECK (role IN ('user', 'admin')),
    CONSTRAINT ck_users_status CHECK (status IN ('active', 'suspended'))
);
CREATE INDEX ix_users_email ON users (lower(email) text_pattern_ops);
CREATE INDEX ix_users_plex_username ON users (lower(plex_username) text_pattern_ops);
CREATE INDEX ix_users_status_created_at ON users (status, created_at, id);
CREATE INDEX ix_users_role_created_at ON users (role, created_at, id);
CREATE INDEX ix_users_created_at ON users (created_at, id);

CREATE TABLE local_credentials (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    username VARCHAR(100) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    must_change_password BOOL NOT NULL DEFAULT FALSE,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    user_id UUID NOT NULL,
    CONSTRAINT pk_local_credentials PRIMARY KEY (id),
    CONSTRAINT uq_local_credentials_user_id UNIQUE (user_id),
    CONSTRAINT uq_local_credentials_username UNIQUE (username),
    CONSTRAINT fk_local_credentials_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TRIGGER tr_local_credentials_updated_at BEFORE UPDATE ON local_credentials
    FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at();

CREATE TABLE media_requests (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    title VARCHAR(500) NOT NULL,
    media_type VARCHAR(50) NOT NULL,
    tmdb_id VARCHAR(100),
    imdb_id VARCHAR(100),
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    overseerr_id VARCHAR(255),
    request_data JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    completed_at TIMESTAMPTZ,
    user_id UUID NOT NULL,
    CONSTRAINT pk_media_requests PRIMARY KEY (id),
    CONSTRAINT ck_media_requests_status CHECK (status IN ('pending', 'approved', 'available', 'failed')),
    CONSTRAINT fk_media_requests_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_media_requests_tmdb_id_media_type ON media_requests (tmdb_id, media_type)
    WHERE status IN ('pending', 'approved');
CREATE INDEX ix_media_requests_user_id_created_at ON media_requests (user_id, created_at, id);
CREATE INDEX ix_media_requests_status_created_at ON media_requests (status, created_at, id);
CREATE INDEX ix_media_requests_created_at ON media_requests (created_at, id);
CREATE INDEX ix_media_requests_tmdb_id_media_type ON media_requests (tmdb_id, media_type);
CREATE INDEX ix_media_requests_overseerr_id ON media_requests (overseerr_id);

CREATE TABLE media_request_status_updates (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    status VARCHAR(20) NOT NULL,
    message TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    request_id UUID NOT NULL,
    CONSTRAINT pk_media_request_status_updates PRIMARY KEY (id),
    CONSTRAINT ck_media_request_status_updates_status
        CHECK (status IN ('pending', 'approved', 'available', 'failed')),
    CONSTRAINT fk_media_request_status_updates_request_id
        FOREIGN KEY (request_id) REFERENCES media_requests (id) ON DELETE CASCADE
);
CREATE INDEX ix_media_request_status_updates_request_id_created_at
    ON media_request_status_updates (request_id, created_at);

CREATE TABLE youtube_downloads (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    playlist_url TEXT NOT NULL,
    playlist_title VARCHAR(500),
    status VARCHAR(20) NOT NULL DEFAULT 'queued',
    priority SMALLINT NOT NULL DEFAULT 10,
    attempts SMALLINT NOT NULL DEFAULT 0,
    worker_id VARCHAR(255),
    lease_expires_at TIMESTAMPTZ,
    scheduled_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    file_paths JSONB,
    plex_collection_id VARCHAR(255),
    progress INT NOT NULL DEFAULT 0,
    error_message TEXT,
    metadata JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    user_id UUID NOT NULL,
    CONSTRAINT pk_youtube_downloads PRIMARY KEY (id),
    CONSTRAINT ck_youtube_downloads_attempts CHECK (attempts >= 0),
    -- It stands in a unique index, which takes at most 2,704 bytes.
    CONSTRAINT ck_youtube_downloads_playlist_url CHECK (char_length(playlist_url) <= 2048),
    CONSTRAINT ck_youtube_downloads_priority CHECK (priority IN (0, 10, 20)),
    CONSTRAINT ck_youtube_downloads_progress CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT ck_youtube_downloads_status CHECK (status IN ('queued', 'downloading', 'completed', 'failed')),
    CONSTRAINT fk_youtube_downloads_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_youtube_downloads_user_id_playlist_url ON youtube_downloads (user_id, playlist_url)
    WHERE status IN ('queued', 'downloading');
CREATE INDEX ix_youtube_downloads_claim ON youtube_downloads (priority DESC, scheduled_at, created_at)
    WHERE status = 'queued';
CREATE INDEX ix_youtube_downloads_lease_expires_at ON youtube_downloads (lease_expires_at)
    WHERE status = 'downloading';
CREATE INDEX ix_youtube_downloads_user_id_created_at ON youtube_downloads (user_id, created_at, id);
CREATE INDEX ix_youtube_downloads_status_created_at ON youtube_downloads (status, created_at, id);
CREATE INDEX ix_youtube_downloads_created_at ON youtube_downloads (created_at, id);

-- Wakes the workers, whoever queues a download or ends one, whose place under the limit is then free.
CREATE FUNCTION medianest_notify_downloads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('medianest_downloads', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER tr_youtube_downloads_notify_insert AFTER INSERT ON youtube_downloads
    FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION medianest_notify_downloads();
CREATE TRIGGER tr_youtube_downloads_notify_update AFTER UPDATE OF status, scheduled_at ON youtube_downloads
    FOR EACH ROW WHEN (NEW.status = 'queued' OR (OLD.status = 'downloading' AND NEW.status <> 'downloading'))
    EXECUTE FUNCTION medianest_notify_downloads();
CREATE TRIGGER tr_youtube_downloads_notify_delete AFTER DELETE ON youtube_downloads
    FOR EACH ROW WHEN (OLD.status = 'downloading') EXECUTE FUNCTION medianest_notify_downloads();

CREATE TABLE services (
    id SERIAL NOT NULL,
    name VARCHAR(100) NOT NULL,
    display_name VARCHAR(100) NOT NULL,
    url TEXT,
    api_key TEXT,
    enabled BOOL NOT NULL DEFAULT TRUE,
    config_data JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT pk_services PRIMARY KEY (id),
    CONSTRAINT uq_services_name UNIQUE (name)
);
CREATE TRIGGER tr_services_updated_at BEFORE UPDATE ON services
    FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at();

CREATE TABLE service_status_history (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    status VARCHAR(20) NOT NULL,
    response_time_ms INT,
    error_message TEXT,
    checked_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    service_id INT NOT NULL,
    CONSTRAINT pk_service_status_history PRIMARY KEY (id),
    CONSTRAINT ck_service_status_history_response_time_ms CHECK (response_time_ms >= 0),
    CONSTRAINT ck_service_status_history_status CHECK (status IN ('up', 'down', 'degraded')),
    CONSTRAINT fk_service_status_history_service_id
        FOREIGN KEY (service_id) REFERENCES services (id) ON DELETE CASCADE
);
CREATE INDEX ix_service_status_history_service_id_checked_at
    ON service_status_history (service_id, checked_at, id);

CREATE TABLE session_tokens (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    token_hash VARCHAR(255) NOT NULL,
    family_id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    device_fingerprint VARCHAR(255),
    ip_address VARCHAR(45),
    user_agent TEXT,
    expires_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_used_at TIMESTAMPTZ,
    rotated_at TIMESTAMPTZ,
    user_id UUID NOT NULL,
    CONSTRAINT pk_session_tokens PRIMARY KEY (id),
    CONSTRAINT uq_session_tokens_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_session_tokens_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_session_tokens_user_id_created_at ON session_tokens (user_id, created_at);
CREATE INDEX ix_session_tokens_expires_at ON session_tokens (expires_at);
CREATE INDEX ix_session_tokens_family_id ON session_tokens (family_id);

CREATE TABLE rate_limits (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    ip_address VARCHAR(45),
    endpoint VARCHAR(255) NOT NULL,
    request_count INT NOT NULL DEFAULT 0,
    window_start TIMESTAMPTZ NOT NULL DEFAULT date_trunc('minute', now()),
    user_id UUID,
    CONSTRAINT pk_rate_limits PRIMARY KEY (id),
    CONSTRAINT uq_rate_limits_user_id_endpoint_window_start UNIQUE (user_id, endpoint, window_start),
    CONSTRAINT uq_rate_limits_ip_address_endpoint_window_start UNIQUE (ip_address, endpoint, window_start),
    CONSTRAINT ck_rate_limits_request_count CHECK (request_count >= 0),
    CONSTRAINT ck_rate_limits_user_id_or_ip_address CHECK (num_nonnulls(user_id, ip_address) = 1),
    CONSTRAINT fk_rate_limits_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_rate_limits_window_start ON rate_limits (window_start);

CREATE TABLE activity_logs (
    id UUID NOT NULL DEFAULT medianest_uuid_v7(),
    action VARCHAR(100) NOT NULL,
    entity_type VARCHAR(50),
    entity_id VARCHAR(255),
    metadata JSONB,
    ip_address VARCHAR(45),
    user_agent TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    user_id UUID,
    CONSTRAINT pk_activity_logs PRIMARY KEY (id),
    CONSTRAINT fk_activity_logs_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX ix_activity_logs_user_id_created_at ON activity_logs (user_id, created_at);
CREATE INDEX ix_activity_logs_action_created_at ON activity_logs (action, created_at);
CREATE INDEX ix_activity_logs_created_at ON activity_logs (created_at, id);
CREATE INDEX ix_activity_logs_entity_type_entity_id_created_at
    ON activity_logs (entity_type, entity_id, created_at);

CREATE TABLE system_config (
    id SERIAL NOT NULL,
    key VARCHAR(100) NOT NULL,
    value JSONB NOT NULL,
    description TEXT,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    customized_at TIMESTAMPTZ,
    updated_by UUID,
    CONSTRAINT pk_system_config PRIMARY KEY (id),
    CONSTRAINT uq_system_config_key UNIQUE (key),
    CONSTRAINT fk_system_config_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL
);
CREATE TRIGGER tr_system_config_updated_at BEFORE UPDATE ON system_config
    FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at();

-- Whoever changes a value, in psql too, keeps it from the next seed; the seed itself says that it is the one.
-- An instance that was read before and writes all of its columns does not take the mark away again.
CREATE FUNCTION medianest_mark_customized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('medianest.seeding', TRUE) IS DISTINCT FROM 'on' THEN
        NEW.customized_at := CASE WHEN NEW.value IS DISTINCT FROM OLD.value THEN now() ELSE OLD.customized_at END;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tr_system_config_customized_at BEFORE UPDATE ON system_config
    FOR EACH ROW EXECUTE FUNCTION medianest_mark_customized();

-- How many downloads may run at once. A setting that is missing or no number counts as 3.
CREATE FUNCTION medianest_max_running_downloads() RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (
            SELECT CASE WHEN jsonb_typeof(value -> 'max') = 'number' THEN (value ->> 'max')::numeric END
            FROM system_config WHERE key = 'youtube.concurrent_downloads'
        ),
        3
    )
$$;

-- Takes the downloads away from workers whose lease ran out (or that never had one, when others wrote the row):
-- back to the queue, or failed for good when that was the last attempt. Returns how many. Times are those of
-- the clock and not of the transaction, which may have begun long ago.
CREATE FUNCTION medianest_release_expired_downloads(max_attempts int) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH released AS (
        UPDATE youtube_downloads SET
            status = CASE WHEN attempts < max_attempts THEN 'queued' ELSE 'failed' END,
            progress = CASE WHEN attempts < max_attempts THEN 0 ELSE progress END,
            worker_id = CASE WHEN attempts < max_attempts THEN NULL ELSE worker_id END,
            completed_at = CASE WHEN attempts < max_attempts THEN NULL ELSE clock_timestamp() END,
            lease_expires_at = NULL,
            error_message = 'the worker went silent: its lease ran out'
        WHERE id IN (
            SELECT id FROM youtube_downloads
            WHERE status = 'downloading'
                AND (lease_expires_at <= clock_timestamp() OR lease_expires_at IS NULL)
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id
    )
    SELECT count(*) FROM released
$$;

-- Gives the next download to a worker, never more than `max_running` at once (NULL: what the setting says).
-- The lock comes first and the count after it, in a statement and so a snapshot of its own: a count in one
-- statement with the claim, even with the lock, would not see the claims that it waited for.
CREATE FUNCTION medianest_claim_download(worker text, lease interval, max_running int, max_attempts int)
RETURNS SETOF youtube_downloads LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most numeric := coalesce(max_running, medianest_max_running_downloads());
    moment timestamptz := clock_timestamp();
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'a claim in this isolation would count on an old snapshot'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- Most claims of idle workers end here, without the lock.
    IF NOT EXISTS (
        SELECT FROM youtube_downloads
        WHERE status = 'downloading' AND (lease_expires_at <= moment OR lease_expires_at IS NULL)
    ) AND NOT (
        (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') < most
        AND EXISTS (SELECT FROM youtube_downloads WHERE status = 'queued' AND scheduled_at <= moment)
    ) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(5903318274460197125);
    PERFORM medianest_release_expired_downloads(max_attempts);
    IF (SELECT count(*) FROM youtube_downloads WHERE status = 'downloading') >= most THEN
        RETURN;
    END IF;
    moment := clock_timestamp();
    RETURN QUERY
    UPDATE youtube_downloads SET
        status = 'downloading', attempts = attempts + 1, worker_id = worker, lease_expires_at = moment + lease,
        progress = 0, started_at = moment
    WHERE id = (
        SELECT id FROM youtube_downloads
        WHERE status = 'queued' AND scheduled_at <= moment
        ORDER BY priority DESC, scheduled_at, created_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING *;
END
$$;
"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return r"""
DROP FUNCTION medianest_claim_download(text, interval, int, int);
DROP FUNCTION medianest_release_expired_downloads(int);
DROP FUNCTION medianest_max_running_downloads();
DROP TABLE system_config;
DROP TABLE activity_logs;
DROP TABLE rate_limits;
DROP TABLE session_tokens;
DROP TABLE service_status_history;
DROP TABLE services;
DROP TABLE youtube_downloads;
DROP TABLE media_request_status_updates;
DROP TABLE media_requests;
DROP TABLE local_credentials;
DROP TABLE users;
DROP FUNCTION medianest_mark_customized();
DROP FUNCTION medianest_notify_downloads();
DROP FUNCTION medianest_touch_updated_at();
DROP FUNCTION medianest_uuid_v7();
"""


# Aerich's picture of the models as this file leaves them, compressed.
MODELS_STATE = (
    "eJztXVtz2zYW/isYvcSZcT2JGycdt9MZ2VYabWXLa8tJt/UODYuQhDEJsCRoRc3mvy8Akh"
    "IBkhJJXUIxfLElAOeA+nDhuQJfWjY1keUdtYcMP2M269Fx6xR8aRFoI/4hrfoQtKDjLCpF"
    "AYOPlmwPw4aGRceyBj56zOWlvHIELQ/xIhN5Qxc7DFMiSPoEATbBZMz/Qgam0AMmJegIdB"
    "mgPrPwM/J4FQK+h1wwnVBgYhNgdiTYm3TI+XPitTn5BP/tI4PRMeJNXM7vr//yYkxM9Bl5"
    "4uuX1ggjy5SfW4KFgU1BOXQRZMg0IGsJCvTZcZHn8V/nRUwiNPFnQwHICLkYMRYCzZkjm7"
    "ckNw6f/PL1EChPIDhxBNd7gIBJqf5VGg5F0b7LdIoIE/SysWgYfF17HGJsjTnPfA8o+DpP"
    "hnxGZekEDyXLjYj27q578V62FHP30RhSy7fJorUzYxM+HFFz38fmkaARdWNEkCueJ7aUiG"
    "9Z4dKLioJ5zAuY66P5BDYXBSYaQd8SC7L1y8gncgIAG5kYEuQxI1zx4b9H6KEjgqYcjl/D"
    "Z47R3/5tXQTfDl4sOIinNp7fHbx88bKVWO7iibV1GxYN+UBxVDFhYry+fA16W+AnS1ui2/"
    "MP7ZuDH99K7g712NiVlRLd1ldJCBk0FtNmMSiLRaMOzEfoDifQTR+bBZE2Pvx5y4xMVLAY"
    "msXWGGEb4aTgbRhX/YFx2xkYxhrItmz42bAQGbMJ//r61aslUH9s30i0eSsJN+V7ebDTX4"
    "VVx0HdV7lSI5i1ZVoAa42yFODhRK8m3id54D7JRvskC+y0/SYP1Kk7Tw2APj45yYE0b5UJ"
    "taxTsbYRg2JzSUL9r9v+VTrOcRoNZhMPGfgfsLDH9g/uJegKMARn2/P+tuKgHly2/9DxPu"
    "/1z/StXDA407DHjgFNU7zTC050lbB+M/1Nnon+Jnuev0lMcymXQo4JS0I94MJPOs4qVR1w"
    "XoLroPPHQENNlRdV1LqcLyQZwKmE+h7Bqxi20VH0YacixxWdHmxJjBt0Lzu3g/bltbJTXL"
    "QHHVFzLEtnWunBW20Wz5mAT93BByC+gj/7Vx19Q5m3G/wplIoW9Bk1CJ2KnSGGRlQcFSVX"
    "RTGxPkayhmy/P6tihWgulKXRU6pkLpBKIvueugiPye9oJvENVtEwTTQMFZa7kM1eIrooXT"
    "yiC6dz5TI+nfhP5z8YMfnjef/g6q7XC9TRRzh8mkLXNBSoRQ09plrJvG2yyj629RJI+PZu"
    "hj9DPHSIeo8OoXXuIlPIlNBqpZiQ9CaHy8xIlmgs9O+wdU5T0iCy7Yi+ASQmcKDnTalrAj"
    "oCcGH3GUICPD6vACZgivk88hm4ttDnQ+D5wwmAgZlohF2PAWjamCSNTVvua7U5qjE87JPh"
    "QUwH+bmY6Bon24zxYfXo7LfpIVqFxgR6kyTaH3hpOtQJwloYe/KqwJqa6/PlxGclGSMjwi"
    "WJ5RmlFoIkQ+vNYKGh+sh5bAvWeUkc1/RXxybwPOv3e4ooe9YdaBP37vKsw2e0nM+8EQ7e"
    "3t0rXZPwHbOcJqESNppEo0lU+XWwQUWiiNy7SunoEzSg/M9mVY5KQl9a4zhv3563Lzqawr"
    "GWEnEpBLkbxMHxWCtFg1Dql6oPUiQ03KBpTt2hLSX2Fx6X0b0JGFGXy/AMMwsdgTYDNp+C"
    "gBIEQqbxBuDggdkcS2w+HIKHoG8xRR5eAuwB6iACIJON+dab0CN22O9GXNyHOX296his5e"
    "nmC5D53maeI+C1K4e31nmZXsMhlu+w+RAX7zpkY8R45H4E+oxcDyFXzobCPSvU2X026uw+"
    "qbNyAyqoy85paqFY6V7dfG7dZX7dhCqrrtUCSKuEtYR700702DZbZEovqOrg7tqBeQaXwh"
    "k3OBfEeSEzqTDfMrdDfPs8gFbHeUG1u02jxQVVU6CVADteoQrr152ri+7Vb6cgbHJP2tfX"
    "N/2PnYtTwNUCl8scJi/72O722me9Di98hlg+5T15zwtFuxEvQaYuj+eKLMkzXsfZw3WcGC"
    "1dRiqwNHTS+q2PrQTyhOKpUTSYR6drAnrKB/Q08RKFxmDvrJxDajvCXlRmhDXSDYzx/iy2"
    "vRvo6pizqzuo+xIZU1FIN2yozoA6tA4GXrQU6fkspH//+w2yYEZWQIq5+lbyvZNsazQGX7"
    "cZU5SJ3wrXgI51TjeBkRz7fLlrgY87CPqRHCNb/QsPBDwPwdTFjCEZAiSCfThX4gVZJUGq"
    "mg1NlJnStukOCroBInxKJFktA9hY8G0SrepnIN4f+0PxfbN25gebL2G+CSdHKzvWP0ZSB4"
    "tDE+jfKK5J41CxN4tK1Wg1y7UadxHIsaZio8eF7Ce6KxUcdXoV1XG2KanfcLB72MapUTuL"
    "yqWyuBgwwxLtcoreH+iUi8RC5g1i7Q+BiIzh3wglM5v6HhhCy5KRNWHy36FoZ4o2/K3tUI"
    "50JC5P+dBzdlJSfkRjKEtTYv531GeKgK5E40SsxOeAjZCtXSmR/6VlO2a3XSbz61xXyPmx"
    "wTMU0kaar4c036Te7iz1Nr5gCwAdJ6uy7lRFH+CQ+ml4d7Ok+ASdBng4DNsA/JWO9qs1EB"
    "6LXn84fv3m3Zuffnz75ifeRD7ZvOTdEsyTSQv6zl9AL9JJK6UZxbbre/koBt+SyJDv3Zj4"
    "DL04BEToTi/vW43+1CRK18wdVE1Et+kN2qamdIvcZzxMdWFEVUu1JC9olDulIWw/zzQWec"
    "dCZ+lHQUNp+Qj5iDacoJz5sk3dE1LesOEsqGzCzWbettkieonk4iaxuEhEpYk9x4IzowTQ"
    "OmkNBfStQO67VhGfRNi8DlpmMX8EdLDxhGZJrDpk6M4c/qPTAYvRfX+gISJ+RdG09hjVDj"
    "PZo600Dtp8e61wHjvvdITHGUG288mZHW2r0acE29ZqljZBst+hrtwc9VC78S1wOkEi9nCC"
    "PUbdlHd5kdjDUJkMQuE+LDjumYj5TeIOU7HLVtgTGK/U3o3kSK/W5T8JPyGV0YBo+BQEA0"
    "aK+oj6xExq8vlICkYDRr8hjAYUnIulxKeDYCz4GirTxn+YWFz75z+sdTTg3fUp8J17ctH/"
    "dHUKTDol/HPnt5v2hYjzM9HYhWZVIv34kDm8R77euUxg2ClDssTrlSQt5fiqmDy+aTcYcl"
    "3qGiVCKhOE359Orm79RZQdhbARhiskDCtZ6Yr0kHPjUYl252uv+J6zxEXoLXxJa3oJY16p"
    "PYM4r6dQnV3VchZKIXpAnxBppSogsfoViodsyYV83rTItVyifaA4uMhG9iNyf7ARCNn9DB"
    "AcTkSAo2iCo7PJuNgqtQ4bPoXXbRH+yguaeLw3G1uzjLu7ttrdji74UrFe69wz3hHmPZXq"
    "N0abu78ArHyHfGndLUize2tUtn1S2eTAFj5EWaWqgWM5b9ShKscqyyHvxFaIdp0+UtsZHn"
    "PgI/miH/GekOu4xWNs0xnUQUvbQbBtE0Le3N5UaduDKjEVsD2ohJWyPTRH1egWiMadXu/x"
    "taCQOrwyI6yTNmdOVXmgXcrKLWSVsBnkKg9yc7BYfTJJKgrp3qaSzDyG7HMZINlKsw7H6w"
    "+XWodlS2O4aJors4Qxju4pgOAJzeT9dxCI+EXwDC0/9Z6LVST35J48DH2PURv/IzfoB3GR"
    "BScD04nMuZftRFlwJBanHzHkSqOvh5D58/wTsBB8Rl6YwhLSQYuSvBdhNLkru8xdSY1dX2"
    "oUWCdqvWLYbj+NQk7/JMDZYddzgrVON67ohp8VeK3IRJs43jj+mAnws+0wGtn3Z4hpIqLr"
    "LdQrr/iiVhidttHfqjzU0Yp8LOoLWxCuqcjtz+CuoccpYO1Gm6smrquVOX1CVuoadYl9ii"
    "4XjUm2DieU1NynAji8LSXycnIbzmREjVCcHOoyyLF94quZgMeZKMRukP4Ph/KwmzS1bg1u"
    "QuNrA3nZe3QL4oPDG4grDYWa9yCrTn+JbsH+9QFwMmwFXHgDC5MnVCaPISXApdXrf+rcHN"
    "y3kA2xJQ5z0UJeJMaGrJXY54mpWdaP/KXRT8vsT2mVu9/17kwMel7jqkSXBje9le5bMNjV"
    "JY1Bj80Z1Hsa4JFtVgi3koKmhRhV7cwLW4nsSOxQRcGO01Y506dKoM9fQwXAntPUwaawi/"
    "MBadodp8tz1iKaHd6fF7lxVJTnpVqy2m3n5lQKW1z0urjsXp0CaNqY6ILdt0lPk9sBiwLa"
    "VdxXnGWiktZhhhdMnWoCW2ptSpHRKRYdY1IysiVO21jNqjzU+5Mt3RJ3DD2j5NsnVq5ZH8"
    "4H3Y/iRhTZ4J7c3t2K21REprTne+I+lW+ZKp0wsmXbgWKnb4mfgtlMrLA17wxrh6x6dLy3"
    "SzB5WkfyTvPwBOUN3rC2h1pCLry0exHKg6Xcw1DDiZXMcSyPlZ5ZWceJpUT9rIuXFmtUw+"
    "k1oz7zH5EhjvewKDTXROw/1B9wdhchtzpNskIOkph8K0z9wgprIsIwTLFtRPj2CRpQ/mc1"
    "yj3B81xhWZOpWdCxpE+3FB9TyozMdjelroZcricLzkT4EGAUPCIQ0SPzCLSlVQJMoAfEhZ"
    "VcppZ53YGgOG8ZpIdHbFL9URvuQjipPk2wJe7PlE6pqB3v8UGUPSKLkrEn+nuYUvdJhotG"
    "nqoHC0EPxdKxHzaXjH6Y08GRGK21stLX8iwlH2UNL9NG+m/8PjX0+wRL1yh4frROVwtfRD"
    "Er4hwChlma8XuFM0cnroMZVrUznOQK0D1ZEqB7kgzQ3SODD2/qIzO5S8TK1Xf+v+86d8K6"
    "EzQITsnr9dvB/bmxV+k9Oe9fXvc6A9F4SG1HBOWY1bwv13ExdTFLCbfqErZkxOJ0uzvH6n"
    "Xi0qjXyVujRFTKKXh1T676N5ftnmhzTz50f/sg8MuJepAl8OPxu7fzBAHxZVluwC3vq5c8"
    "Qw8yrk86aSaPWxtaVmbCRZxury/l2gSIc1m04Dau0NVvB9+Kq1iX8os6aFLIGx9NpX00ww"
    "kyfauMw1UnbVyuFR3jEZc4DAeyScp7KDt5SqVaK4Nqf9bvVhKoZEgHB9ZCUn8tGcqXYNC8"
    "0vKF9bl0nH5cU6b4FSfZa/GrOQy6ArYIGzGYfnNQ9uYbp2m23vJbbxNNVm/RRt60XEp4VQ"
    "gbHaXKgzy3opVYxhppM9BVHujmmKTmmKRvnllbzWOS2sjFw0krJeAhrDlcFucAF21WBTdk"
    "A9qcNlSt04bENeapZ7KcZxoSYiS1cArvwHwgFlUBhMPmNUR3K0c68R5Z6vnOS+/SZemHOz"
    "fHOq1SjQvkBWz+Zfb1/zkH8Zs="
)
