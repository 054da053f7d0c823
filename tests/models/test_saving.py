"""Creating, writing and reading instances, where this package is stricter than Tortoise."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import IncompleteInstanceError

from medianest_models.db import transaction
from medianest_models.enums import RequestStatus, UserRole
from medianest_models.errors import ConflictError, ConstraintError, NotFoundError
from medianest_models.models import Service, SystemConfig, User
from medianest_models.models.base import new_id
from medianest_models.testing import a_media_request, a_service, a_user
from tests.models.rows import plaintext

pytestmark = pytest.mark.usefixtures("db")


async def saved_apart(instance: Any) -> None:
    """Save in a savepoint, so that the test's own transaction survives an error."""
    async with transaction():
        await instance.save()


class TestAnUnknownArgument:
    @pytest.mark.parametrize("name", ["nope", "plex_ID", "user", "pk", "_saved_in_db", "password"])
    @pytest.mark.parametrize("model", [User, Service, SystemConfig])
    async def test_is_a_type_error(self, model: Any, name: str) -> None:
        with pytest.raises(TypeError, match=f"^{model.__name__} has no field '{name}'$"):
            model(**{name: 1})
        with pytest.raises(TypeError, match=f"^{model.__name__} has no field '{name}'$"):
            model().update_from_dict({name: 1})
        with pytest.raises(TypeError, match=f"^{model.__name__} has no field '{name}'$"):
            await model.create(**{name: 1})

    async def test_leaves_nothing_behind(self) -> None:
        with pytest.raises(TypeError):
            await User.update_or_create(plex_id="x", defaults={"plex_username": "x", "nope": 1})
        assert not await User.exists(plex_id="x")


class TestDefaults:
    def test_ids_made_later_sort_later(self) -> None:
        ids = [new_id() for _ in range(10_000)]
        assert ids == sorted(ids)
        assert len(set(ids)) == len(ids)
        assert all(type(value) is UUID for value in ids)


class TestSavingARowThatIsGone:
    @pytest.mark.parametrize("arguments", [{}, {"update_fields": ["email"]}, {"force_update": True}])
    async def test_is_not_found(self, arguments: dict[str, Any]) -> None:
        user = await a_user(plex_token="secret")
        await User.filter(id=user.id).delete()
        with pytest.raises(NotFoundError, match=f"^User {user.id}: the row is gone$"):
            await user.save(**arguments)
        assert not await User.exists(id=user.id)

    async def test_can_be_made_again(self) -> None:
        user = await a_user(plex_token="secret")
        await user.delete()
        await user.save(force_create=True)
        assert plaintext((await User.get(id=user.id)).plex_token) == "secret"

    async def test_of_one_that_never_was(self) -> None:
        user = User(plex_id="x", plex_username="x")
        with pytest.raises(NotFoundError):
            await user.save(update_fields=["email"])
        await user.save()
        assert await User.exists(id=user.id)

    async def test_is_no_cover_for_another_error(self) -> None:
        user, other = await a_user(), await a_user()
        for change, error in (({"plex_id": other.plex_id}, ConflictError), ({"plex_username": None}, ConstraintError)):
            read = await User.get(id=user.id)
            for name, value in change.items():
                setattr(read, name, value)
            with pytest.raises(error):
                await saved_apart(read)


async def test_no_fields_to_update_write_nothing() -> None:
    user = await a_user(email="one@example.org")
    user.email = "two@example.org"
    await user.save(update_fields=[])
    assert (await User.get(id=user.id)).email == "one@example.org"


async def test_named_fields_alone_are_written() -> None:
    user = await a_user(plex_username="Anna", email="one@example.org", plex_token="one")
    user.email, user.plex_username, user.plex_token = "two@example.org", "Ben", "two"
    await user.save(update_fields=("email",))
    read = await User.get(id=user.id)
    assert (read.email, read.plex_username, plaintext(read.plex_token)) == ("two@example.org", "Anna", "one")


async def test_a_partial_instance_is_not_written_whole() -> None:
    made = await a_user(plex_token="secret")
    user = await User.all().only("id", "email").get(id=made.id)
    with pytest.raises(AttributeError, match=r"^User\.plex_token was not fetched$"):
        _ = user.plex_token
    with pytest.raises(IncompleteInstanceError):
        await user.save()
    user.email = "anna@example.org"
    await user.save(update_fields=["email"])
    assert plaintext((await User.get(id=made.id)).plex_token) == "secret"


async def test_a_secret_alone_can_be_fetched_and_written() -> None:
    made = await a_user(plex_token="one")
    user = await User.all().only("id", "plex_id", "plex_token").get(id=made.id)
    assert plaintext(user.plex_token) == "one"
    user.plex_token = "two"
    await user.save(update_fields=["plex_token"])
    assert plaintext((await User.get(id=made.id)).plex_token) == "two"


async def test_reading_again() -> None:
    user = await a_user(plex_token="secret")
    config = await SystemConfig.create(key="k", value="one", updated_by=user)
    await SystemConfig.all().update(value="two")
    await config.refresh_from_db()
    assert (config.value, config.updated_by_id) == ("two", user.id)
    await SystemConfig.all().update(value="three", updated_by_id=None)
    await config.refresh_from_db(fields=["value"])
    assert (config.value, config.updated_by_id) == ("three", user.id)
    await config.refresh_from_db()
    assert config.updated_by_id is None
    await user.refresh_from_db()
    assert plaintext(user.plex_token) == "secret"


async def test_bulk_create_of_rows_that_are_there() -> None:
    service = await a_service(name="plex", api_key="one")
    twin = Service(name="plex", display_name="New", api_key="two", config_data={"password": "two"})
    await Service.bulk_create([twin], ignore_conflicts=True)
    assert plaintext((await Service.get(id=service.id)).api_key) == "one"
    await Service.bulk_create([twin], on_conflict=("name",), update_fields=("display_name", "api_key", "config_data"))
    read = await Service.get(id=service.id)
    assert (read.display_name, plaintext(read.api_key)) == ("New", "two")
    assert read.config_data["password"].get_secret_value() == "two"


async def test_derived_properties() -> None:
    user: Any = await a_user(role=UserRole.ADMIN)
    assert user.is_admin
    assert user.is_active
    user.role, user.status = "user", "suspended"  # strings: valid as members until the row is read again
    assert not user.is_admin
    assert not user.is_active
    user.role, user.status = "admin", "active"
    assert user.is_admin
    assert user.is_active
    request = await a_media_request(user=user)
    assert request.is_open
    request.status = RequestStatus.AVAILABLE
    assert not request.is_open
