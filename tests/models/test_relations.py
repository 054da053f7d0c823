"""Relations, and instances made before connecting."""

from __future__ import annotations

from uuid import uuid4

import pytest

from medianest_models.db.statements import execute
from medianest_models.models import (
    ActivityLog,
    MediaRequest,
    MediaRequestStatusUpdate,
    ServiceStatusHistory,
    SystemConfig,
    User,
)
from medianest_models.testing import a_local_credential, a_media_request, a_service, a_session_token, a_user
from tests.commands import python

BEFORE_CONNECTING = """
import asyncio
from uuid import uuid4

from medianest_models.db import database
from medianest_models.models import MediaRequest, SystemConfig, User
from tortoise.context import get_current_context

user_id = uuid4()
user = User(id=user_id, plex_id="p", plex_username="x", plex_token="secret")
request = MediaRequest(user_id=user_id, title="x", media_type="movie")
config = SystemConfig(key="k", value=1, updated_by_id=user_id)
assert (request.user_id, config.updated_by_id) == (user_id, user_id)
assert not getattr(get_current_context(), "inited", False)
try:
    MediaRequest(nope_id=1)
except TypeError:
    pass
else:
    raise AssertionError


async def main() -> None:
    async with database():
        await user.save()
        await request.save()
        await config.save()
        assert (await MediaRequest.get(user__plex_id="p")).user_id == user_id
        assert (await request.user).plex_token.get_secret_value() == "secret"
        assert (await SystemConfig.get(key="k").select_related("updated_by")).updated_by == user
    async with database():
        assert await user.media_requests.all() == [request]


asyncio.run(main())
print("done")
"""


@pytest.mark.usefixtures("fresh_url")
def test_instances_made_before_connecting_keep_their_references() -> None:
    result = python("-W", "error", "-c", BEFORE_CONNECTING)
    assert (result.stdout, result.stderr) == ("done\n", "")


@pytest.mark.usefixtures("db")
async def test_references_by_instance_and_by_id_are_the_same() -> None:
    user = await a_user()
    by_instance = await a_media_request(user=user)
    by_id = await MediaRequest.create(user_id=user.id, title="x", media_type="movie")
    assert by_instance.user_id == by_id.user_id == user.id
    assert await user.media_requests.all().count() == 2
    assert await MediaRequest.filter(user=user).count() == await MediaRequest.filter(user_id=user.id).count() == 2
    by_id.user_id = uuid4()
    assert (await MediaRequest.get(id=by_id.id)).user_id == user.id


@pytest.mark.usefixtures("db")
async def test_every_relation_leads_there_and_back() -> None:
    user, service = await a_user(), await a_service()
    session, credential, request = (
        await a_session_token(user=user),
        await a_local_credential(user=user),
        await a_media_request(user=user),
    )
    log = await ActivityLog.create(user=user, action="x")
    update = await MediaRequestStatusUpdate.create(request=request, status="pending")
    check = await ServiceStatusHistory.create(service=service, status="up")
    read = await User.get(id=user.id).prefetch_related(
        "session_tokens", "local_credential", "media_requests__status_updates", "activity_logs", "youtube_downloads"
    )
    assert [*read.session_tokens] == [session]
    assert read.local_credential == credential
    assert [*read.media_requests[0].status_updates] == [update]
    assert [*read.activity_logs] == [log]
    assert [*read.youtube_downloads] == []
    assert await service.status_history.all() == [check]
    assert await check.service == service
    assert await update.request == request


@pytest.mark.usefixtures("db")
async def test_the_column_with_a_relation_s_name() -> None:
    user = await a_user()
    config = await SystemConfig.create(key="k", value=1, updated_by=user)
    other = await SystemConfig.create(key="l", value=1, updated_by_id=user.id)
    assert await SystemConfig.filter(updated_by=user).order_by("updated_by_id", "id") == [config, other]
    assert await SystemConfig.filter(updated_by__plex_id=user.plex_id).update(updated_by_id=None) == 2
    assert (await SystemConfig.get(key="k")).updated_by_id is None
    await SystemConfig.all().update(updated_by_id=user.id)
    rows = await SystemConfig.all().order_by("id").values_list()
    assert [row[-1] for row in rows] == [user.id, user.id]
    assert await SystemConfig.all().values("key", "updated_by_id", "updated_by__plex_id")
    assert dict(await SystemConfig.get(key="k"))["updated_by_id"] == user.id
    assert await execute("DELETE FROM users") == 1
    assert await SystemConfig.filter(updated_by_id=None).count() == 2
