"""Columns that hold a JSON document with secrets in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, overload

import orjson
from pydantic import SecretStr

from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import SecretContext, StoredSecret, key_ring
from medianest_models.errors import InvalidInputError
from medianest_models.fields.json import check_depth, dump_json
from medianest_models.fields.naming import column_name
from medianest_models.masking import names_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tortoise.models import Model

    Leaf = Callable[[Any, SecretContext, bool], Any]


class EncryptedJSONField(SecretField):
    """A `jsonb` document in which every text and number under a secret-looking key is encrypted.

    Secret-looking is a key that holds `password`, `token`, `api_key` or `secret`, however it is written, and
    everything below such a key; it reads as `SecretStr`. True, False and None stay as they are.

    Args:
        bound_to: The field with the row's natural key.
        **kwargs: As for any field of Tortoise's.
    """

    SQL_TYPE = "JSONB"
    field_type = dict

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Model]) -> Self: ...
        @overload
        def __get__(self, instance: Model, owner: type[Model]) -> Any: ...
        def __get__(self, instance: Model | None, owner: type[Model]) -> Any: ...
        def __set__(self, instance: Model, value: Any) -> None: ...

    def __init__(self, *, bound_to: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bound_to = bound_to

    def accept(self, value: Any) -> Any:
        """A copy of the document with its secrets as `SecretStr`; encrypting it changes nothing of the caller's."""
        check_depth(value, column_name(self))
        table, column = column_name(self).split(".")
        return _walk(_copy(value), SecretContext(table, column, ""), _hide, secret=False)

    def open(self, sealed: str, instance: Model) -> Any:
        """The document, with its secrets to be decrypted when their value is asked for."""
        return _walk(orjson.loads(sealed.encode()), self.context(instance), _open, secret=False)

    def seal(self, value: Any, instance: Any) -> str:
        """The document as JSON text, its secrets as envelopes; the instance's copy holds them from then on too."""
        check_depth(value, column_name(self))
        sealed = _walk(value, self.context(instance), _seal, secret=False)
        instance.__dict__[self.model_field_name] = sealed
        return dump_json(_envelopes(sealed), column_name(self))

    def is_unsaved(self, value: Any) -> bool:
        """Whether the document holds a plaintext under a secret-looking key."""
        return _holds_plaintext(value, secret=False)


def _walk(node: Any, context: SecretContext, leaf: Leaf, *, secret: bool) -> Any:
    """`node` with `leaf` called for each value in it, in place where it is a dict or a list."""
    if isinstance(node, dict):
        for key, item in node.items():
            if not isinstance(key, str):
                raise InvalidInputError(f"{context.table}.{context.column}: a key must be a text")
            # Quoted, so that a key with a dot or a bracket in it is no path.
            below = context._replace(column=f"{context.column}[{json.dumps(key)}]")
            node[key] = _walk(item, below, leaf, secret=secret or names_secret(key))
        return node
    if isinstance(node, tuple):
        node = list(node)
    if isinstance(node, list):
        for index, item in enumerate(node):
            below = context._replace(column=f"{context.column}[{index}]")
            node[index] = _walk(item, below, leaf, secret=secret)
        return node
    return leaf(node, context, secret)


def _open(node: Any, context: SecretContext, secret: bool) -> Any:  # noqa: FBT001 - one of the walk's leaves
    """A secret for what is stored under a secret-looking key."""
    return StoredSecret(node, context) if secret and isinstance(node, str) else node


def _hide(node: Any, context: SecretContext, secret: bool) -> Any:  # noqa: FBT001 - one of the walk's leaves
    """A secret for a plaintext under a secret-looking key."""
    if node is None or isinstance(node, (bool, SecretStr)):
        return node
    where = f"{context.table}.{context.column}"
    if not isinstance(node, (str, int, float)):
        raise InvalidInputError(f"{where}: {type(node).__name__} is not JSON")
    if not secret:
        return node
    return SecretStr(node if isinstance(node, str) else dump_json(node, where))


def _seal(node: Any, context: SecretContext, secret: bool) -> Any:  # noqa: FBT001 - one of the walk's leaves
    """What is to be stored under a secret-looking key, encrypted; a secret that stays where it is needs no key."""
    if isinstance(node, StoredSecret) and secret and node.context == context:
        return node
    node = _hide(node, context, secret)
    if not isinstance(node, SecretStr):
        return node
    if not secret:
        raise InvalidInputError(
            f"{context.table}.{context.column}: a SecretStr needs a key that names a secret "
            "(password, token, api_key, secret), to be read as one again"
        )
    return StoredSecret(key_ring().encrypt(node.get_secret_value(), context), context)


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copy(item) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_copy(item) for item in node]
    return node


def _envelopes(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _envelopes(item) for key, item in node.items()}
    if isinstance(node, list):
        return [_envelopes(item) for item in node]
    return node.envelope if isinstance(node, StoredSecret) else node


def _holds_plaintext(node: Any, *, secret: bool) -> bool:
    if isinstance(node, dict):
        return any(_holds_plaintext(item, secret=secret or names_secret(str(key))) for key, item in node.items())
    if isinstance(node, list):
        return any(_holds_plaintext(item, secret=secret) for item in node)
    if isinstance(node, SecretStr):
        return not isinstance(node, StoredSecret)
    return secret and isinstance(node, (str, int, float)) and not isinstance(node, bool)
