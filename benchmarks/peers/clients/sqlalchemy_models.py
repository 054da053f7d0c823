"""SQLAlchemy's declarative models of the tables, and a pydantic schema."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7


class Base(DeclarativeBase):
    type_annotation_map = {dt.datetime: TIMESTAMP(timezone=True), dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's


class User(Base):
    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    plex_id: Mapped[str] = mapped_column(unique=True)
    plex_username: Mapped[str]
    email: Mapped[str | None]
    role: Mapped[str]
    plex_token: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    last_login_at: Mapped[dt.datetime | None]
    status: Mapped[str]


class MediaRequest(Base):
    __tablename__ = "media_requests"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    media_type: Mapped[str]
    tmdb_id: Mapped[str | None]
    season: Mapped[int | None]
    is_4k: Mapped[bool]
    imdb_id: Mapped[str | None]
    status: Mapped[str]
    overseerr_id: Mapped[str | None]
    request_data: Mapped[dict[str, Any] | None]
    created_at: Mapped[dt.datetime]
    completed_at: Mapped[dt.datetime | None]


class SessionToken(Base):
    __tablename__ = "session_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    family_id: Mapped[uuid.UUID]
    expires_at: Mapped[dt.datetime]
    created_at: Mapped[dt.datetime]
    last_used_at: Mapped[dt.datetime | None]
    rotated_at: Mapped[dt.datetime | None]
    user: Mapped[User] = relationship()


class RateLimit(Base):
    __tablename__ = "rate_limits"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    ip_address: Mapped[str]
    endpoint: Mapped[str]
    request_count: Mapped[int]
    window_start: Mapped[dt.datetime]


class Download(Base):
    __tablename__ = "youtube_downloads"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    playlist_url: Mapped[str] = mapped_column(Text)
    status: Mapped[str]
    priority: Mapped[int]
    attempts: Mapped[int]
    worker_id: Mapped[str | None]
    lease_expires_at: Mapped[dt.datetime | None]
    scheduled_at: Mapped[dt.datetime]
    progress: Mapped[int]
    created_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]


class ServiceStatusHistory(Base):
    __tablename__ = "service_status_history"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid7)
    service_id: Mapped[int]
    status: Mapped[str]
    response_time_ms: Mapped[int | None]
    error_message: Mapped[str | None]
    checked_at: Mapped[dt.datetime]


class Service(Base):
    __tablename__ = "services"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class RequestSchema(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    user_id: uuid.UUID
    title: str
    media_type: str
    tmdb_id: str | None
    season: int | None
    is_4k: bool
    imdb_id: str | None
    status: str
    overseerr_id: str | None
    request_data: Any
    created_at: dt.datetime
    completed_at: dt.datetime | None
