"""Columns that hold secrets: encrypted strings, hashes, and the base of both.

A field with `secret = True` is refused in filters, sorts, expressions, `values()` and bulk updates: each of them
would show the secret, let a caller guess it, or write it in the clear. The field is the attribute of the model's
class too: the instance holds what is stored, and the attribute gives it as a `SecretStr`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, overload

from pydantic import SecretStr
from pypika_tortoise.terms import Term
from tortoise.fields.base import VALUE, Field
from tortoise.models import Model

from medianest_models.checks import as_text
from medianest_models.encryption.keys import SecretContext, key_ring
from medianest_models.encryption.stored_secrets import SecretParameter, StoredSecret, StoredValue
from medianest_models.errors import InvalidInputError, SecretFieldError
from medianest_models.fields.naming import column_name


def is_secret(field: Field[Any]) -> bool:
    """Return whether a field's value must not be shown, sorted by or searched for."""
    return getattr(field, "secret", False)


class SecretField(Field[VALUE]):
    """The base of all secret columns: the refusals, and the attribute on the model's class.

    An encrypted value is bound to its row by the row's natural key, which is in the field `bound_to`.
    """

    secret: Final = True
    verbatim: Final = True
    indexable = False

    class _db_postgres:  # noqa: N801 - Tortoise finds it by this name
        @staticmethod
        def function_cast(field: Field[Any], term: Term) -> NoReturn:  # noqa: ARG004 - Tortoise's signature
            """Raise an error when a sort, filter, function or expression uses the column."""
            refuse(field, "can't be filtered, sorted by or used in an expression")

    def __init__(self, *, bound_to: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bound_to = bound_to

    @overload
    def __get__(self, instance: None, owner: type[Model]) -> Self: ...
    @overload
    def __get__(self, instance: Model, owner: type[Model]) -> VALUE: ...
    def __get__(self, instance: Model | None, owner: type[Model]) -> Any:
        """Give an instance's secret; on the class, the field."""
        if instance is None:
            return self
        held, name = vars(instance), self.model_field_name
        if name not in held:
            raise AttributeError(name)  # for which Base.__getattr__ raises one that says why
        if isinstance(held[name], StoredValue):
            held[name] = self.from_stored(held[name].stored, instance)
        return held[name]

    def __set__(self, instance: Model, value: Any) -> None:
        """Keep a value that the database returned; treat every other value as a plaintext."""
        kept = value if isinstance(value, StoredValue) else self.from_assigned(value)
        vars(instance)[self.model_field_name] = kept

    def to_python_value(self, value: Any) -> Any:
        """Mark a value as returned by the database: every other assigned value is a plaintext."""
        return None if value is None else StoredValue(value)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> SecretParameter | None:
        """Make what is stored for an instance's value; without an instance, as in a filter or an update, refuse."""
        if not hasattr(instance, "_saved_in_db"):
            refuse(self, "can't be filtered by, or written other than with an instance's save()")
        return None if value is None else SecretParameter(self.to_stored(value, instance))

    def from_assigned(self, value: Any) -> Any:
        """Make what the instance keeps of a plaintext that is assigned, also of one that looks like an envelope."""
        if value is None or isinstance(value, SecretStr):
            return value
        if not isinstance(value, str):
            raise InvalidInputError(f"{column_name(self)}: must be a text, not {type(value).__name__}")
        return SecretStr(value)

    @abstractmethod
    def from_stored(self, stored: str, instance: Model) -> Any:
        """Convert the stored form to the attribute's value."""

    @abstractmethod
    def to_stored(self, value: Any, instance: Any) -> str:
        """Convert the attribute's value to the stored form."""

    def is_unsaved(self, value: Any) -> bool:
        """Return whether the instance's value is, or contains, an unsaved plaintext."""
        return isinstance(value, SecretStr) and not isinstance(value, StoredSecret)

    def context(self, instance: Model) -> SecretContext:
        """Name the place in the database of this field of an instance, whose natural key has to be known."""
        row = instance.__dict__.get(self.bound_to or "")
        if not isinstance(row, str):
            refuse(self, f"needs the row's {self.bound_to}: give it to a new row, name it in only() for another")
        table, column = column_name(self).split(".")
        return SecretContext(table, column, row)


class EncryptedField(SecretField[SecretStr | None]):
    """A text column that is encrypted. It reads as `SecretStr`; a `str` or a `SecretStr` can be assigned."""

    SQL_TYPE = "TEXT"
    field_type = str

    if TYPE_CHECKING:

        def __set__(self, instance: Model, value: str | SecretStr | None) -> None: ...

    def from_stored(self, stored: str, instance: Model) -> StoredSecret:
        """Make a secret that is decrypted only when code asks for its value."""
        return StoredSecret(stored, self.context(instance))

    def to_stored(self, value: SecretStr, instance: Any) -> str:
        """Encrypt; an unchanged secret keeps its envelope and needs no key."""
        context = self.context(instance)
        if not (isinstance(value, StoredSecret) and value.context == context):
            value = StoredSecret(key_ring().encrypt(value.get_secret_value(), context), context)
            instance.__dict__[self.model_field_name] = value
        return value.envelope


class HashField(SecretField[SecretStr]):
    """A varchar column with the hash of a token or a password; it reads as `SecretStr`, and pickles leave it out."""

    field_type = str
    indexable = True

    if TYPE_CHECKING:

        def __set__(self, instance: Model, value: str | SecretStr) -> None: ...

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length

    @property
    def SQL_TYPE(self) -> str:  # type: ignore[override]  # noqa: N802 - Tortoise's name; a property, as its CharField's
        """The column's type."""
        return f"VARCHAR({self.max_length})"

    def from_stored(self, stored: str, instance: Model) -> SecretStr:  # noqa: ARG002 - as its siblings
        """Wrap a hash."""
        return SecretStr(stored)

    def to_stored(self, value: SecretStr, instance: Any) -> str:  # noqa: ARG002 - as its siblings
        """Unwrap a hash."""
        text = value.get_secret_value()
        return as_text(text, column_name(self), max_length=self.max_length, may_be_empty=True)


def refuse(field: Field[Any], what: str, *_: object) -> NoReturn:
    """Raise the error for an unsafe use of a secret field; also called as the operator of a filter."""
    raise SecretFieldError(f"{column_name(field)} is secret: it {what}")
