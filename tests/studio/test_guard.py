"""Access to the studio, and the resources that a page may load."""

from __future__ import annotations

import re
import socket

import pytest

from medianest_models.errors import ConfigurationError
from medianest_models.models import User
from medianest_models.settings import DatabaseUrl
from medianest_models.studio import serve
from medianest_models.studio.tables import TABLES
from tests.studio.conftest import HOST, Visitor, visiting

PATHS = ["/", "/users/list", "/users/create", "/static/studio.css", "/_api/users/relation-lookup", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_nothing_is_shown(db: DatabaseUrl, path: str) -> None:
    async with visiting(with_token=False) as stranger:
        for token in (None, "", "wrong", stranger.studio.token[:-1], "ü"):
            response = await stranger.get(path, **({} if token is None else {"token": token}))
            assert response.status_code == 403
            assert "Open the address that `medianest studio` printed: it holds the token." in response.text
            assert not response.cookies


async def test_the_token_leaves_the_address_and_the_cookie_is_enough(db: DatabaseUrl) -> None:
    async with visiting(with_token=False) as owner:
        response = await owner.client.get(
            "/users/list", params={"q": "ann b", "token": owner.studio.token}, follow_redirects=False
        )
        assert response.status_code == 303
        assert response.headers["location"] == "/users/list?q=ann+b"
        cookie = response.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert owner.studio.token not in cookie
        response = await owner.client.get(
            f"{HOST}//evil.example/", params={"token": owner.studio.token}, follow_redirects=False
        )
        assert response.headers["location"] == "/evil.example/"
        await owner.page("/users/list")


async def test_a_cookie_of_another_studio_is_none(visitor: Visitor) -> None:
    async with visiting(with_token=False) as other:
        other.client.cookies = visitor.client.cookies
        assert (await other.get("/")).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:5555", "127.0.0.1.evil.example", "[::1", "", "127.0.0.2"),
        *(
            "127.0.0.1:5555.evil.example",
            "127.0.0.1:x",
            "evil@127.0.0.1",
            "127.0.0.1#evil",
            "localhost/evil",
            "[::1]evil",
        ),
    ],
)
async def test_a_foreign_host_is_refused(visitor: Visitor, host: str) -> None:
    response = await visitor.client.get("/", headers={"Host": host})
    assert response.status_code == 403
    assert "not the studio's own address" in response.text


@pytest.mark.parametrize("host", ["localhost:5555", "127.0.0.1:6000", "[::1]:5555"])
async def test_the_end_of_a_tunnel_may_have_another_port(visitor: Visitor, host: str) -> None:
    parameters = {"token": visitor.studio.token}
    response = await visitor.client.get("/", params=parameters, headers={"Host": host}, follow_redirects=False)
    assert response.status_code == 303


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:8000", "https://127.0.0.1:5555"]
)
async def test_another_page_can_change_nothing(visitor: Visitor, origin: str | None) -> None:
    fields = await visitor.form("users") | {"plex_id": "1", "plex_username": "ann"}
    headers = {} if origin is None else {"Origin": origin}
    response = await visitor.client.post("/users/create", data=fields, headers=headers)
    assert response.status_code == 403
    assert await User.all().count() == 0


async def test_a_form_without_its_csrf_token_changes_nothing(visitor: Visitor) -> None:
    fields = await visitor.form("users") | {"plex_id": "1", "plex_username": "ann", "csrftoken": ""}
    response = await visitor.client.post("/users/create", data=fields, headers={"Origin": HOST})
    assert response.status_code == 403
    assert await User.all().count() == 0


async def test_read_only_shows_everything_and_changes_nothing(db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    async with visiting(read_only=True) as reader:
        text = await reader.page("/users/detail", pk=user.id)
        assert "ann" in text
        assert "read-only" in text
        assert "/users/edit" not in text
        assert "Delete" not in text
        assert (await reader.get("/users/create")).status_code == 403
        assert (await reader.get("/users/edit", pk=user.id)).status_code == 403
        for path, parameters in (
            ("/users/create", {}),
            ("/users/edit", {"pk": user.id}),
            ("/_api/users/row-action", {"name": "delete", "pk": user.id}),
            ("/_api/users/action", {"name": "delete", "pks": user.id}),
        ):
            response = await reader.post(path, {"plex_id": "2", "plex_username": "bob"}, **parameters)
            assert response.status_code == 403
            assert "--read-write" in response.text
        exported = await reader.post("/_api/users/action", {"format": "csv"}, name="export")
        assert exported.status_code == 200
        assert "ann" in exported.text
    assert [user.plex_username for user in await User.all()] == ["ann"]


async def test_no_page_and_no_style_sheet_names_another_host(visitor: Visitor) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    pages = ["/", "/nothing", f"/users/detail?pk={user.id}", f"/users/edit?pk={user.id}"]
    pages += [f"/{table.table._meta.db_table}/{page}" for table in TABLES for page in ("list", "create")]
    files = set()
    for path in pages:
        response = await visitor.get(path)
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"
        files |= set(loaded(response.text))
    sheets = [file for file in files if ".css" in file]
    assert len(sheets) > 5
    for sheet in sheets:
        text = re.sub(r"/\*.*?\*/", "", await visitor.page(sheet), flags=re.DOTALL)
        for address in re.findall(r"url\(([^)]*)\)|@import\s+['\"]([^'\"]+)", text):
            assert not re.match(r"['\"]?(https?:)?//", "".join(address)), (sheet, address)


def loaded(text: str) -> list[str]:
    """Return the resources of a page, and check that they are of the studio itself."""
    found = re.findall(r"<(?:link|script|img|iframe|source)\b[^>]*?(?:href|src)=\"([^\"]+)\"", text)
    assert not re.search(r"@import|url\(", text)
    for address in found:
        assert address.startswith(f"{HOST}/"), address
    return [address.removeprefix(HOST) for address in found]


async def test_it_listens_on_this_machine_only_and_says_when_the_port_is_taken(db: DatabaseUrl) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} .*--port"):
            await serve(port=port, read_only=True, open_browser=False, announce=said.append)
    assert said == []
