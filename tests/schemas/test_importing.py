"""Schemas are the same whenever and wherever they are built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.schemas.shapes import SCHEMAS

if TYPE_CHECKING:
    from medianest_models.settings import DatabaseUrl

CHECKOUT = Path(__file__).parents[2]
SHAPES = "{name: getattr(schemas, name).model_json_schema() for name in schemas.__all__}"

RUN = f"""
import asyncio, json
from medianest_models import schemas
from medianest_models.db import database
async def connected():
    async with database():
        from medianest_models.models import User
        assert await User.all().count() == 0
        shapes = {SHAPES}
        assert await User.all().count() == 0
        return shapes
"""
WHILE = f"{RUN}\nprint(json.dumps(asyncio.run(connected())))"
BEFORE = f"{RUN}\nfirst = {SHAPES}\nassert asyncio.run(connected()) == first\nprint(json.dumps(first))"
IN_ANOTHER_CONTEXT = f"""
import json
from tortoise import Tortoise
from tortoise.context import TortoiseContext
with TortoiseContext():
    Tortoise.init_models(["aerich.models"], "models")
    from medianest_models import schemas
    print(json.dumps({SHAPES}))
"""


def run(code: str) -> Any:
    """What the code prints as JSON, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=CHECKOUT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("code", [BEFORE, WHILE, IN_ANOTHER_CONTEXT])
def test_they_are_the_same_before_and_after_connecting(fresh_url: DatabaseUrl, code: str) -> None:
    shapes = run(code)
    assert shapes == json.loads(json.dumps({name: schema.model_json_schema() for name, schema in SCHEMAS.items()}))
    references = {name: [key for key in shape["properties"] if key.endswith("_id")] for name, shape in shapes.items()}
    assert references["MediaRequestRead"] == ["tmdb_id", "imdb_id", "overseerr_id", "user_id"]
    assert references["SystemConfigRead"] == ["updated_by_id"]
    assert references["ServiceStatusHistoryRead"] == ["service_id"]
    assert references["MediaRequestStatusUpdateRead"] == ["request_id"]
