"""Creating, changing and deleting rows: the form shows errors, and all rules apply."""

from __future__ import annotations

import datetime
from inspect import signature
from typing import Any

import orjson
import pytest

from medianest_models.db import transaction
from medianest_models.enums import UserRole, UserStatus
from medianest_models.models import ActivityLog, MediaRequest, MediaRequestStatusUpdate, Service, SessionToken, User
from medianest_models.repositories import media_requests
from medianest_models.seed import seed
from medianest_models.studio.editing import EditableView
from medianest_models.studio.tables import TABLES, OfAServiceView
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.studio.conftest import Visitor, alerts, ann, form_values, logged, refused


@pytest.mark.parametrize("view", [view for view in TABLES if view.make is not None])
def test_the_fields_of_an_insert_form_are_what_makes_the_row_takes(view: type[EditableView]) -> None:
    assert view.make is not None
    form = view(read_only=False)
    columns = view.table._meta.fields_map
    fields = [field.name for field in form.fields if field.name not in form.exclude_fields_from_create]
    given = {getattr(columns[name], "source_field", None) or name for name in fields if name != "id"}
    taken = set(signature(view.make).parameters) - {"follow"}  # whether to join another's request: no column
    if issubclass(view, OfAServiceView):  # the form has the service's id, for which insert() looks up the name
        given = {"service" if name == "service_id" else name for name in given}
    assert given - taken == set(), f"{view.make.__name__}() lacks arguments for columns of {view.table.__name__}"
    assert taken - given == set(), f"the form of {view.table.__name__} lacks arguments of {view.make.__name__}()"


async def test_a_row_is_made_with_its_defaults(visitor: Visitor) -> None:
    response = await visitor.create("users", plex_id="7", plex_username="ann", email="")
    assert response.status_code == 303
    user = await User.get(plex_id="7")
    assert (user.email, user.role, user.status) == (None, UserRole.USER, UserStatus.ACTIVE)
    assert await logged() == [("studio.create", "user", str(user.id))]


async def test_an_edit_of_an_admin_locks_no_row_before_those_of_the_admins(analyst: Visitor) -> None:
    """`users.suspend()` locks the admins in the order of their ids: whoever holds the last first waits for a lock."""
    first, last = [await User.create(plex_id=name, plex_username=name, role="admin") for name in ("1", "2")]
    form = await analyst.form("users", last.id)
    async with transaction():
        await User.filter(id=first.id).select_for_update().first()
        edit = elsewhere(analyst.post("/users/edit", form | {"role": "user"}, pk=last.id))
        await until(someone_waits_for_a_lock)
        assert await User.filter(id=last.id).select_for_update(skip_locked=True).first()
    assert (await edit).status_code == 303


async def test_a_duplicate_key_stands_at_its_field(visitor: Visitor) -> None:
    await ann()
    response = await visitor.create("users", plex_id="1", plex_username="bob")
    refused(response, "already has a row with that value (uq_users_plex_id)")
    assert 'id="plex_id-error"' in response.text
    assert 'value="bob"' in response.text
    assert await User.all().count() == 1
    assert await logged() == []


@pytest.mark.parametrize(
    ("table", "typed", "said"),
    [
        ("users", {"plex_id": "2", "plex_username": "bob", "role": "root"}, "must be one of user, admin"),
        ("users", {"plex_id": "2", "plex_username": "bob", "email": "a\0b"}, "must not hold a NUL byte"),
        ("users", {"plex_id": "2", "plex_username": ""}, "This field is required."),
        ("rate_limits", {"endpoint": "x", "ip_address": "1.2.3"}, "is not an IP address"),
        ("rate_limits", {"endpoint": "x"}, "ck_rate_limits_user_id_or_ip_address"),
        ("rate_limits", {"endpoint": "x", "ip_address": "::1", "request_count": "many"}, "must be a whole number"),
        (
            "rate_limits",
            {"endpoint": "x", "ip_address": "::1", "window_start": "2026-01-01 10:00"},
            "must have an offset",
        ),
        ("rate_limits", {"endpoint": "x", "user": "00000000-0000-7000-8000-000000000000"}, "does not exist"),
        ("rate_limits", {"endpoint": "x", "user": "nobody"}, "is not the id of a row"),
        ("activity_logs", {"action": "x", "metadata": "{'a': 1}"}, "is not valid JSON"),
        ("activity_logs", {"action": "x", "metadata": '"\\u0000"'}, "must not hold a NUL character"),
        ("system_config", {"key": "a", "value": "null"}, "must not be empty"),
        ("system_config", {"key": "youtube.concurrent_downloads", "value": '{"max": 4}'}, "setting with that key"),
    ],
)
async def test_what_can_not_be_stored_stands_in_the_form(
    visitor: Visitor, table: str, typed: dict[str, str], said: str
) -> None:
    await seed()
    refused(await visitor.create(table, **typed), said)
    assert await logged() == []


async def test_invalid_json_is_shown_again_and_not_stored_as_null(visitor: Visitor) -> None:
    user = await ann()
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie", request_data={"a": 1})
    response = await visitor.edit("media_requests", request.id, request_data='{"a": 2')
    refused(response, "is not valid JSON")
    assert "{&#34;a&#34;: 2</textarea>" in response.text
    await request.refresh_from_db()
    assert request.request_data == {"a": 1}


