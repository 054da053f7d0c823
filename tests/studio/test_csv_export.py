"""All rows of a list as CSV, and the pages of errors."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from medianest_models.models import MediaRequest, Service, User
from medianest_models.studio import dashboard, table
from tests.studio.conftest import HOST, Visitor, ann, visiting


async def exported(visitor: Visitor, path: str, **parameters: str) -> list[dict[str, str]]:
    response = await visitor.get(f"/_csv/{path}", **parameters)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == f'attachment; filename="{path}.csv"'
    return list(csv.DictReader(io.StringIO(response.text)))


async def test_all_filtered_rows_are_exported_in_their_order(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_EXPORTED", 4)
    user = await ann()
    await MediaRequest.bulk_create(
        MediaRequest(
            user=user, title=f"Film {number:02}", media_type="tv" if number == 3 else "movie", request_data=[1]
        )
        for number in range(11)
    )
    rows = await exported(visitor, "media_requests", filter="media_type__eq=movie", sort="title__desc", end="1")
    assert [row["Title"] for row in rows] == [f"Film {number:02}" for number in (10, 9, 8, 7, 6, 5, 4, 2, 1, 0)]
    assert (rows[0]["User"], rows[0]["Request data"], rows[0]["Imdb id"]) == (str(user.id), "[1]", "")
    assert len(await exported(visitor, "media_requests", q="film 1")) == 1
    assert "/_csv/media_requests?q=film" in await visitor.page("/media_requests/list", q="film")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a=1"])
async def test_a_formula_is_a_text(visitor: Visitor, name: str) -> None:
    await User.create(plex_id="1", plex_username=name)
    (row,) = await exported(visitor, "users")
    assert row["Plex username"] == (name if name == "a=1" else f"'{name}")


async def test_no_secret_is_exported(visitor: Visitor) -> None:
    await ann(plex_token="s3cret-token")
    await Service.create(
        name="plex",
        display_name="Plex",
        api_key="s3cret-key",
        url="http://u:s3cret-pw@plex",
        config_data={"a": "s3cret"},
    )
    for path in ("users", "services"):
        assert "s3cret" not in (await visitor.get(f"/_csv/{path}")).text
        assert len(await exported(visitor, path)) == 1


async def test_an_export_needs_the_cookie_and_works_read_only(visitor: Visitor) -> None:
    await ann()
    async with visiting(studio=visitor.studio, with_token=False) as stranger:
        assert (await stranger.get("/_csv/users")).status_code == 403
    async with visiting(read_only=True) as reader:
        assert len(await exported(reader, "users")) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/nothing/list", 404), ("/_csv/nothing", 404), ("/users/detail?pk=x", 404),
     ("/_csv/users?filter=id__is=x", 400), ("/users/list?q=%00", 400)],
)  # fmt: skip
async def test_an_error_has_a_page_of_the_studio(visitor: Visitor, path: str, status: int) -> None:
    response = await visitor.client.get(path)
    assert response.status_code == status
    assert f"<h1>{status}</h1>" in response.text
    assert "studio.css" in response.text


async def test_a_refusal_is_a_page_that_loads_nothing(visitor: Visitor) -> None:
    async with visiting(studio=visitor.studio, with_token=False) as stranger:
        response = await stranger.get("/")
    assert response.status_code == 403
    assert "<h1>403</h1>" in response.text
    assert "src=" not in response.text
    assert "href=" not in response.text


async def test_a_defect_has_a_page_without_its_message(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ValueError("s3cret")

    monkeypatch.setattr(dashboard, "overview", broken)
    transport = httpx.ASGITransport(visitor.studio, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=visitor.client.cookies) as client:
        response = await client.get("/")
    assert response.status_code == 500
    assert "<h1>500</h1>" in response.text
    assert "s3cret" not in response.text
    assert "Traceback" not in response.text
