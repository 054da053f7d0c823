"""Secrets can be written, but are never shown, found or sorted by."""

from __future__ import annotations

import orjson
import pytest
from pydantic import SecretStr

from medianest_models.db.statements import fetch
from medianest_models.encryption.passwords import hash_password, verify_password
from medianest_models.models import LocalCredential, Service, SessionToken, User
from medianest_models.repositories import sessions, users
from medianest_models.seed import seed
from tests.studio.conftest import Visitor, form_values, refused

CANARIES = {
    "plex_token": "canary-plex-token",
    "api_key": "canary-api-key",
    "password": "canary-password-1",
    "nested": "canary-nested",
    "url": "canary-url",
}


@pytest.fixture
async def user(visitor: Visitor) -> User:
    """Make a user and a service that have every possible secret."""
    await seed()
    made = await User.create(plex_id="1", plex_username="ann", plex_token=CANARIES["plex_token"])
    await LocalCredential.create(
        user=made, username="ann", password_hash=await hash_password(SecretStr(CANARIES["password"]))
    )
    await sessions.issue(made.id)
    service = await Service.get(name="plex")
    service.api_key = CANARIES["api_key"]
    service.url = f"http://owner:{CANARIES['url']}@plex.example:32400/?token={CANARIES['url']}"
    service.config_data = {"host": "plex", "auth": {"password": CANARIES["nested"], "list": [{"token": "canary-x"}]}}
    await service.save()
    return made


async def hidden() -> list[str]:
    """Return the values of the secret columns, which no page may show."""
    rows = await fetch(
        "SELECT plex_token AS value FROM users UNION SELECT api_key FROM services UNION SELECT config_data::text FROM "
        "services UNION SELECT password_hash FROM local_credentials UNION SELECT token_hash FROM session_tokens"
    )
    return [*CANARIES.values(), "canary", "v1.", *(row["value"] for row in rows if row["value"])]


async def test_no_secret_is_on_any_page_or_in_an_export(visitor: Visitor, user: User) -> None:
    secrets = await hidden()
    assert len(secrets) > 8
    seen = 0
    for table, model in (
        ("users", User),
        ("services", Service),
        ("local_credentials", LocalCredential),
        ("session_tokens", SessionToken),
    ):
        row = await model.all().order_by("id").first()
        assert row is not None
        addresses = [("list", {}), ("detail", {"pk": row.pk}), ("edit", {"pk": row.pk})]
        texts = [await visitor.page(f"/{table}/{page}", **parameters) for page, parameters in addresses]
        texts.append(await visitor.page(f"/_api/{table}/relation-lookup"))
        for kind in ("csv", "json"):
            response = await visitor.post(f"/_api/{table}/action", {"format": kind, "scope": "page"}, name="export")
            assert response.status_code == 200
            texts.append(response.text)
        for text in texts:
            seen += 1
            for secret in secrets:
                assert secret not in text
    assert seen == 24
    text = await visitor.page("/services/list")
    assert "http://**********@plex.example:32400/?token=**********" in text


async def test_a_secret_can_not_be_searched_filtered_or_sorted_by(visitor: Visitor, user: User) -> None:
    for table, column in (
        ("users", "plex_token"),
        ("services", "api_key"),
        ("services", "config_data"),
        ("services", "url"),
        ("session_tokens", "token_hash"),
        ("local_credentials", "password_hash"),
    ):
        for condition in (f"{column}__contains=canary", f"{column}__is_null", f"{column}__eq=canary"):
            response = await visitor.get(f"/{table}/list", filter=condition)
            assert response.status_code == 400, (table, condition)
        in_order = await visitor.page(f"/{table}/list", sort=f"{column}__asc")
        assert 'value="id__' in in_order  # as without the parameter
    for text in ("canary", CANARIES["url"], CANARIES["api_key"]):
        assert "No data" in await visitor.page("/services/list", q=text)
    assert "No data" in await visitor.page("/users/list", q=CANARIES["plex_token"])