@pytest.mark.parametrize("document", [0, False, "", [], {}, "text", [None], {"a": {"b": [1.5]}}])
async def test_a_document_comes_back_as_it_was(visitor: Visitor, document: Any) -> None:
    user = await ann()
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie", request_data=document)
    form = await visitor.form("media_requests", request.id)
    assert orjson.loads(form["request_data"]) == document
    assert (await visitor.edit("media_requests", request.id, title="Orbit II")).status_code == 303
    await request.refresh_from_db()
    assert (request.title, request.request_data) == ("Orbit II", document)


async def test_a_blank_text_is_null(visitor: Visitor) -> None:
    user = await ann(email="a@example.org")
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie", imdb_id="tt1", request_data=[1])
    await visitor.edit("users", user.id, email="")
    await visitor.edit("media_requests", request.id, imdb_id="", request_data="null")
    await user.refresh_from_db()
    await request.refresh_from_db()
    assert (user.email, request.imdb_id, request.request_data) == (None, None, None)


async def test_only_what_was_typed_over_is_written(visitor: Visitor) -> None:
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
    user = await ann()
    token = await SessionToken.create(user=user, token_hash="h" * 64, expires_at=when, user_agent="two\nlines")
    form = await visitor.form("session_tokens", token.id)
    assert form["expires_at"] == "2026-01-02 03:04:05.678901+00:00"
    await SessionToken.filter(id=token.id).update(ip_address="::1")  # by somebody else, meanwhile
    typed = form | {"device_fingerprint": "abc", "user_agent": "two\r\nlines"}
    assert (await visitor.post("/session_tokens/edit", typed, pk=token.id)).status_code == 303
    await token.refresh_from_db()
    assert (token.device_fingerprint, token.ip_address, token.user_agent) == ("abc", "::1", "two\nlines")
    assert token.expires_at == when
    (entry,) = await ActivityLog.all()
    assert entry.metadata == {"by": "studio", "columns": ["device_fingerprint"]}


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(visitor: Visitor) -> None:
    user = await ann(email="a@example.org")
    form = await visitor.form("users", user.id) | {"email": "c@example.org"}
    await User.filter(id=user.id).update(email="b@example.org")
    response = await visitor.post("/users/edit", form | {"plex_id": ""}, pk=user.id)
    assert "This field is required." in alerts(response)
    for _ in range(2):  # and whatever was wrong with the form before
        refused(
            await visitor.post("/users/edit", form_values(response.text) | {"plex_id": "1"}, pk=user.id),
            "changed meanwhile",
        )
    await user.refresh_from_db()
    assert user.email == "b@example.org"


async def test_a_form_without_a_change_writes_nothing(visitor: Visitor) -> None:
    await seed()
    service = await Service.get(name="plex")
    assert (await visitor.edit("services", service.id)).status_code == 303
    assert await logged() == []


async def test_deleting_says_first_what_goes_with_it(visitor: Visitor) -> None:
    user = await ann()
    for title in ("Orbit", "Embers"):
        await media_requests.submit(user.id, title=title, media_type="movie")
    await ActivityLog.create(user=user, action="login")
    text = await visitor.page("/users/detail", pk=user.id)
    for said in (
        "media requests: 2 (deleted with it)",
        "media request status updates: 2 (deleted with it)",
        "activity logs: 1 (will stay, without it)",
    ):
        assert said in text
    assert f"/media_requests/list?filter=user__is={user.id}" in text
    assert "Orbit" in await visitor.page("/media_requests/list", filter=f"user__is={user.id}")
    assert "Delete this row?" not in await visitor.page("/users/list")
    assert (await visitor.delete("users", user.id)).status_code == 200
    assert await MediaRequestStatusUpdate.all().count() == await MediaRequest.all().count() == 0
    (entry,) = await ActivityLog.filter(action="studio.delete")
    assert entry.metadata["deleted_with_it"] == {"media_requests": 2, "media_request_status_updates": 2}
    assert (await visitor.delete("users", user.id)).status_code == 400


async def test_deleting_says_first_which_requests_pass_to_a_follower(visitor: Visitor) -> None:
    user, follower = await ann(), await User.create(plex_id="2", plex_username="ben")
    for title in ("Orbit", "Embers", "Tides"):
        request = await media_requests.submit(user.id, title=title, media_type="movie")
    await media_requests.follow(request.id, user_id=follower.id)
    text = await visitor.page("/users/detail", pk=user.id)
    for said in (
        "media requests: 2 (deleted with it)",
        "media requests: 1 (will stay, without it)",
        "media request status updates: 2 (deleted with it)",
    ):
        assert said in text
    assert "media request followers" not in text
    assert "media request followers: 1 (deleted with it)" in await visitor.page("/users/detail", pk=follower.id)
    assert (await visitor.delete("users", user.id)).status_code == 200
    assert (await MediaRequest.get()).user_id == follower.id
    (entry,) = await ActivityLog.filter(action="studio.delete")
    assert entry.metadata["deleted_with_it"] == {"media_requests": 2, "media_request_status_updates": 2}


async def test_a_row_that_is_gone(visitor: Visitor) -> None:
    user = await ann()
    form = await visitor.form("users", user.id)
    await user.delete()
    assert (await visitor.post("/users/edit", form | {"email": "x@example.org"}, pk=user.id)).status_code == 404
    for row_id in ("nonsense", "99999999999999999999", user.id):
        assert (await visitor.get("/users/detail", pk=row_id)).status_code == 404
        assert (await visitor.get("/services/detail", pk=row_id)).status_code == 404
