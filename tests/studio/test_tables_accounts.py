"""The rules of users, which an edit keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medianest_models.enums import UserRole, UserStatus
from medianest_models.models import SessionToken
from medianest_models.repositories import sessions
from tests.studio.conftest import alerts, ann

if TYPE_CHECKING:
    from tests.studio.conftest import Visitor


async def test_the_last_admin_stays_one(visitor: Visitor) -> None:
    user = await ann(role=UserRole.ADMIN)
    for typed in ({"role": "user"}, {"status": "suspended"}):
        response = await visitor.edit("users", user.id, **typed)
        assert response.status_code == 422
        assert "last active admin" in alerts(response)
    response = await visitor.delete("users", user.id)
    assert response.status_code == 400
    assert "last active admin" in response.json()["msg"]
    await user.refresh_from_db()
    assert (user.role, user.status) == (UserRole.ADMIN, UserStatus.ACTIVE)


async def test_to_suspend_a_user_ends_their_sessions(visitor: Visitor) -> None:
    user = await ann()
    await sessions.issue(user.id)
    await visitor.edit("users", user.id, status="suspended")
    assert await SessionToken.all().count() == 0
    await visitor.edit("users", user.id, status="active")
    await user.refresh_from_db()
    assert user.is_active
