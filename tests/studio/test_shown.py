"""The values of rows as pages show them: badges, bars, links, times, and a request's history."""

from __future__ import annotations

import re
from typing import Any

import pytest

from medianest_models.enums import RequestStatus
from medianest_models.models import MediaRequest, User, YouTubeDownload
from medianest_models.repositories import media_requests
from medianest_models.studio.links import LINKS
from tests.studio.conftest import Visitor, ann


def links(text: str) -> list[str]:
    return re.findall(r'<a class="studio-link" href="([^"]*)"', text)


async def test_statuses_are_badges_and_progress_is_a_bar(visitor: Visitor) -> None:
    user = await ann()
    download = await YouTubeDownload.create(
        user=user, playlist_url="https://example.org", status="downloading", progress=40
    )
    for path in ("/youtube_downloads/list", f"/youtube_downloads/detail?pk={download.id}", "/"):
        text = await visitor.page(path)
        assert re.search(r'role="progressbar" aria-label="Progress"[^>]* aria-valuenow="40"', text), path
        if path != "/":
            assert re.search(r'<span class="badge studio-badge"><span [^>]*></span>downloading</span>', text)
    await YouTubeDownload.filter(id=download.id).update(status="queued")
    assert "studio-badge" in await visitor.page("/")


@pytest.mark.parametrize(
    ("name", "columns", "url"),
    [
        ("tmdb_id", {"media_type": "movie", "tmdb_id": "17"}, "https://www.themoviedb.org/movie/17"),
        ("tmdb_id", {"media_type": "tv", "tmdb_id": "17"}, "https://www.themoviedb.org/tv/17"),
        ("tmdb_id", {"media_type": "../list", "tmdb_id": "17"}, None),
        ("tmdb_id", {"media_type": "tv", "tmdb_id": "17/../1"}, None),
        ("imdb_id", {"imdb_id": "tt0017"}, "https://www.imdb.com/title/tt0017/"),
        ("imdb_id", {"imdb_id": "tt0017?x"}, None),
        ("playlist_url", {"playlist_url": "https://youtube.com/playlist?list=a"}, "https://youtube.com/playlist?list=a"),
        ("playlist_url", {"playlist_url": "HTTP://youtube.com"}, "HTTP://youtube.com"),
        *(
            ("playlist_url", {"playlist_url": url}, None)
            for url in (
                "javascript:alert(1)", "JavaScript://x/%0Aalert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
                "data:text/html,x", "//youtube.com", "https:youtube.com", "https://[", "vbscript:x", "file:///etc/passwd",
            )
        ),
    ],
)  # fmt: skip
def test_only_known_sites_and_http_are_linked(name: str, columns: dict[str, Any], url: str | None) -> None:
    assert LINKS[name](columns) == url


async def test_titles_and_playlists_link_to_their_sites(visitor: Visitor) -> None:
    user = await ann()
    request = await MediaRequest.create(user=user, title="Orbit", media_type="tv", tmdb_id="17", imdb_id="tt18")
    for path in ("/media_requests/list?cols=tmdb_id,imdb_id", f"/media_requests/detail?pk={request.id}"):
        assert links(await visitor.page(path)) == [
            "https://www.themoviedb.org/tv/17",
            "https://www.imdb.com/title/tt18/",
        ]


async def test_an_address_is_escaped_and_a_script_is_no_link(visitor: Visitor) -> None:
    user = await ann()
    typed = {'https://youtube.com/"onclick="alert(1)': ["https://youtube.com/&#34;onclick=&#34;alert(1)"]}
    typed["javascript:alert(1)"] = []
    for url, expected in typed.items():
        download = await YouTubeDownload.create(user=user, playlist_url=url)
        for page in (f"list?filter=id__is={download.id}", f"detail?pk={download.id}"):
            text = await visitor.page(f"/youtube_downloads/{page}")
            assert links(text) == expected
            assert '"onclick=' not in text
            assert not re.search(r'href="\s*javascript', text)


async def test_a_request_s_page_shows_the_requester_and_the_history(visitor: Visitor) -> None:
    user = await User.create(plex_id="1", plex_username="<ann>")
    request = await media_requests.submit(user.id, title="Orbit", media_type="movie")
    await media_requests.transition(request.id, status=RequestStatus.APPROVED, message="<b>soon</b>")
    text = await visitor.page("/media_requests/detail", pk=request.id)
    assert re.search(rf'Requested by\s+<a href="[^"]*/users/detail\?pk={user.id}[^"]*">&lt;ann&gt;</a>', text)
    history = text[text.index('<ol class="list-group') :]
    history = history[: history.index("</ol>")]
    assert re.findall(r"</span>([a-z]+)</span>", history) == ["pending", "approved"]
    assert "&lt;b&gt;soon&lt;/b&gt;" in history
    assert history.count("<time datetime=") == 2


async def test_times_can_be_read_by_programs(visitor: Visitor) -> None:
    await ann()
    text = await visitor.page("/users/list")
    found = re.search(r'<time datetime="([^"]+)">([^<]+)</time>', text)
    assert found
    assert found[1] == found[2].replace(" ", "T")
    assert found[1].endswith("+00:00")


async def test_pages_have_landmarks_and_one_heading_and_say_how_they_are_sorted(visitor: Visitor) -> None:
    user = await ann()
    paths = [
        "/", "/users/list", f"/users/detail?pk={user.id}", f"/users/edit?pk={user.id}", "/users/create", "/nothing"
    ]  # fmt: skip
    for path in paths:
        text = (await visitor.get(path)).text
        assert [text.count(tag) for tag in ("<h1", "<main", "<header")] == [1, 1, 1], path
    text = await visitor.page("/users/list", sort="email__desc")
    assert re.findall(r'data-column="(\w+)"\s+aria-sort="(\w+)"', text) == [("email", "descending")]
