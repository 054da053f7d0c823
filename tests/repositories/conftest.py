"""Who the rows of these tests belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medianest_models.models import User

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl


@pytest.fixture
async def user(db: DatabaseUrl) -> User:
    """A user, in a transaction that is rolled back."""
    return await User.create(plex_id="1", plex_username="ann")
