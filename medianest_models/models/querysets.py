"""Query sets that refuse what could show or destroy a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tortoise.manager import Manager
from tortoise.models import Model
from tortoise.queryset import QuerySet

from medianest_models.fields import is_secret
from medianest_models.fields.secrets import SecretField, refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tortoise.queryset import BulkCreateQuery, BulkUpdateQuery, UpdateQuery, ValuesListQuery, ValuesQuery

ModelT = TypeVar("ModelT", bound=Model)


class GuardedQuerySet(QuerySet[ModelT]):
    """Tortoise's query set without the ways around a secret column.

    Filters, sorts, functions and expressions are refused by the field itself (`SecretField`); here are those that
    take a column by its name.
    """

    __slots__ = ()

    def values(self, *args: str, **kwargs: str) -> ValuesQuery[Any]:
        """As Tortoise's; a secret column is refused, also where no name means all of them."""
        self._refuse_secrets([*args, *kwargs.values()] or self.model._meta.db_fields, "can't be in values()")
        return super().values(*args, **kwargs)

    def values_list(self, *fields_: str, flat: bool = False) -> ValuesListQuery[Any]:
        """As Tortoise's; a secret column is refused, also where no name means all of them."""
        self._refuse_secrets(fields_ or self.model._meta.db_fields, "can't be in values_list()")
        return super().values_list(*fields_, flat=flat)

    def group_by(self, *fields: str) -> QuerySet[ModelT]:
        """As Tortoise's; a secret column is refused."""
        self._refuse_secrets(fields, "can't be grouped by")
        return super().group_by(*fields)

    def update(self, **kwargs: Any) -> UpdateQuery:
        """As Tortoise's; a secret column is refused, and so is the key that its ciphertext is bound to."""
        self._refuse_bulk_write(kwargs)
        return super().update(**kwargs)

    def bulk_update(
        self, objects: Iterable[ModelT], fields: Iterable[str], batch_size: int | None = None
    ) -> BulkUpdateQuery[ModelT]:
        """As Tortoise's; a secret column is refused, and so is the key that its ciphertext is bound to."""
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
        """As Tortoise's; an existing row's secret is replaced only where the conflict is on the row's natural key."""
        update_fields = None if update_fields is None else list(update_fields)
        on_conflict = None if on_conflict is None else list(on_conflict)
        for field in _secrets(self.model):
            if field.bound_to is None or on_conflict != [field.bound_to]:
                self._refuse_bulk_write(update_fields or (), [field])
        return super().bulk_create(objects, batch_size, ignore_conflicts, update_fields, on_conflict)

    def _refuse_secrets(self, lookups: Iterable[str], what: str) -> None:
        for lookup in lookups:
            model: Any = self.model
            for name in lookup.split("__"):
                field = model._meta.fields_map.get(name)
                if field is None:
                    break  # an annotation, or a mistake that Tortoise names
                if is_secret(field):
                    refuse(field, what)
                model = getattr(field, "related_model", None)
                if model is None:
                    break

    def _refuse_bulk_write(self, names: Collection[str], secrets: Iterable[SecretField] | None = None) -> None:
        for field in _secrets(self.model) if secrets is None else secrets:
            if field.model_field_name in names:
                refuse(field, "is written with an instance's save() only")
            if field.bound_to is not None and field.bound_to in names:
                refuse(field, f"is bound to {field.bound_to}, which is written with an instance's save() only")


class GuardedManager(Manager):
    """The manager of every model here."""

    def get_queryset(self) -> QuerySet[Any]:
        """A query set that guards the model's secrets."""
        return GuardedQuerySet(self._model)


def _secrets(model: type[Model]) -> list[SecretField]:
    return [field for field in model._meta.fields_map.values() if isinstance(field, SecretField)]