async def test_an_empty_field_leaves_the_secret_and_a_typed_one_replaces_it(visitor: Visitor, user: User) -> None:
    text = await visitor.page("/users/edit", pk=user.id)
    assert form_values(text)["plex_token"] == ""
    assert 'placeholder="stored: leave empty to keep it"' in text
    await visitor.edit("users", user.id, email="a@example.org", plex_token="")
    assert await token_of(user) == CANARIES["plex_token"]
    response = await visitor.edit("users", user.id, plex_token="canary-new", email="x" * 300)
    assert response.status_code == 422
    assert "canary" not in response.text
    assert await token_of(user) == CANARIES["plex_token"]
    await visitor.edit("users", user.id, plex_token="canary-new")
    assert await token_of(user) == "canary-new"
    await visitor.edit("users", user.id, plex_id="2")  # to which the token is bound
    assert await token_of(user) == "canary-new"
    await visitor.edit("users", user.id, **{"plex_token.remove": "on"})
    assert (await users.get(user.id)).plex_token is None


async def token_of(user: User) -> str:
    token = (await users.get(user.id)).plex_token
    assert token is not None
    return token.get_secret_value()


async def test_a_mask_in_a_document_keeps_its_secret(visitor: Visitor, user: User) -> None:
    service = await Service.get(name="plex")
    document = orjson.loads((await visitor.form("services", service.id))["config_data"])
    assert document["auth"] == {"password": "**********", "list": [{"token": "**********"}]}
    document["host"], document["auth"]["list"][0]["token"] = "other", "canary-y"
    response = await visitor.edit("services", service.id, config_data=orjson.dumps(document).decode())
    assert response.status_code == 303
    await service.refresh_from_db()
    assert service.config_data["host"] == "other"
    assert service.config_data["auth"]["password"].get_secret_value() == CANARIES["nested"]
    assert service.config_data["auth"]["list"][0]["token"].get_secret_value() == "canary-y"
    document["auth"]["another_token"] = "**********"
    refused(
        await visitor.edit("services", service.id, config_data=orjson.dumps(document).decode()), "where no secret was"
    )


async def test_a_masked_url_is_kept_or_written_as_a_whole(visitor: Visitor, user: User) -> None:
    service = await Service.get(name="plex")
    before = service.url
    masked = (await visitor.form("services", service.id))["url"]
    await visitor.edit("services", service.id, display_name="Films")
    await service.refresh_from_db()
    assert (service.display_name, service.url) == ("Films", before)
    refused(await visitor.edit("services", service.id, url=masked.replace("plex", "other")), "holds the mask")
    await visitor.edit("services", service.id, url="http://u:p@other.example")
    await service.refresh_from_db()
    assert service.url == "http://u:p@other.example"


async def test_a_new_password_replaces_the_hash_and_ends_the_sessions(visitor: Visitor, user: User) -> None:
    credential = await LocalCredential.get(user_id=user.id)
    await visitor.edit("local_credentials", credential.id, username="anna")
    assert await SessionToken.all().count() == 1
    response = await visitor.edit("local_credentials", credential.id, password="canary-short"[:11])
    refused(response, "12 to 1024")
    assert "canary" not in response.text
    await visitor.edit("local_credentials", credential.id, password="another password")
    await credential.refresh_from_db()
    assert await verify_password(credential.password_hash, SecretStr("another password"))
    assert credential.username == "anna"
    assert await SessionToken.all().count() == 0


async def test_a_user_is_given_a_password(visitor: Visitor) -> None:
    made = await User.create(plex_id="local:ann", plex_username="ann")
    typed = {"user": str(made.id), "username": "ann", "password": "a long password", "must_change_password": "on"}
    refused(await visitor.create("local_credentials", **typed | {"password": "short"}), "12 to 1024 characters")
    assert (await visitor.create("local_credentials", **typed)).status_code == 303
    credential = await LocalCredential.get(user_id=made.id)
    assert credential.must_change_password
    assert await verify_password(credential.password_hash, SecretStr("a long password"))
