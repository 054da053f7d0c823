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
    "eJztXVtz2zYW/isYvcSZcT2JGycdt9MZ2VYabWXLa8tJt/UODZOQhDEJqCRoRc3mvy8Akh"
    "IBkhJJXUIxfLElAOeA+nDhuQJfWg61kO0dtU2GnzGb9eiodQq+tAh0EP+QVn0IWnAyWVSK"
    "AgYfbdkehg0Nm45kDXz0mMtLeeUQ2h7iRRbyTBdPGKZEkPQJAmyMyYj/hQxMoQcsStAR6D"
    "JAfWbjZ+TxKgR8D7lgOqbAwhbA7Eiwt6jJ+XPitTn5BP/tI4PREeJNXM7vr//yYkws9Bl5"
    "4uuX1hAj25KfW4KFgS1BaboIMmQZkLUEBfo8cZHn8V/nRUwiNPFnQwHICLkYMRYCzdlENm"
    "9Jbhw++eXrIVCeQHDiCK73AAGTUv2rNByKon2X6RQRJuhlY9Ew+Lr2OMTYGnOe+R5Q8J08"
    "GfIZlaUTPJQsNyLau7vuxXvZUszdR8Oktu+QRevJjI35cETNfR9bR4JG1I0QQa54nthSIr"
    "5th0svKgrmMS9gro/mE9haFFhoCH1bLMjWL0OfyAkAHGRhSJDHjHDFh/8eoYeOCJpyOH4N"
    "nzlGf/u3fRF8O3ix4CCe2nh+d/DyxctWYrmLJ9bWbVhk8oHiqGLCxHh9+Rr0tsBPlrZEt+"
    "cf2jcHP76V3CfUYyNXVkp0W18lIWTQWEybxaAsFo06MB+ha46hmz42CyJtfPjzlhmZqGAx"
    "NIutMcI2wknB2zCu+gPjtjMwjDWQbTnws2EjMmJj/vX1q1dLoP7YvpFo81YSbsr38mCnvw"
    "qrjoO6r3KlRjBry7QA1hplKcDDiV5NvE/ywH2SjfZJFthp+00eqFN3nhoAfXxykgNp3ioT"
    "almnYu0gBsXmkoT6X7f9q3Sc4zQazBY2GfgfsLHH9g/uJegKMARnx/P+tuOgHly2/9DxPu"
    "/1z/StXDA407DHEwNalninF5zoKmH9ZvqbPBP9TfY8f5OY5lIuhRwTloR6wIWfdJxVqjrg"
    "vATXQeePgYaaKi+qqHU5X0gygFMJ9T2CVzHsoKPow05Fjis6PdiSGDfoXnZuB+3La2WnuG"
    "gPOqLmWJbOtNKDt9osnjMBn7qDD0B8BX/2rzr6hjJvN/hTKBUt6DNqEDoVO0MMjag4Kkqu"
    "imJifYxkDdl+f1bFCtFcKEvDp1TJXCCVRPY9dREekd/RTOIbrCIzTTQMFZa7kM1eIrooXT"
    "yiC6dz5TI+nfhP5z8YMfnjef/g6q7XC9TRR2g+TaFrGQrUooYeU61k3jZZ5Rw7egkkfHu3"
    "wp8hHjpEvUdNaJ+7yBIyJbRbKSYkvcnhMjOSLRoL/TtsndOUNIhsO6JvAIkFJtDzptS1AB"
    "0CuLD7mJAAj88rgAmYYj6PfAaubfT5EHi+OQYwMBMNsesxAC0Hk6Sxact9rTZHNYaHfTI8"
    "iOkgPxcTXeNkmzE+rB6d/TY9RKvQGENvnET7Ay9NhzpBWAtjT14VWFNzfb6c+KwkI2REuC"
    "SxPKPURpBkaL0ZLDRUHzmPbcE6L4njmv7q2ASeZ/1+TxFlz7oDbeLeXZ51+IyW85k3wsHb"
    "u3ulaxL+xCqnSaiEjSbRaBJVfh1sUJEoIveuUjr6BA0o/7NZlaOS0JfWOM7bt+fti46mcK"
    "ylRFwKQe4GcXA81krRIJT6peqDFAkNN2iaU3doS4n9hcdldG8MhtTlMjzDzEZHoM2Aw6cg"
    "oASBkGm8ATh4YA7HElsPh+Ah6FtMkYeXAHuAThABkMnGfOtN6BE77HcjLu7DnL5edQzW8n"
    "TzBch8bzPPEfDalcNb67xMr+EQy3fYfIiLdx2yMWI8cj8CfUauh5ArZ0PhnhXq7D4bdXaf"
    "1Fm5ARXUZec0tVCsdK9uPrfuMr9uQpVV12oBpFXCWsK9aSd6bJstMqUXVHVwd+3APINL4Y"
    "wbnAvivJCZVJhvmdshvnMeQKvjvKDa3abR4oKqJdBKgB2vUIX1687VRffqt1MQNrkn7evr"
    "m/7HzsUp4GqBy2UOi5d9bHd77bNehxc+Qyyf8p6854Wi3ZCXIEuXx3NFluQZr+Ps4TpOjJ"
    "YuIxVYGjpp/dbHVgJ5QvHUKBrMo9M1AT3lA3qaeIlCY7B3Vk6TOhNhLyozwhrpBsZ4fxbb"
    "3g10dczZ1R3UfYmMqSikGzZUZ0AdWgcDL1qK9HwW0r///QbZMCMrIMVcfSv53km2NRqDr9"
    "uMKcrEb4VrQMc6p5vASI59vty1wMcdBP1IjpGt/oUHAp6HYOpixpAMARLBPpwr8YKskiBV"
    "zYEWykxp23QHBd0AET4lkqyWAWws+DaJVvUzEO+P/aH4vlk784PDlzDfhJOjlR3rHyOpg8"
    "WhCfRvFNekcajYm0WlarSa5VqNuwjkWFOx0eNC9hPdlQqOOr2K6jjblNRvONg97ODUqJ1F"
    "5VJZXAyYYYt2OUXvD3TKRWIh8wax9odARMbwb4SSmUN9D5jQtmVkTZj8dyjaWaINf2tPKE"
    "c6EpenfOg5OykpP6IRlKUpMf876jNFQFeicSJW4nPARsjWrpTI/9KyHbPbLpP5da4r5PzY"
    "4BkKaSPN10Oab1Jvd5Z6G1+wBYCOk1VZd6qiD9Ckfhre3SwpPkGnAR4OwzYAf6Wj/WoNhE"
    "ei1x+OX7959+anH9+++Yk3kU82L3m3BPNk0oK+8xfQi3TSSmlGse36Xj6KwbckYvK9GxOf"
    "oReHgAjd6eV9q9GfmkTpmrmDqonoNr1B29SUbpH7jM1UF0ZUtVRL8oJGuVMawvbzTGORdy"
    "x0ln4UNJSWj5CPaMMJypkv29Q9IeUNG86CyibcbOZtmy2il0gubhKLi0RUWtib2HBmlABa"
    "J62hgL4VyH3XLuKTCJvXQcss5o+AE2w8oVkSqw4x3dmE/+h0wGJ03x9oiIhfUTStPUa1w0"
    "z2aCuNgzbfXiucx847HeJRRpDtfHJmR9tq9CnBtrWapU2Q7HeoKzdHPdRufAucTpCIPRxj"
    "j1E35V1eJPYwVCaDULgPC457JmJ+k7jDVOyyFfYExiu1dyM50qt1+U/CT0hlNCAyn4JgwE"
    "hRH1KfWElNPh9JwWjA6DeE0YCCc7GU+HQQjAVfQ2Xa+A8Ti2v//Ie1jga8uz4F/uSeXPQ/"
    "XZ0Ci04J/9z57aZ9IeL8LDRyoVWVSD8+ZBPeI1/vXCYwnJQhWeL1SpKWcnxVTB7ftBsMuS"
    "51jRIhlQnC708nV7f+IsqOQtgIwxUShpWsdEV6yLnxqES787VXfM9Z4iL0Fr6kNb2EMa/U"
    "nkGc11Oozq5qOQulED2gT4i0UhWQWP0KxUO25EI+b1rkWi7RPlAcXOQg5xG5PzgIhOx+Bg"
    "iaYxHgKJrg6GwyLrZKrcOBT+F1W4S/8oImHu/NwfYs4+6urXa3owu+VKzXOveMd4R5T6X6"
    "jdHm7i8AK98hX1p3C9Ls3hqVbZ9UNjmwhQ9RVqlq4FjOG3WoyrHKcsg7sRWiXaeP1HaGxx"
    "z4SL7oh7wn5E7c4jG26QzqoKXtINi2CSFvbm+qtO1BlZgK2B5UwkrZHpqjanQLRONOr/f4"
    "2lBIHV6ZEdZJmzOnqjzQLmXlFrJK2AxylQe5OVisPpkkFYV0b1NJZh5DzrkMkGylWYfj9Y"
    "dLrcOypWEumubKLGGMo3sKIHhCM3n/HQQifhE8Q9tPvediFck9uScPpu8x6uB/5Ab9IC6y"
    "4GRgOpY597KdKAuOxOL0Q4ZcafT1ELJ+nn8CNoLPyAtTWEI6aFOS9yKMJndll7krqbHrS4"
    "0C60StVwzb7adRyOmfBDg77HpOsNbpxhXd8LMCrxWZaBPHG8cfMwF+th1GI/v+DDFNRHS9"
    "hXrlFV/UCqPTNvpblYc6WpGPRX1hC8I1Fbn9Gdw19DgFrN1oc9XEdbUyp0/ISl2jLrFP0e"
    "WiMcnW4YSSmvtUgAlvS4m8nNyBMxlRIxSnCXUZ5Ng+8dVMwONMFGI3SP+HpjzsJk2tW4Ob"
    "0PjaQF72Ht2C+DDhDcSVhkLNe5BVp79Et2D/+gA4GbYDLryBjckTKpPHkBLg0ur1P3VuDu"
    "5byIHYFoe5aCEvEmND1krs88TULOtH/tLop2X2p7TK3e96dyYGPe/2qsSgz+Yk6D0Ns8hW"
    "7sMFXVDBj1HVTsnfSnxFYp8oCnactsr5NlUCff4yKAD2nKYOmv0uTumjaTeNLs8ci2h2eI"
    "td5ExRUZ6Xailjt52bUynycAHo4rJ7dQqg5WCii1ffJklMbgcsCitXcV9xoohKWocZXjCB"
    "qQkvqbVBQ8aI2HSEScn4kjhtY7uq8lDvT85yS9z084ySb59YuWYDOB90P4p7SWSDe3J7dy"
    "vuNBH5yp7viVtNvmXCcsLUlW2NiZ2BJX4KZjOxwta8uasdsurR0d4uweSZGcmbxcNzjDd4"
    "z9keagm58NJuJygPlnIbQg0nVjLTsDxWen5jHSeWEnuzLl5axE8Np9eM+sx/RIY4ZMOm0F"
    "oTsf9Qf8DZXYTc6jTJCrkpYvKtMLgLK6yFCMMwxbYR4dsnaED5n9Uo9wTPc4VlTaZmQfeO"
    "Pt1SPD0pMzLb6ZO6GnI5gGw4E0E8gFHwiEBEj6wj0JZWCTCGHhDXRnKZWmZXB4LivGWQpB"
    "2xSfUKbbgL4Sr6NMa2uMVSuoaidrzHB1H2iGxKRp7o72FK3ScZtBn5ix5sBD0US4p+2FxK"
    "+GFOB0ditNbKDV/Lv5N8lN36epL9N36fGvp9gqVrFDzFWaerhS+imBVxDgHDLM34vcKZox"
    "PXwQyr2hlOcoXJniwJkz1JhsnukcGHN/WRldwlYuXqO//fd507Yd0JGgRn1fX67eAW29ir"
    "9J6c9y+ve52BaGxSZyJCY6xq3lo7cTF1MUsJeuoStmTE4nS7O03qdeLqptfJu5tEbMgpeH"
    "VPrvo3l+2eaHNPPnR/+yDwy4l6EKv/4/G7t/MwffFlWYT+Le+rlzzJDjKuT07STB63DrTt"
    "zLSHON1eX421CRDnsmjBbVyhq98OvhVXsS7lF3XQpJA3PppK+2jMMbJ8u4zDVSdtXK4VHe"
    "MhlziMCWTjlPdQdgqTSrVWHtP+rN+tpDHJkA4OrI2k/loylC/BoHml5Qvrc+ko/dCkTPEr"
    "TrLX4ldzJHMFbBEOYjD9/p7szTdO02y95bfeJpqs3qKNvO+4lPCqEDY6SpUHeW5FK7GMNd"
    "JmoKs80M1hRc1hRd88v7WahxW1kYvNcSsl4CGsOVwW5wAXbVYFN2QD2pz5U60zf8Rl4qkn"
    "o5xnGhJiJLVwCu/AfCAWVQGEw+Y1RHcrByvxHlnqKctLb7Rl6UcsN4crrVKNC+QFbP5l9v"
    "X/UDXLNw=="
)
