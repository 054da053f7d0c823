"""Query sets that reject operations that could show or destroy a secret."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar, cast

from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import (
    BulkCreateQuery,
    BulkUpdateQuery,
    QuerySet,
    UnionQuery,
    UpdateQuery,
    ValuesListQuery,
    ValuesQuery,
)

from medianest_models.encryption.fields import SecretField, is_secret, refuse

ModelT = TypeVar("ModelT", bound=Model)


class GuardedQuerySet(QuerySet[ModelT]):
    """Tortoise's query set without the ways around a secret column.

    The field itself rejects filters, sorts, functions and expressions (`SecretField`); this class covers the methods
    that take a column by its name.
    """

    __slots__ = ()

    def values(self, *args: str, **kwargs: str) -> ValuesQuery[Any]:
        """As Tortoise's, but reject a secret column, also if no name is given, which means all columns."""
        names = [*args, *kwargs.values()] or self.model._meta.fields_db_projection
        _refuse_secrets(self.model, names, "can't be in values()")
        return super().values(*args, **kwargs)

    def values_list(self, *fields_: str, flat: bool = False) -> ValuesListQuery[Any]:
        """As Tortoise's, but reject a secret column, also if no name is given, which means all columns."""
        # Without names, Tortoise uses those of the columns, one of which may also be the name of a relation.
        names = fields_ or (*self.model._meta.fields_db_projection, *self._annotations)
        _refuse_secrets(self.model, names, "can't be in values_list()")
        return super().values_list(*names, flat=flat)

    def group_by(self, *fields: str) -> QuerySet[ModelT]:
        """As Tortoise's, but reject a secret column."""
        _refuse_secrets(self.model, fields, "can't be grouped by")
        return super().group_by(*fields)

    def union(self, *other_qs: QuerySet[ModelT], all: bool = False) -> UnionQuery[ModelT]:  # noqa: A002 - Tortoise's signature
        """As Tortoise's, but the result can't be sorted by a secret column."""
        return GuardedUnionQuery(self.model, self._db, *cast("Any", (self, *other_qs)), all=all)

    def update(self, **kwargs: Any) -> UpdateQuery:
        """As Tortoise's, but reject a secret column and the natural key that its ciphertext is bound to."""
        self._refuse_bulk_write(kwargs)
        return super().update(**kwargs)

    def bulk_update(
        self, objects: Iterable[ModelT], fields: Iterable[str], batch_size: int | None = None
    ) -> BulkUpdateQuery[ModelT]:
        """As Tortoise's, but reject a secret column and the natural key that its ciphertext is bound to."""
        fields = list(fields)
        self._refuse_bulk_write(fields)
        return super().bulk_update(objects, fields, batch_size)

    def bulk_create(
        self,
        objects: Iterable[ModelT],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002 - Tortoise's signature
        update_fields: Iterable[str] | None = None,
        on_conflict: Iterable[str] | None = None,
    ) -> BulkCreateQuery[ModelT]:
        """As Tortoise's, but replace an existing row's secret only on a conflict of the natural key."""
        update_fields = None if update_fields is None else list(update_fields)
        on_conflict = None if on_conflict is None else list(on_conflict)
        for field in _secrets(self.model):
            if field.bound_to is None or on_conflict != [field.bound_to]:
                self._refuse_bulk_write(update_fields or (), [field])
        return super().bulk_create(objects, batch_size, ignore_conflicts, update_fields, on_conflict)

    def _refuse_bulk_write(self, names: Collection[str], secrets: Iterable[SecretField[Any]] | None = None) -> None:
        for field in _secrets(self.model) if secrets is None else secrets:
            if field.model_field_name in names:
                refuse(field, "is written with an instance's save() only")
            if field.bound_to is not None and field.bound_to in names:
                refuse(field, f"is bound to {field.bound_to}, which is written with an instance's save() only")


class GuardedUnionQuery(UnionQuery[ModelT]):
    """Tortoise's union of query sets, which sorts by a column's name without asking its field."""

    __slots__ = ()

    def order_by(self, *orderings: str) -> UnionQuery[ModelT]:
        """As Tortoise's, but reject a secret column."""
        for model in self._models:
            _refuse_secrets(model, [name.removeprefix("-") for name in orderings], "can't be sorted by")
        return super().order_by(*orderings)


class GuardedManager(Manager):
    """The manager of every model here."""

    def get_queryset(self) -> QuerySet[Any]:
        """Make a query set that guards the model's secrets."""
        return GuardedQuerySet(cast("type[Model]", self._model))


def _refuse_secrets(model: type[Model], lookups: Iterable[str], what: str) -> None:
    for lookup in lookups:
        reached: Any = model
        for name in lookup.split("__"):
            field = reached._meta.fields_map.get(name)
            if field is None:
                break  # an annotation, or a mistake that Tortoise reports
            if is_secret(field):
                refuse(field, what)
            reached = getattr(field, "related_model", None)
            if reached is None:
                break


def _secrets(model: type[Model]) -> list[SecretField[Any]]:
    return [field for field in model._meta.fields_map.values() if isinstance(field, SecretField)]
