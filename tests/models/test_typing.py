"""The types of the models for type checkers: `mypy --strict` and pyright fail on this file if they change.

A nullable attribute may be None, a secret is a `SecretStr` that accepts a str, and an enum column has the type of its
enum.
"""

from __future__ import annotations

import datetime
from typing import Any, assert_type
from uuid import UUID

import pytest
from pydantic import SecretStr

from medianest_models.enums import DownloadPriority, ServiceStatus, UserRole
from medianest_models.models import (
    LocalCredential,
    MediaRequest,
    ServiceStatusHistory,
    SessionToken,
    User,
    YouTubeDownload,
)
from medianest_models.testing import a_local_credential, a_service, a_session_token, a_user

pytestmark = pytest.mark.usefixtures("db")


async def test_a_user() -> None:
    user = await User.get(id=(await a_user(plex_token="x")).id)
    assert_type(user, User)
    assert_type(user.id, UUID)
    assert_type(user.email, str | None)
    assert_type(user.role, UserRole)
    assert_type(user.created_at, datetime.datetime)
    assert_type(user.last_login_at, datetime.datetime | None)
    assert_type(user.plex_token, SecretStr | None)
    user.plex_token = "a text"
    user.plex_token = SecretStr("a secret")
    user.plex_token = None
    user.email = None
    user.role = UserRole.ADMIN
    user.last_login_at = datetime.datetime.now(datetime.UTC)
    assert_type(await user.media_requests.all(), list[MediaRequest])
    assert_type(await User.filter(role=UserRole.ADMIN).first(), User | None)


async def test_hashes() -> None:
    user = await a_user()
    session = await SessionToken.get(id=(await a_session_token(user=user)).id)
    assert_type(session.token_hash, SecretStr)
    assert_type(session.user_id, UUID)
    assert_type(await session.user, User)
    assert_type(session.user_agent, str | None)
    assert_type(session.is_expired, bool)
    session.token_hash = "a text"
    credential = await LocalCredential.get(id=(await a_local_credential(user=user)).id)
    assert_type(credential.password_hash, SecretStr)
    assert_type(credential.must_change_password, bool)
    credential.password_hash = SecretStr("a secret")


async def test_a_download() -> None:
    download = await YouTubeDownload.create(user=await a_user(), playlist_url="x")
    assert_type(download.priority, DownloadPriority)
    assert_type(download.playlist_url, str)
    assert_type(download.error_message, str | None)
    assert_type(download.progress, int)


async def test_a_service() -> None:
    service = await a_service(api_key="x")
    assert_type(service.id, int)
    assert_type(service.url, str | None)
    assert_type(service.enabled, bool)
    assert_type(service.api_key, SecretStr | None)
    assert_type(service.config_data, Any)
    service.api_key = "a text"
    service.config_data = {"password": "a text"}
    check = await ServiceStatusHistory.create(service=service, status=ServiceStatus.UP)
    assert_type(check.service_id, int)
    assert_type(check.response_time_ms, int | None)
