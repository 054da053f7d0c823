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
CREATE INDEX ix_users_email ON users (lower(email));
CREATE INDEX ix_users_plex_username ON users (lower(plex_username));
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
CREATE FUNCTION medianest_mark_customized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('medianest.seeding', TRUE) IS DISTINCT FROM 'on' THEN
        NEW.customized_at := now();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tr_system_config_customized_at BEFORE UPDATE OF value ON system_config
    FOR EACH ROW WHEN (NEW.value IS DISTINCT FROM OLD.value) EXECUTE FUNCTION medianest_mark_customized();

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
    PERFORM pg_advisory_xact_lock(7021406153840117317);
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
    "eJztXe1zmzga/1c0/tJ0xpdps027k93ZGSdx29w6cS5x2r3d3BAFZFsTkLwg4vp6/d9PEm"
    "AjATbgl2LKl8SWnkfCP73wvEpfWw61kO0ddkyGnzGb9eiodQK+tgh0EP+QVt0GLTiZLCpF"
    "AYOPtqSHIaFh05GsgY8ec3kprxxC20O8yEKe6eIJw5QIlj5BgI0xGfG/kIEp9IBFCToEFw"
    "xQn9n4GXm8CgHfQy6YjimwsAUwOxTNW9Tk7XPmtVvyCf7bRwajI8RJXN7eX//hxZhY6Avy"
    "xNevrSFGtiU/t0QTBrYEp+kiyJBlQNYSHOjLxEWex3+dFzUSoYm/GApARtiKEWtCoDmbSP"
    "KWbI3DJ798awPlCURLHMH1HiBopFT/Kg+HomjfZTpFhAl+SSwIg69rj0OsWWPeZr4HFO1O"
    "ngz5jMrSCR5KlhsR793dxfl7SSnm7qNhUtt3yIJ6MmNjPhwRue9j61DwiLoRIsgVzxNbSs"
    "S37XDpRUXBPOYFzPXRfAJbiwILDaFviwXZ+nXoEzkBgIMsDAnymBGu+PDfI/TQIUFTDsdv"
    "4TPH+G//ts+DbwcvFi2Ipzae3x28fPGylVju4om1dRsWmXygOKqYMDFeX78FvS3wk6Ut0e"
    "3Zx87NwU9vZesT6rGRKysluq1vkhEyaCymzWJQFotGHZhP0DXH0E0fmwWTNj78ecuMTFSw"
    "GJrF1hhhG+Gk4G0YV/2BcdsdGMYayLYc+MWwERmxMf/6+tWrJVB/6txItDmVhJvyvTzY6a"
    "/CqqOg7ptcqRHM2jItgLXGWQrwcKJXE+/jPHAfZ6N9nAV22n6TB+rUnacGQB8dH+dAmlNl"
    "Qi3rVKwdxKDYXJJQ//O2f5WOc5xHg9nCJgP/Azb22P7BvQRdAYZo2fG8v+04qAeXnT90vM"
    "96/VN9KxcNnGrY44kBLUu80wtOdJWxfjP9TZ6J/iZ7nr9JTHMpl0KOCUtCPeDCTzrOKlcd"
    "cF6C66D7x2D5FHdmYU2vf/UhItfnvYq7KnGquF/wJ4MkA3qVUd9leBXDDjqMPuxUaLmi04"
    "MtCYKDi8vu7aBzea0MxHln0BU1R8ogRKUHb7V1MG8EfL4YfATiK/izf9XVt6Q53eBPoZa0"
    "oM+oQehU7C0xNKLiqCi5roopBjGWNbSD/VlXK4R7oW4Nn1Jle4FUEtn31EV4RH5HM4lvsI"
    "rMNOEyVHnuwmb2EtFF6eIRXTidq6fx6cR/Ov/BiMkfz/sHV3e9XqDQPkLzaQpdy1CgFjX0"
    "iGolc9pklXPk6CWQ8BeEFf4M8dAh6j1qQvvMRZaQSqHdSjFC6STtZYYoWxALDT6kzmmMGk"
    "TWIdE3gMQCE+h5U+pagA4BXFiOTEiAx+cVwARMMZ9HPgPXNvrSBp5vjgEMDE1D7HoMQMvB"
    "JGmu2nJfqw1ajelin0wXYjrIz8WE3zjbZswXq0dnv40X0So0xtAbJ9H+yEvToU4w1sJclF"
    "eJ1hRlny8nPivJCBkRLkksTym1ESQZenNGExqqj7yNbcE6L4njmv7q2ASep/1+TxFlTy90"
    "peHu8rTLZ7Scz5wIB2/vi6uBrsFNrHKahMrYaBKNJlHl18EGFYkicu8qpaNP0IDyP5tVOS"
    "oJfWmN46xze9Y572oKx1pKxKUQ5G4QB8djrRQNQqlfqj5IkdBwA9KcukNHSuwvPC6je2Mw"
    "pC6X4RlmNjoEHQYcPgUBJQiEjcYJwMEDcziW2Hpog4egbzFFHl4C7AE6QQRAJon51pvQI3"
    "bY70ac5O2c3mJ1DNbylfMFyHxvM88RtLUrl7nWeZlewyGW77D5EBfvOmzGiLWR+xHoM3I9"
    "hFw5Gwr3rHBn99mos/ukzsoNqKAuO+ephWKl+4XzOYaXeYYTqqy6VgsgrTLWEu5Nu+Fj22"
    "yRKb3gqoPDbAfmGVwKZ9zgXBDnhcykwnzL3C7xnbMAWh3nBdfuNo0WF1QtgVYC7HiFKqxf"
    "d6/OL64+nICQ5J50rq9v+p+65yeAqwUulzksXvapc9HrnPa6vPAZYvmU9+Q9LxR0Q16CLF"
    "0ezxWbkme8jrKH6ygxWrqMVGBp6Kz1Wx9bCQUKxVOjaDiQzteEBJUPCWriJQqNwd5ZOU3q"
    "TIS9qMwIa6wbGOP9WWx7N9DVMWdXd1D3JTKmopBu2FCdAXVoHQy8aCnS82nI//73G2TDjL"
    "yCFHP1rWz3TjZbozH4ts2Yokz8VrgGdKxzugmM5Njny34LfNxB0I9sMbLVv/BA0GYbTF3M"
    "GJIhQCLYh7dKvCAvJUh2c6CFMpPiNt1BQTdAhE+JNK1lABuLdptUrfoZiPfH/lB836yd+c"
    "HhS5hvwsnRys4WiLHUweLQpAo0qu8mNSL1pZn33aRyNXrRcr3IXYSCrKka6ZEl+4nuShVJ"
    "nV5FtaRtyvo3HOwednBq3M+icqk0LwbMsAVdTuH9I51yoVpIzUG0fhuI2Br+jVAyc6jvAR"
    "PatozNCRMQ24LOEjT8vT+hHOlI4J7yoefNSVn7EY2gLE3JGthRnykivhLPEzUlPgfNCOnc"
    "lTL9X1rGZTbtMq1Bb3WFphAbPENhbfSBeugDTfrvztJ/4wu2ANBxtiprX1X0IprUT8P7Ik"
    "uKT/BpgIfDsA3AX+lov1oD4ZHo9R9Hr9+8e/PzT2/f/MxJ5JPNS94twTyZ9qDv/AX0Ip21"
    "UppRbLu+l49i8C2JmHzvxsRn6EUbEKE7vbxvNfpTk2pdM4dSNRHdpj9pm5rSLXKfsZnqBI"
    "mqlmpJXkCUOykipJ/nKovMZaGz9KOwo7SMhnxMG05xznzZpu4JKW/YcBZUNmVnM2/bbBG9"
    "RHpyk5pcJCbTwt7EhjOjBNA6aw0F9K1A7rt2Ea9GSF4HLXPXHg04wcYTmiXR7hLTnU04bO"
    "mQx/h+BNh1VV38iqKp9TGuHWbTR5txHLT5Bl3hXHre6RCPMgJ955MzO+JX408J+K3VLG0C"
    "dX9Abbs5bqJ241vghIRE/OMYe4y6Ke/yIvGPoToahON9XLS4Z0Lqd4l9TMUuW+VPYLxS/z"
    "eSI73aGvBZeBqpjEhE5lMQkBip+kPqEytpC8jHUjAiMfoNYUSiaLlYWn46CMaiXUNttPFA"
    "JhbX/nkgax2ReHd9AvzJPTnvf746ARadEv65++Gmcy5iDS00cqFVlWhDPmQT3iNf71wmMJ"
    "yUIVniN0uylnKdVUwe37QjDbkudY0SYZ0Jxh9BJ29vOrhTeXkUUZcUxkacrpA4reTWK/JH"
    "zq1LZdqdv7/iu9YSN6W38Get6amMecb2DOK83kp1dlXLYSnF8AF9QqSVqsLE6leoLpKSqw"
    "mctMj1ZII+UD1c5CDnEbn/cBAIm/sFIGiORZClIMHRCWtc8JV6iwOfwmvHCH9pBiQe783B"
    "9izjDrOtdreji85UrNc6vY13hHlPpfqN8ebuLwAr31FlWncL1uzeGqVvn5Q+ObCFj4JWuW"
    "rg3M4b+ajKscpyyDuxFaZdp7DUdobHggiQfNEPeU/InbjF43zTG6iDnreDgN8mjL25xarm"
    "1gtV5ipgvVAZK2W9aI7s0W0YjUu/3uNrQyG3eGVGWGdtzt6q8kC7lJVbyCpjM8hVHuTmgL"
    "X65MNUFNK9TYiZeQw5ZzJIs5VmX47Xt5falyWlYS5Ic+XHMMbRPQEQPKGZvAcQAhFDCZ6h"
    "7afe97GK5Z7ckwfT9xh18H/lBv0gLvTgbGA6licHSDpRFhwNxvmHDLnSbOwhZP0y/wRsBJ"
    "+RFybihHzQpiTvhSBNBs4uM3BS4+eXmhXWiZyvGLbbTwaR0z8JcHbo95xhrVOeK7rhZwV/"
    "LzcolDjmOf6YCfCzLTkaW2PKKW7KaeK6660WKEJCUTuOzttogFUe6mhFPhb1xy0Y11QF92"
    "dw19AEFbB2ow9WE9fV6qA+ISt1Ib3EPkUbjMYkWwsUam7u0xEmnJYSec27A2cyqkeoXhPq"
    "MsixfeKrmYDHmSjEbnAMAjTloT9piuEarQmdsQNsakI7uk/yYcIJxOWQQlF8kFUnv0b3if"
    "/2ADgbtoNWOIGNyRMqk42REmTDJZTP3ZuD+xZyILbFoTZa2I3E2JC1Evs8cT3L+pG/NPpp"
    "mf0pVLn7Xe/2yaDn3V46GfTZnKm9p6Ee2eaBcEEXNBHEuGpnJthKjEdinygKdpy3yllDVQ"
    "J9/jIoAPacpw62gV2cVkjT7mxdnv8W8ezwPsDIHaOiPC/VEt9uuzcnUuThAtD55cXVCYCW"
    "g4kuXn2fVDe5HbAotF3FfcW5KCprHWb4KutXc+bEj2TQkFEmNh1hUjJCJc7b2K6qPNT7k3"
    "ndEncmPaPk2ydWrtkAzgYXn8QNL5Lgntze3YrbYUTWted74n6Y75l2nTB1ZVtjYid5iZ+C"
    "2UyssDXvQOuETfXoaG+XYPLkj+Qd7eF5zhu8MW4PtYRceGm3NJQHS7kVooYTK5ntWB4rPc"
    "eyjhNLid5ZFy8tZqiG02tGfeY/IkMcFWJTaK2J2L+pP+DNnYet1WmSFXJTxORbYXAXVlgL"
    "EYZhim0jwrdP0IDyP6tR7ok2z5QmazI1C7p39OmW4ulJmZHZTp/U1ZDLAWTDmQgDAoyCRw"
    "QifmQdgo60SoAx9IC4gJPL1DLDOxAU55RBonjUTKpXaMNdCFfR5zG2xX2g0jUU0fEeH0TZ"
    "I7IpGXmiv4cpdZ9k2GfkL3qwEfRQLDH7YXNp6e2cDo7EaK2Vn76Wfyf5KLv19ST7b/w+Nf"
    "T7BEvXKHiatc5XC1/ErmPo5iAyzNLM5yvcQTpzHQy5qqXiOFeo7vGSUN3jZKjuHpmMOKmP"
    "rOQ+EytXpYZ/3XXvhH0oIAjO7Ov1O8GNwrGX8T05619e97oDQWxSZyKCa6xq3iA8cTF1MU"
    "sJm7ogbMmIxfl2dybW68QlWK+Tt2CJ6JIT8OqeXPVvLjs9QXNPPl58+Cjwy4l6kC/w09G7"
    "t/NUAfFlWZbALe+rlzzRDzKukU7SjCa3DrTtzNSLON9eXzK2CRDn0mzBbVzhq98OvhVns6"
    "4nFHXxpLA3Xp5Ke3nMMbJ8u4zLVmdtnLYVHeMhlziMCWTjlPdQdhqVyrVWLtX+rN+tpFLJ"
    "oBAOrI2kBlwyGDDRQPNKyxcY6NJR+tFPmeJXnGWvxa/maOpaWDMcxGD6TUjZ23ecp9m8y2"
    "/eTURbvYUjefd0KfFXYWy0nCoP8twOV2IZa6zNQFd5oJsjl5ojl757jm01j1zqIBeb41ZK"
    "0EVY014WawEXNKsCLLIBbU4uqtbJReJi99TzXc4yTRExllo4pndggBCLqgDCIXkN0d3K8V"
    "C8R5Z62vTSu4FZ+lHTzRFRq1TjArkJm3+Zffs/f9hZ7g=="
)
