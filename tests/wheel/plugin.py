"""A stranger's test, which the plugin of an installed wheel gives a database."""

import pytest

from medianest_models import User
from medianest_models.settings import DatabaseUrl
from medianest_models.testing import a_user


@pytest.mark.anyio
async def test_a_database_of_its_own(medianest_db: DatabaseUrl) -> None:
    await a_user()
    assert await User.all().count() == 1
