"""JSON columns in the database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.errors import ConstraintError
from medianest_models.models import ActivityLog, SystemConfig

pytestmark = pytest.mark.usefixtures("db")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=12,
)


def same(read: Any, written: Any) -> bool:
    """Return whether two documents are equal; JSON has only one kind of number."""
    if isinstance(written, float):
        return type(read) in (int, float) and float(read) == written
    if isinstance(written, list):
        return isinstance(read, list) and len(read) == len(written) and all(map(same, read, written))
    if isinstance(written, dict):
        return isinstance(read, dict) and read.keys() == written.keys() and all(same(read[k], written[k]) for k in read)
    return type(read) is type(written) and bool(read == written)


@given(document=documents)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_document_is_read_as_it_was_written(document: Any) -> None:
    made = await ActivityLog.create(action="test", metadata=document)
    assert same((await ActivityLog.get(id=made.id)).metadata, document)
    await ActivityLog.filter(id=made.id).update(metadata=document)
    assert same((await ActivityLog.get(id=made.id)).metadata, document)
    await ActivityLog.bulk_update([made], ["metadata"])
    assert same((await ActivityLog.get(id=made.id).values("metadata"))["metadata"], document)


@pytest.mark.parametrize("text", ["hello", "123", "null", "true", "[]", '"', "{", ""])
async def test_a_text_stays_a_text(text: str) -> None:
    config = await SystemConfig.create(key="k", value=text)
    (row,) = await fetch("SELECT jsonb_typeof(value) AS type, value #>> '{}' AS value FROM system_config")
    assert dict(row) == {"type": "string", "value": text}
    read = await SystemConfig.get(id=config.id)
    assert read.value == text
    await read.save()
    assert (await SystemConfig.get(id=config.id)).value == text
    await SystemConfig.update_or_create({"value": [text]}, key="k")
    assert (await SystemConfig.get(id=config.id)).value == [text]


async def test_none_is_null() -> None:
    await ActivityLog.create(action="test", metadata=None)
    assert await ActivityLog.filter(metadata__isnull=True).count() == 1
    with pytest.raises(ConstraintError, match=r"^system_config\.value must not be NULL$"):
        async with transaction():
            await SystemConfig.create(key="k", value=None)


async def test_lookups() -> None:
    log = await ActivityLog.create(action="test", metadata={"a": {"b": [1, "x"]}, "text": "123"})
    assert await ActivityLog.filter(metadata__contains={"a": {"b": ["x"]}}) == [log]
    assert await ActivityLog.filter(metadata__filter={"a__b__0": 1}) == [log]
    assert await ActivityLog.filter(metadata__filter={"text": "123"}) == [log]
    assert await ActivityLog.filter(metadata__contains={"text": 123}) == []


async def test_a_document_changed_in_place_is_written() -> None:
    config = await SystemConfig.create(key="k", value={"a": []})
    config.value["a"].append({"b": 1})
    await config.save(update_fields=["value"])
    assert (await SystemConfig.get(id=config.id)).value == {"a": [{"b": 1}]}
