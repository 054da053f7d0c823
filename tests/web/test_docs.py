"""The applications of docs/web.md run, and its table of problems is complete."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from medianest_models import web
from medianest_models.enums import UserRole
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from tests.conftest import CHECKOUT
from tests.web.conftest import OURS, visiting

PAGE: Final = (CHECKOUT / "docs" / "web.md").read_text()
ON_FASTAPI, ON_STARLETTE, LIFESPAN, CHANGE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PASSWORD: Final = "correct horse battery"


@pytest.mark.parametrize("example", [ON_FASTAPI, ON_STARLETTE], ids=["fastapi", "starlette"])
async def test_an_application(fresh_db: DatabaseUrl, example: str) -> None:
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    app = names["app"]
    await users.bootstrap_admin()
    await users.change_password("admin", password="admin", new_password=PASSWORD)
    wish = {"title": "Alien", "media_type": "movie", "tmdb_id": "348"}
    async with app.router.lifespan_context(app), visiting(app) as visitor:
        assert (await visitor.get("/requests")).status_code == 401
        given = {"username": "admin", "password": PASSWORD}
        assert (await visitor.post("/session", json=given)).status_code == 204
        response = await visitor.post("/requests", json=wish, headers=OURS)
        assert (response.status_code, response.headers["RateLimit"][:19]) == (201, '"media.request";r=1')
        response = await visitor.post("/requests", json=wish, headers=OURS)
        assert response.status_code == 409
        page = (await visitor.get("/requests?limit=5&sortBy=title")).json()
        assert [row["id"] for row in page["data"]] == [response.json()["request_id"]]
        assert (await visitor.get("/readyz")).json()["role"] == "primary"
        if example is ON_FASTAPI:
            assert (await visitor.post("/session/rotate", headers=OURS)).status_code == 204
            assert (await visitor.delete("/session", headers=OURS)).status_code == 204
            assert (await visitor.get("/requests")).status_code == 401


async def test_who_has_to_change_the_password_gets_in(fresh_db: DatabaseUrl) -> None:
    names: dict[str, Any] = {}
    exec(ON_FASTAPI, names)  # noqa: S102 - our own documentation
    exec(CHANGE, names)  # noqa: S102
    names["app"].include_router(names["router"])
    await users.bootstrap_admin()
    given = {"username": "admin", "password": "admin"}
    async with visiting(names["app"]) as visitor:
        refused = await visitor.post("/session", json=given)
        assert (refused.status_code, refused.json()["type"][-24:]) == (403, "password-change-required")
        changed = await visitor.post("/password", json=given | {"new_password": PASSWORD})
        assert (changed.status_code, changed.content) == (204, b"")
        assert (await visitor.get("/requests")).status_code == 200


async def test_the_lifespan(fresh_url: DatabaseUrl) -> None:
    names: dict[str, Any] = {}
    exec(LIFESPAN, names)  # noqa: S102 - our own documentation
    async with names["lifespan"](None) as state:
        assert not state["plex"].is_closed
        assert (await users.search(role=UserRole.ADMIN)).data == []
    assert state["plex"].is_closed


def test_every_problem_of_an_error_is_in_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", PAGE, re.MULTILINE)
    documented = {(name, int(status)) for status, names in rows for name in re.findall(r"`([a-z-]+)`", names)}
    for kind, status in web.STATUSES.items():
        found = re.search(rb'"type":"urn:medianest:problem:([a-z-]+)"', bytes(web.problem_of(kind()).body))
        assert status == 500 if found is None else (found[1].decode(), status) in documented
