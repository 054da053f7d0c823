"""Lists: paged, searched, filtered, sorted, exported."""

from __future__ import annotations

import csv
import datetime
import io
import re
from itertools import chain

import pytest

from medianest_models import models
from medianest_models.db.statements import execute
from medianest_models.models import ActivityLog, MediaRequest, Service, ServiceStatusHistory, User
from medianest_models.studio import paging
from medianest_models.studio.tables import TABLES
from tests.studio.conftest import Visitor, alerts


@pytest.fixture
async def user(visitor: Visitor) -> User:
    """Make a user with 60 requests, `Film 00` the oldest."""
    made = await User.create(plex_id="1", plex_username="ann")
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    await MediaRequest.bulk_create(
        MediaRequest(
            user=made,
            title=f"Film {number:02}",
            media_type="movie" if number % 2 else "tv",
            imdb_id=f"tt{number // 10}" if number < 30 else None,
            status="available" if number else "failed",
            created_at=start + datetime.timedelta(hours=number),
        )
        for number in range(60)
    )
    return made


def titles(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"Film (\d\d)\s*<", text[text.index("<tbody>") :])]


def link(text: str, label: str) -> str | None:
    found = re.search(rf'<a class="page-link" href="([^"]+)">{label}</a>', text)
    return None if found is None else found[1].replace("&amp;", "&")


@pytest.mark.parametrize("sort", ["", "created_at__asc", "imdb_id__desc", "imdb_id__asc", "title__asc"])
async def test_pages_lead_forth_and_back_over_every_row_once(visitor: Visitor, user: User, sort: str) -> None:
    text = await visitor.page("/media_requests/list", **({"sort": sort} if sort else {}))
    assert "60 rows" in text
    forth = [titles(text)]
    assert link(text, "Previous") is link(text, "First") is None
    while address := link(text, "Next"):
        text = await visitor.page(address)
        forth.append(titles(text))
    assert [len(page) for page in forth] == [25, 25, 10]
    rows = list(chain(*forth))
    assert sorted(rows) == list(range(60))
    back = [titles(text)]
    while address := link(text, "Previous"):
        text = await visitor.page(address)
        back.append(titles(text))
    assert list(chain(*reversed(back))) == rows
    last = await visitor.page(link(text, "Last") or "")
    assert titles(last) == rows[-25:]
    assert link(last, "Next") is None
    before = await visitor.page(link(last, "Previous") or "")
    assert titles(before) == rows[10:35]
    assert titles(await visitor.page(link(before, "Next") or "")) == titles(last)


