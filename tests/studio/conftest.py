"""The studio without a browser: HTTP requests to the application, with a real database."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from medianest_models.models import ActivityLog, User
from medianest_models.settings import DatabaseUrl
from medianest_models.studio import Studio

HOST: Final = "http://127.0.0.1:5555"


class Visitor:
    """A client of the studio, which may have its token."""

    def __init__(self, studio: Studio, client: httpx.AsyncClient) -> None:
        self.studio = studio
        self.client = client

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters or None)

    async def page(self, path: str, **parameters: Any) -> str:
        """Return the text of an existing page."""
        response = await self.get(path, **parameters)
        assert response.status_code == 200, response.text
        return response.text

    async def post(self, path: str, fields: dict[str, str], **parameters: Any) -> httpx.Response:
        token = self.client.cookies.get("starlette_admin_csrftoken") or ""
        return await self.client.post(
            path,
            params=parameters or None,
            data=fields | {"csrftoken": token},
            headers={"Origin": HOST},
            follow_redirects=False,
        )

    async def form(self, table: str, row_id: object | None = None) -> dict[str, str]:
        """Return the values of a form, as a browser would send them."""
        text = await (self.page(f"/{table}/create") if row_id is None else self.page(f"/{table}/edit", pk=row_id))
        return form_values(text)

    async def create(self, table: str, **typed: str) -> httpx.Response:
        return await self.post(f"/{table}/create", await self.form(table) | typed)

    async def edit(self, table: str, row_id: object, **typed: str) -> httpx.Response:
        return await self.post(f"/{table}/edit", await self.form(table, row_id) | typed, pk=row_id)

    async def delete(self, table: str, row_id: object) -> httpx.Response:
        return await self.post(f"/_api/{table}/row-action", {}, name="delete", pk=row_id)


def form_values(text: str) -> dict[str, str]:
    """Return the fields of a page's form with their values."""
    form = text[text.index('enctype="multipart/form-data"') :]
    form = form[: form.index("</form>")]
    values = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") == "checkbox" and " checked" not in tag:
            continue
        if "name" in attributes:
            default = "on" if attributes.get("type") == "checkbox" else ""
            values[attributes["name"]] = html.unescape(attributes.get("value", default))
    for name, content in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        values[name] = html.unescape(content)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)"\s+selected', options)
        values[name] = chosen[-1] if chosen else ""
    return values


def alerts(response: httpx.Response) -> str:
    """Return the messages of a page above its form and at its fields."""
    said = re.findall(r'class="(?:alert-description|invalid-feedback)"[^>]*>(.*?)</div>', response.text, re.DOTALL)
    return html.unescape(" ".join(said))


def refused(response: httpx.Response, said: str) -> None:
    """Assert that a form came back, and says this."""
    assert response.status_code == 422
    assert said in alerts(response)


@asynccontextmanager
async def visiting(
    *, studio: Studio | None = None, read_only: bool = False, with_token: bool = True
) -> AsyncIterator[Visitor]:
    """Make a visitor of a studio, or of a new one."""
    studio = studio or Studio(place="a test", read_only=read_only)
    transport = httpx.ASGITransport(studio)  # an unexpected error fails the test
    async with httpx.AsyncClient(transport=transport, base_url=HOST, follow_redirects=True) as client:
        visitor = Visitor(studio, client)
        if with_token:
            await visitor.page("/system_config/list", token=studio.token)
        yield visitor


@pytest.fixture(scope="session")
def studio() -> Studio:
    """Make a studio that can change data, before connecting."""
    return Studio(place="a test", read_only=False)


@pytest.fixture
async def analyst(fresh_db: DatabaseUrl, studio: Studio) -> AsyncIterator[Visitor]:
    """Make a visitor with a separate database, because ANALYZE is not rolled back."""
    async with visiting(studio=studio) as somebody:
        yield somebody


@pytest.fixture
async def visitor(db: DatabaseUrl, studio: Studio) -> AsyncIterator[Visitor]:
    """Make a visitor with the token, who may change everything."""
    async with visiting(studio=studio) as somebody:
        yield somebody


async def ann(**columns: Any) -> User:
    """Make a user with that name."""
    user = User(plex_id="1", plex_username="ann", **columns)
    await user.save()
    return user


async def logged() -> list[tuple[str, str | None, str | None]]:
    """Return the studio's entries in the activity log: action, kind of row, row."""
    entries = await ActivityLog.filter(action__startswith="studio.").order_by("id")
    assert all(entry.user_id is None and entry.metadata["by"] == "studio" for entry in entries)
    return [(entry.action, entry.entity_type, entry.entity_id) for entry in entries]
