"""The documentation's examples run, and its list of settings is complete."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tomllib
from typing import Any

import pytest
from pydantic import SecretStr

from medianest_models.db.statements import execute
from medianest_models.models import User
from medianest_models.repositories import changes, downloads, media_requests, rate_limits, users
from medianest_models.settings import DatabaseUrl, Settings
from tests.commands import python
from tests.conftest import CHECKOUT
from tests.db.pools import PATIENCE

README = (CHECKOUT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_readmes_python_runs(fresh_url: DatabaseUrl) -> None:
    first, listing, _ = EXAMPLES
    ended = python("-c", first)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "**********\n0\n"
    ended = python(
        "-c",
        f"import asyncio\nfrom medianest_models import database\n{listing}\n"
        "async def main():\n    async with database():\n        print(await list_users(1))\nasyncio.run(main())",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    page = json.loads(ended.stdout)
    assert page["pagination"] == {"page": 1, "limit": 20, "total": 1, "totalPages": 1}
    assert page["data"][0]["plex_username"] == "ann"
    assert "s3cret" not in ended.stdout


async def test_the_sign_in_of_the_security_page_limits_its_callers(fresh_db: DatabaseUrl) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs" / "security.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    await users.bootstrap_admin()
    user = await users.change_password("admin", password="admin", new_password="correct horse battery")
    issued = await names["sign_in"]("admin", "correct horse battery", "10.0.0.1")
    assert issued.session.user_id == user.id
    while (await rate_limits.hit("sign_in", ip_address="10.0.0.1", limit=10, window_seconds=60)).allowed:
        pass
    await execute(  # in the next minute, too: it may be about to begin
        "INSERT INTO rate_limits (ip_address, endpoint, window_start, request_count) "
        "SELECT ip_address, endpoint, window_start + interval '1 minute', 10 FROM rate_limits ON CONFLICT DO NOTHING"
    )
    with pytest.raises(PermissionError, match="try again in"):
        await names["sign_in"]("admin", "correct horse battery", "10.0.0.1")


async def test_the_events_of_the_operations_page_follow_a_user(fresh_db: DatabaseUrl) -> None:
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "changes.listen" in code]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    ann, bob = [await User.create(plex_id=name, plex_username=name) for name in ("ann", "bob")]
    events = names["events"](ann.id)
    assert await anext(events) == "event: reload\ndata:\n\n"
    for user in (bob, ann):
        await media_requests.submit(user.id, title=user.plex_username, media_type="movie")
    kind, data, *_ = (await anext(events)).splitlines()
    assert (kind, json.loads(data.removeprefix("data: "))["user_id"]) == ("event: RequestChange", str(ann.id))
    await events.aclose()


async def test_the_reads_of_the_operations_page_see_what_was_written(fresh_db: DatabaseUrl) -> None:
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "last_write" in code]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    user = await User.create(plex_id="ann", plex_username="ann")
    cookie = await names["submit"](user.id, "Alien")
    for token in (cookie, None):
        assert [request.title for request in await names["my_requests"](user.id, token)] == ["Alien"]


def test_the_worker_in_the_readme_is_the_one_of_the_examples() -> None:
    assert EXAMPLES[2] in (CHECKOUT / "examples" / "worker.py").read_text()


def test_the_readme_shows_a_stranger_the_way() -> None:
    assert re.findall(r"^python3 dev\.py (.*)$", README, re.MULTILINE) == ["setup", "test", "demo-data", "studio"]


def test_every_setting_is_documented_with_its_default() -> None:
    table = (CHECKOUT / "docs" / "operations.md").read_text()
    documented: dict[str, str] = {}
    for names, default in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]*) \|", table, re.MULTILINE):
        for name, value in zip(names.split(", "), default.split(", "), strict=True):
            documented[name.strip("`")] = value.strip("` ")
    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert documented[name.upper()] == shown(name, field.default)


def shown(name: str, default: Any) -> str:
    derived = {"database_direct_url": "DATABASE_URL", "medianest_home": ".medianest"}
    if name in derived:
        return derived[name]
    if default is None or default == ():
        return "none"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return f"{default:g}" if isinstance(default, float) else str(default).lower()


async def test_the_workers_of_their_page_do_downloads(fresh_db: DatabaseUrl) -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs" / "workers.md").read_text(), re.DOTALL):
        exec(block, names)  # noqa: S102 - our own documentation
    user = await User.create(plex_id="ann", plex_username="ann")
    names["DOWNLOADER"] = ["sh", "-c", "echo '[download] 12.5% of 1GiB'; echo 'file: /videos/a.mkv'; exit $1"]
    good, bad = [await downloads.enqueue(user.id, playlist_url=url) for url in ("0", "1")]
    async with changes.listen() as stream, asyncio.timeout(PATIENCE):
        worker = asyncio.create_task(downloads.run_worker(names["fetch_playlist"], concurrency=2))
        async for _ in stream:
            good, bad = await downloads.get(good.id), await downloads.get(bad.id)
            if good.status == "completed" and bad.error_message:
                break
        worker.cancel()
    assert good.file_paths == ["/videos/a.mkv"]
    assert bad.error_message == "RuntimeError: the downloader failed"
    third = await downloads.enqueue(user.id, playlist_url="3")
    await names["do_one"]()
    assert (await downloads.get(third.id)).file_paths == ["/videos/1.mkv"]


def test_the_workers_page_names_every_argument() -> None:
    arguments = re.findall(r"^\| `(\w+)` \|", (CHECKOUT / "docs" / "workers.md").read_text(), re.MULTILINE)
    assert {"handler", *arguments} == set(inspect.signature(downloads.run_worker).parameters)


def test_the_readme_names_every_extra_for_applications() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert {*named, "bench", "dev", "docs", "local", "test"} == set(extras)
