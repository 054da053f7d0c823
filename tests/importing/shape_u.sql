-- The tables of the public project, after its three migrations and a `db push`.
CREATE TABLE users (
    id TEXT PRIMARY KEY, plex_id TEXT UNIQUE, plex_username TEXT, email TEXT NOT NULL UNIQUE, name TEXT,
    role TEXT NOT NULL DEFAULT 'USER', plex_token TEXT, image TEXT,
    requires_password_change BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, last_login_at TIMESTAMP(3),
    status TEXT NOT NULL DEFAULT 'active', password_hash TEXT
);
CREATE TABLE media_requests (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users ON DELETE RESTRICT ON UPDATE CASCADE,
    title TEXT NOT NULL, media_type TEXT NOT NULL, tmdb_id TEXT, status TEXT NOT NULL DEFAULT 'pending',
    overseerr_id TEXT, created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, completed_at TIMESTAMP(3)
);
CREATE TABLE youtube_downloads (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users ON DELETE RESTRICT ON UPDATE CASCADE,
    playlist_url TEXT NOT NULL, playlist_title TEXT, status TEXT NOT NULL DEFAULT 'queued', file_paths JSONB,
    plex_collection_id TEXT, created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, completed_at TIMESTAMP(3)
);
CREATE TABLE service_status (
    id SERIAL PRIMARY KEY, service_name TEXT NOT NULL UNIQUE, status TEXT, response_time_ms INTEGER,
    last_check_at TIMESTAMP(3), uptime_percentage DECIMAL(5, 2)
);
CREATE TABLE service_config (
    id SERIAL PRIMARY KEY, service_name TEXT NOT NULL UNIQUE, service_url TEXT NOT NULL, api_key TEXT,
    enabled BOOLEAN NOT NULL DEFAULT true, config_data JSONB,
    updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_by TEXT REFERENCES users ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TABLE rate_limits (
    id SERIAL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users ON DELETE RESTRICT ON UPDATE CASCADE,
    endpoint TEXT NOT NULL, request_count INTEGER NOT NULL DEFAULT 0,
    window_start TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE session_tokens (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users ON DELETE RESTRICT ON UPDATE CASCADE,
    token_hash TEXT NOT NULL UNIQUE, expires_at TIMESTAMP(3) NOT NULL,
    created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, last_used_at TIMESTAMP(3)
);
CREATE TABLE accounts (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users, access_token TEXT);
CREATE TABLE sessions (id TEXT PRIMARY KEY, session_token TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL REFERENCES users);
CREATE TABLE verification_tokens (identifier TEXT NOT NULL, token TEXT NOT NULL UNIQUE, expires TIMESTAMP(3) NOT NULL);
CREATE TABLE error_logs (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users, error_message TEXT NOT NULL);
CREATE TABLE notifications (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL);
