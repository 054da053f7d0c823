"""The base of all models: ids, checked arguments, secrets that stay secret."""

from __future__ import annotations

import copy
import datetime
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast
from uuid import UUID

from asyncpg import Record
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model
from uuid_utils.compat import uuid7

from medianest_models.encryption import GuardedManager, HashField, SecretField, is_secret, refuse
from medianest_models.errors import MedianestError, NotFoundError, SecretFieldError, UnreadableValueError
from medianest_models.fields.naming import unreadable
from medianest_models.models.hydration import UNREADABLE, hydrator

_NOT_FETCHED: Final = object()
_NO_DATETIME: Final = "an instant that Python has no datetime for (BC, after the year 9999, or infinity)"


def new_id() -> UUID:
    """Make a UUID of version 7 (RFC 9562): later ids sort later, so that an index grows only at its end."""
    return uuid7()


class Base(Model):
    """The base of all models.

    Beyond Tortoise's: an unknown argument is a `TypeError`; a JSON document or a secret is taken as it is given;
    `save()` of a row that is gone is a `NotFoundError`; secrets are in no `dict(instance)` and in no pickle. A stored
    value that can't be read is an `UnreadableValueError` when it is asked for, and hides no other value and no row.
    """

    _verbatim: ClassVar[frozenset[str]] = frozenset()
    _secrets: ClassVar[tuple[SecretField[Any], ...]] = ()
    _bound_to: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        columns = cls._meta.fields_map
        cls._verbatim = frozenset(name for name, field in columns.items() if getattr(field, "verbatim", False))
        cls._secrets = tuple(field for field in columns.values() if isinstance(field, SecretField))
        cls._bound_to = frozenset(field.bound_to for field in cls._secrets if field.bound_to)
        cls._meta.manager = GuardedManager()
        for field in cls._secrets:
            setattr(cls, field.model_field_name, field)  # from where Tortoise took it
        for info in cls._meta._filters.values():
            column = columns.get(info["field"])
            if column is not None and is_secret(column):
                info["operator"] = info["value_encoder"] = functools.partial(refuse, column, "can't be filtered by")

    def __init__(self, **kwargs: Any) -> None:
        self._check_names(kwargs)
        verbatim = {name: kwargs.pop(name) for name in self._verbatim & kwargs.keys()}
        super().__init__(**kwargs)
        for name, value in verbatim.items():
            setattr(self, name, value)

    def update_from_dict(self, data: dict[str, Any]) -> Self:
        """Assign each value to the attribute with its name, or raise a TypeError that there is none."""
        self._check_names(data)
        super().update_from_dict({name: value for name, value in data.items() if name not in self._verbatim})
        for name in self._verbatim & data.keys():
            setattr(self, name, data[name])
        return self

    async def save(
        self,
        using_db: BaseDBAsyncClient | None = None,
        update_fields: Iterable[str] | None = None,
        force_create: bool = False,  # noqa: FBT001, FBT002 - Tortoise's signature
        force_update: bool = False,  # noqa: FBT001, FBT002 - Tortoise's signature
    ) -> None:
        """Write the instance, or only `update_fields` of an existing row; a NotFoundError if that is gone."""
        if update_fields is not None:
            update_fields = self._with_bound_secrets(update_fields)
            if not update_fields:
                return  # Tortoise would write every column
        updates = (self._saved_in_db or update_fields is not None) and not force_create
        try:
            await super().save(using_db, update_fields, force_create, force_update or updates)
        except IntegrityError as error:
            if isinstance(error, MedianestError):
                raise
            raise NotFoundError(f"{type(self).__name__} {self.pk}: the row is gone") from None

    async def refresh_from_db(
        self, fields: Iterable[str] | None = None, using_db: BaseDBAsyncClient | None = None
    ) -> None:
        """Read the instance again, or some of its fields, as Tortoise's `refresh_from_db` does."""
        # Without names, Tortoise uses those of the columns, one of which may also be the name of a relation.
        await super().refresh_from_db(fields or self._meta.fields_db_projection, using_db)

    if not TYPE_CHECKING:  # to a type checker every name would exist

        def __getattr__(self, name: str) -> Any:
            """Raise the error of a value that the instance does not hold: it can't be read, or was not fetched."""
            problem = self.__dict__.get("_unreadable", {}).get(name)
            if problem is not None:
                raise UnreadableValueError(problem)
            if name in self._meta.fields_db_projection:
                raise AttributeError(f"{type(self).__name__}.{name} was not fetched")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, key: str, value: Any) -> None:
        if key in self._bound_to and self.__dict__.get(key, _NOT_FETCHED) != value:
            for field in self._secrets:
                getattr(self, field.model_field_name, None)  # bind it to the row's previous natural key
        super().__setattr__(key, value)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        known = self.__dict__.keys() | self.__dict__.get("_unreadable", ())
        for name in self._meta.fields_db_projection:
            if not is_secret(self._meta.fields_map[name]) and name in known:
                yield name, getattr(self, name)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for field in self._secrets:
            name = field.model_field_name
            if isinstance(field, HashField):  # is left out, saved or not
                if state.pop(name, None) is not None:
                    state["_partial"] = True  # so that save() without update_fields names the missing fields
            elif field.is_unsaved(state.get(name)):
                raise SecretFieldError(f"{type(self).__name__}.{name} was set and not saved: save it, then pickle")
        return state

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        vars(twin).update(self.__dict__)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        vars(twin).update(copy.deepcopy(self.__dict__, memo))
        return twin

    @classmethod
    def from_row(cls, row: Mapping[str, Any] | Record, columns: tuple[str, ...] | None = None) -> Self:
        """Make the instance for a row of this table with all columns, such as the result of a raw statement.

        Args:
            row: The row; columns that the table does not have are left out.
            columns: The names of all its columns, in their order; None for its own.
        """
        columns = columns or tuple(row.keys())
        values = tuple(row.values())
        hydrate = hydrator(cls, columns)
        if hydrate is None:
            return cls._init_from_db(**dict(zip(columns, values, strict=True)))
        (instance,) = hydrate((values,))
        return cast("Self", instance)

    @classmethod
    def _init_from_db(cls, **values: Any) -> Self:
        try:
            return super()._init_from_db(**values)
        except UNREADABLE:
            return cls._with_unreadable(values)

    @classmethod
    def _with_unreadable(cls, values: dict[str, Any]) -> Self:
        """Make the instance for a row with unreadable values; reading one of their attributes raises an error."""
        readable, problems = dict(values), {}
        row = values.get(cls._meta.db_pk_column)
        for column in values.keys() & cls._meta.fields_db_projection_reverse.keys():
            name = cls._meta.fields_db_projection_reverse[column]
            try:
                cls._meta.fields_map[name].to_python_value(values[column])
            except UNREADABLE as error:
                is_instant = isinstance(values[column], datetime.datetime)
                reason = _NO_DATETIME if is_instant else str(error).partition(": ")[2]
                problems[name] = str(unreadable(cls._meta.fields_map[name], row, reason))
                readable[column] = None
        instance = super()._init_from_db(**readable)
        for name in problems:
            del vars(instance)[name]
        vars(instance)["_unreadable"] = problems
        return instance

    @classmethod
    def _check_names(cls, names: Iterable[str]) -> None:
        for name in names:
            if name not in cls._meta.fields_map:
                raise TypeError(f"{cls.__name__} has no field {name!r}")

    def _with_bound_secrets(self, names: Iterable[str]) -> list[str]:
        """Return `names`, plus the secrets that are bound to a natural key among them."""
        chosen = list(names)
        for field in self._secrets:
            name = field.model_field_name
            if field.bound_to in chosen and name not in self.__dict__:
                refuse(field, f"is bound to {field.bound_to}, which can't be changed unless it was fetched too")
            if field.bound_to in chosen and name not in chosen and self.__dict__[name] is not None:
                chosen.append(name)
        return chosen


class UUIDModel(Base):
    """A model whose id is a UUID, made here or by the database."""

    id = fields.UUIDField(primary_key=True, default=new_id, db_default=SqlDefault("medianest_uuid_v7()"))

    class Meta:
        abstract = True
