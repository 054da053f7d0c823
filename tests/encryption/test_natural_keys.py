"""A secret is bound to its row's natural key, so that a change of the key has to bind the secret anew."""

from __future__ import annotations

import pytest

from medianest_models.errors import SecretFieldError
from medianest_models.models import Service, User
from tests.models.rows import make_service, make_user, plaintext

pytestmark = pytest.mark.usefixtures("db")


@pytest.mark.parametrize("update_fields", [None, ["plex_id"], ["plex_id", "email"], ["plex_id", "plex_token"]])
@pytest.mark.parametrize("read_before", [True, False])
async def test_it_can_change(update_fields: list[str] | None, *, read_before: bool) -> None:
    await make_user(plex_id="local:anna", plex_token="secret")
    user = await User.get(plex_id="local:anna")
    if read_before:
        assert user.plex_token is not None
    user.plex_id = "plex-linked"
    assert plaintext(user.plex_token) == "secret"
    await user.save(update_fields=update_fields)
    for read in (user, await User.get(plex_id="plex-linked")):
        assert plaintext(read.plex_token) == "secret"


async def test_it_can_change_twice_and_back() -> None:
    user = await make_user(plex_id="one", plex_token="secret")
    for plex_id in ("two", "three", "one"):
        user.plex_id = plex_id
    await user.save()
    user.update_from_dict({"plex_id": "four"})
    await user.save(update_fields=iter(["plex_id"]))
    assert plaintext((await User.get(plex_id="four")).plex_token) == "secret"


async def test_a_service_s_secrets_follow_its_name() -> None:
    made = await make_service(name="old", api_key="key", config_data={"password": "pass"})
    service = await Service.get(id=made.id)
    service.name = "new"
    await service.save(update_fields=["name"])
    read = await Service.get(name="new")
    assert plaintext(read.api_key) == "key"
    assert read.config_data["password"].get_secret_value() == "pass"


@pytest.mark.parametrize("fetched", [("id",), ("id", "plex_id"), ("id", "plex_id", "role")])
async def test_it_can_t_change_without_the_secret(fetched: tuple[str, ...]) -> None:
    await make_user(plex_id="local:anna", plex_token="secret")
    user = await User.filter(plex_id="local:anna").only(*fetched).get()
    user.plex_id = "plex-linked"
    with pytest.raises(SecretFieldError, match=r"^users\.plex_token is secret: .* unless it was fetched too$"):
        await user.save(update_fields=["plex_id"])
    assert plaintext((await User.get(plex_id="local:anna")).plex_token) == "secret"


async def test_it_can_t_be_given_to_a_secret_of_an_unknown_row() -> None:
    made = await make_user(plex_token="secret")
    user = await User.filter(id=made.id).only("id", "plex_token").get()
    with pytest.raises(SecretFieldError, match="it needs the row's plex_id"):
        _ = user.plex_token
    with pytest.raises(SecretFieldError, match="it needs the row's plex_id"):
        user.plex_id = "other"


@pytest.mark.parametrize("update_fields", [None, ["plex_token"]])
async def test_a_new_row_needs_it(update_fields: list[str] | None) -> None:
    user = User(plex_username="Anna", plex_token="secret")
    with pytest.raises(SecretFieldError, match="needs the row's plex_id"):
        await user.save(update_fields=update_fields)


async def test_a_row_read_again_is_bound_to_its_new_key() -> None:
    user = await make_user(plex_id="old", plex_token="secret")
    other = await User.get(id=user.id)
    other.plex_id = "new"
    other.plex_token = "changed"
    await other.save()
    await user.refresh_from_db()
    assert user.plex_id == "new"
    assert plaintext(user.plex_token) == "changed"
