"""The cursors and statements of every process, where sets of texts have each another order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from medianest_models.enums import OPEN_REQUEST_STATUSES
from medianest_models.models import MediaRequest, User
from medianest_models.pagination import paginate_by_cursor
from medianest_models.pagination.arguments import choose_ordering
from medianest_models.pagination.compiler import compile_select
from medianest_models.pagination.cursors import _signing_keys
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import make_requests

CHECKOUT = Path(__file__).parents[2]

SCRIPT = """
import asyncio, json
from medianest_models.db import database
from tests.pagination.test_processes import cursors, statements

async def main():
    async with database():
        print(json.dumps([statements(), await cursors()]))

asyncio.run(main())
"""


async def cursors() -> list[str | None]:
    statuses = [*OPEN_REQUEST_STATUSES]
    querysets: list[QuerySet[Any]] = [
        MediaRequest.filter(status__in=OPEN_REQUEST_STATUSES),
        MediaRequest.filter(status__in=statuses, title__not_in={"a", "b", "c", "d"}),
        MediaRequest.filter(Q(media_type="movie") | Q(status__in=set(statuses)), user__plex_username__not="x"),
    ]
    return [(await paginate_by_cursor(queryset, limit=1)).next_cursor for queryset in querysets]


def statements() -> list[str]:
    """Return the statements that read a list; `pg_stat_statements` takes those with columns in another order apart."""
    found = []
    for model in (MediaRequest, User):
        select = compile_select(model.all(), choose_ordering(model, (), None, "desc"))
        assert select is not None
        found.append(select.rows_sql)
    return found


async def test_cursors_and_statements_are_the_same_in_every_process(fresh_db: DatabaseUrl) -> None:
    await make_requests(2)
    _signing_keys.cache_clear()  # this process may still have the keys of another test
    here: list[list[Any]] = [statements(), await cursors()]
    assert None not in here[1]
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "DATABASE_URL": fresh_db.render().get_secret_value()}
        command = [sys.executable, "-c", SCRIPT]
        there = subprocess.run(  # noqa: ASYNC221 - nothing else runs
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert json.loads(there.stdout) == here