async def test_no_page_skips_rows_to_get_to_its_own(
    visitor: Visitor, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    first = await visitor.page("/media_requests/list")
    with caplog.at_level("DEBUG", logger="medianest_models.query"):
        for label in ("Next", "Last"):
            await visitor.page(link(first, label) or "")
    lists = [record.getMessage() for record in caplog.records if 'FROM "media_requests"' in record.getMessage()]
    assert len(lists) == 4  # the rows and their number, each time
    assert all("LIMIT" in statement and "OFFSET" not in statement for statement in lists)


async def test_another_order_begins_at_its_first_page(visitor: Visitor, user: User) -> None:
    last = await visitor.page("/media_requests/list", end="1")
    assert titles(last)[-1] == 0
    found = re.search(r'data-sa-hook="sort-link"\s+href="([^"]*sort=title__asc[^"]*)"', last)
    assert found
    assert titles(await visitor.page(found[1].replace("&amp;", "&")))[0] == 0


async def test_the_newest_row_comes_first(visitor: Visitor, user: User) -> None:
    assert titles(await visitor.page("/media_requests/list"))[0] == 59
    assert titles(await visitor.page("/media_requests/list", cursor="of another list"))[0] == 59


async def test_search_and_filters(visitor: Visitor, user: User) -> None:
    async def found(**parameters: str) -> list[int]:
        return titles(await visitor.page("/media_requests/list", sort="created_at__asc", **parameters))

    request = await MediaRequest.get(title="Film 07")
    assert await found(q="film 5") == list(range(50, 60))
    assert await found(q="tt2") == list(range(20, 30))
    assert await found(q=str(request.id)) == [7]
    assert await found(filter="status__in=failed") == [0]
    assert await found(filter="imdb_id__is_not_null AND media_type__eq=movie") == list(range(1, 30, 2))
    assert await found(filter='created_at__since="2026-01-03 10:00"') == [58, 59]
    assert await found(filter='created_at__before="2026-01-01 02:00+01:00"') == [0]
    assert await found(filter=f"id__is={request.id}") == [7]
    assert len(await found(filter=f"user__is={user.id}")) == 25


@pytest.mark.parametrize(
    "condition",
    ["status__in=bad", "id__is=x", "created_at__since=x", "nope__eq=1", "title__nope=1", "title__contains=%00"],
)
async def test_a_filter_that_makes_no_sense_is_said_so(visitor: Visitor, user: User, condition: str) -> None:
    assert (await visitor.client.get(f"/media_requests/list?filter={condition}")).status_code == 400


@pytest.mark.parametrize(
    "number", ["nan", "infinity", "1e400", "-1e400", "9" * 5_000, "1.5", "1e18", "9" * 25, "²", "٣"]
)
@pytest.mark.parametrize("comparison", ["eq", "neq", "gt", "lte", "between", "is"])
async def test_a_number_that_no_column_can_hold_is_no_error_of_the_studio(
    visitor: Visitor, comparison: str, number: str
) -> None:
    await Service.create(name="plex", display_name="Plex")
    operand = f"0,{number}" if comparison == "between" else number
    for path in ("services", "service_status_history"):
        column = "id" if path == "services" else "service" if comparison == "is" else "response_time_ms"
        response = await visitor.client.get(f"/{path}/list", params={"filter": f"{column}__{comparison}={operand}"})
        assert response.status_code in (200, 400), response.text


async def test_a_search_for_what_no_text_can_hold_is_said_so(visitor: Visitor) -> None:
    response = await visitor.client.get("/users/list?q=%00")
    assert (response.status_code, "a text holds a NUL byte" in response.text) == (400, True)


async def test_numbers_are_counted_up_to_a_limit_and_estimated_beyond(
    analyst: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNTED", 20)
    await User.bulk_create(
        User(plex_id=str(number), plex_username="ann", status="active" if number else "suspended")
        for number in range(60)
    )
    assert "more than 20 rows" in await analyst.page("/users/list")
    await execute("ANALYZE users")
    assert "about 60 rows" in await analyst.page("/users/list")
    assert "more than 20 rows" in await analyst.page("/users/list", filter="status__in=active")
    counted = await paging.count_rows(User.filter(status="active"), whole_table=False)
    assert counted.number == 21  # and counted no further
    assert ">1 row<" in await analyst.page("/users/list", filter="status__in=suspended")


@pytest.mark.usefixtures("db")
async def test_the_rows_of_all_partitions_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNTED", 20)
    for age in (0, 70):  # the second lot is in the default partition
        await execute(
            "INSERT INTO activity_logs (action, created_at) "
            "SELECT 'a', now() - $1::float8 * interval '1 day' FROM generate_series(1, 30)",
            age,
        )
    assert (await paging.count_rows(ActivityLog.all(), whole_table=True)).text == "more than 20"
    await execute("ANALYZE activity_logs")
    assert (await paging.count_rows(ActivityLog.all(), whole_table=True)).text == "about 60"


async def test_an_export_holds_the_rows_of_the_page_or_all_of_them(visitor: Visitor, user: User) -> None:
    text = await visitor.page("/media_requests/list", sort="created_at__asc")
    address = (link(text, "Next") or "").partition("?")[2]

    async def exported(**parameters: str) -> list[dict[str, str]]:
        scope = "selection" if "all" in parameters else "page"
        response = await visitor.post(
            "/_api/media_requests/action", {"format": "csv", "scope": scope}, name="export", **parameters
        )
        assert response.status_code == 200
        return list(csv.DictReader(io.StringIO(response.text)))

    page = await exported(_list_query=f"?{address}")
    assert [row["Title"] for row in page] == [f"Film {number:02}" for number in range(25, 50)]
    assert page[0]["Created at"] == "2026-01-02 01:00:00+00:00"
    assert len(await exported(all="1")) == 60


async def test_every_table_has_a_list_with_its_times_in_utc(visitor: Visitor, user: User) -> None:
    forgotten = {getattr(models, name) for name in models.__all__} - {table.table for table in TABLES}
    assert not forgotten, f"medianest_models/studio/tables.py: lacks {forgotten}"
    for table in TABLES:
        text = await visitor.page(f"/{table.table._meta.db_table}/list")
        assert f'href="http://127.0.0.1:5555/{table.table._meta.db_table}/list"' in text
    text = await visitor.page("/media_requests/list")
    assert "2026-01-03 11:00:00+00:00" in text
    assert f"/users/detail?pk={user.id}" in text
    assert ">ann</a>" in text


async def test_relations_are_looked_up_for_a_form(visitor: Visitor, user: User) -> None:
    response = await visitor.get("/_api/users/relation-lookup", q="AN")
    (item,) = response.json()["items"]
    assert (item["id"], item["_meta"]["select2"]["result"]) == (str(user.id), "<span>ann</span>")
    request = await MediaRequest.first()
    assert request is not None
    text = await visitor.page("/media_requests/detail", pk=request.id)
    assert f"/users/detail?pk={user.id}" in text


async def test_what_a_user_typed_is_no_html(visitor: Visitor) -> None:
    name = "<script>alert(1)</script>"
    user = await User.create(plex_id="1", plex_username=name)
    for path in ("/users/list", f"/users/detail?pk={user.id}", f"/users/edit?pk={user.id}"):
        assert name not in await visitor.page(path)
    response = await visitor.get("/_api/users/relation-lookup")
    assert name not in response.json()["items"][0]["_meta"]["select2"]["result"]


async def test_a_value_that_can_t_be_read_hides_no_row_and_says_why(visitor: Visitor) -> None:
    logs = [await ActivityLog.create(action=f"action-{number}") for number in range(3)]
    service = await Service.create(name="plex", display_name="Plex")
    await execute("ALTER TABLE activity_logs DROP CONSTRAINT ck_activity_logs_created_at")
    await execute("UPDATE activity_logs SET created_at = '10000-01-01' WHERE id = $1", logs[0].id)
    await execute("UPDATE activity_logs SET metadata = $2 WHERE id = $1", logs[1].id, "[" * 2_000 + "]" * 2_000)
    await execute("UPDATE activity_logs SET metadata = $2 WHERE id = $1", logs[2].id, f"[{10**400}]")
    await execute("UPDATE services SET config_data = $1", "[" * 2_000 + "]" * 2_000)
    await ServiceStatusHistory.create(service=service, status="up")
    await execute("ALTER TABLE service_status_history DROP CONSTRAINT ck_service_status_history_checked_at")
    await execute("UPDATE service_status_history SET checked_at = 'infinity'")
    assert "can&#39;t be read: an instant" in await visitor.page("/service_status_history/list")
    columns = "id,action,metadata,created_at"
    for text in (await visitor.page("/activity_logs/list", cols=columns), await visitor.page("/activity_logs/list")):
        assert {f"action-{number}" for number in range(3)} <= set(re.findall(r"action-\d", text))
        assert f"in the row with id {logs[0].id}, can&#39;t be read: an instant" in text
    for log, reason in ((logs[0], "an instant"), (logs[1], "no JSON, or nested too deep")):
        text = await visitor.page("/activity_logs/detail", pk=log.id)
        assert f"in the row with id {log.id}, can't be read: {reason}" in re.sub(r"&#39;|\\u0027", "'", text)
    assert str(10**400) in await visitor.page("/activity_logs/detail", pk=logs[2].id)
    refused = await visitor.edit("services", service.id, display_name="Other")
    assert (refused.status_code, alerts(refused).strip()) == (422, "is not valid JSON")
    assert (await visitor.edit("services", service.id, config_data='{"a": 1}')).status_code == 303
    assert (await Service.get(id=service.id)).config_data == {"a": 1}
