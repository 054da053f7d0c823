"""Entries in the activity log for the studio's changes, and the rows that a deletion takes along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tortoise.fields import CASCADE, SET_NULL

from medianest_models import models
from medianest_models.repositories import activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tortoise.models import Model


async def note(verb: str, noun: str, row_id: object, *, columns: Iterable[str] = (), **more: Any) -> None:
    """Log a change by the studio: the names of the columns, and no value.

    Args:
        verb: `create`, `update` or `delete`.
        noun: What kind of row it was.
        row_id: Its id.
        columns: Which columns were written.
        **more: What else is worth knowing.
    """
    await activity.record(
        f"studio.{verb}",
        entity_type=noun,
        entity_id=str(row_id),
        metadata={"by": "studio", "columns": sorted(columns), **more},
        user_agent="medianest studio",
    )


TABLES: Final[tuple[type[Model], ...]] = tuple(getattr(models, name) for name in models.__all__)
"""All tables."""


@dataclass(frozen=True)
class Dependent:
    """Rows that refer to another one.

    Attributes:
        model: Their table.
        relation: The relation that leads to the row or towards it.
        lookup: The column that leads to the row, as a filter.
        is_deleted: Whether they go with it; otherwise they stay and refer to nothing any more.
        direct: Whether they refer to the row itself, and not to a row that does.
    """

    model: type[Model]
    relation: str
    lookup: str
    is_deleted: bool
    direct: bool

    async def count(self, row_id: object) -> int:
        """Count them."""
        condition: dict[str, Any] = {self.lookup: row_id}
        return await self.model.filter(**condition).count()


def dependents(model: type[Model]) -> list[Dependent]:
    """List the tables whose rows refer to a table's, directly or through others."""
    return list(_dependents(model, "", direct=True))


def _dependents(model: type[Model], path: str, *, direct: bool) -> Iterator[Dependent]:
    for table in TABLES:
        for name in (*table._meta.fk_fields, *table._meta.o2o_fields):
            field: Any = table._meta.fields_map[name]
            if field.related_model is not model or field.on_delete not in (CASCADE, SET_NULL):
                continue
            lookup = f"{name}__{path}" if path else field.source_field
            is_deleted = field.on_delete == CASCADE
            yield Dependent(table, name, lookup, is_deleted, direct)
            if is_deleted:
                yield from _dependents(table, lookup, direct=False)


async def attached(row: Model) -> list[tuple[Dependent, int]]:
    """Count the rows that refer to a row, by table."""
    counted = [(dependent, await dependent.count(row.pk)) for dependent in dependents(type(row))]
    return [(dependent, number) for dependent, number in counted if number]
