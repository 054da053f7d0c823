"""Columns that hold a JSON document with secrets in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, TypeAlias

from pydantic import SecretStr
from tortoise.models import Model

from medianest_models.encryption.fields import SecretField
from medianest_models.encryption.keys import SecretContext, envelope_key_id, key_ring
from medianest_models.encryption.stored_secrets import StoredSecret
from medianest_models.errors import InvalidInputError
from medianest_models.fields.json import check_depth, dump_json, load_json, map_leaves
from medianest_models.fields.naming import column_name, unreadable
from medianest_models.masking import names_secret

Leaf: TypeAlias = Callable[[Any, SecretContext, "Secrecy"], Any]


class Secrecy(IntEnum):
    """Whether a value is secret, judged by the keys above it."""

    NONE = 0
    SINCE_SOME_RELEASE = 1
    """A secret that an earlier release may have stored unencrypted."""
    ALWAYS = 2
    """A secret in every release: an unencrypted value was written by another client."""


_ALWAYS: Final = re.compile("password|token|apikey|secret")


class EncryptedJSONField(SecretField[Any]):
    """A `jsonb` document in which every string and number under a key that names a secret is encrypted.

    This includes all nested values below such a key (`masking.names_secret`); they read as `SecretStr`. True, False and
    None are not encrypted. A value that was stored before its key counted as secret is read unchanged, and encrypted
    when it is written again.
    """

    SQL_TYPE = "JSONB"
    field_type = dict

    def from_assigned(self, value: Any) -> Any:
        """Copy a document, with secrets as `SecretStr`: encryption must not change the caller's document."""
        check_depth(value, column_name(self))
        table, column = column_name(self).split(".")
        return _walk(map_leaves(value, lambda leaf: leaf), SecretContext(table, column, ""), _from_assigned)

    def from_stored(self, stored: str, instance: Model) -> Any:
        """Read a document, its secrets to be decrypted when their value is asked for; one may be unreadable."""
        try:
            document = load_json(stored)
            check_depth(document, column_name(self))
        except ValueError as error:
            raise unreadable(self, instance.pk, str(error).rpartition(": ")[2]) from None
        return _walk(document, self.context(instance), _from_stored)

    def to_stored(self, value: Any, instance: Any) -> str:
        """Write a document as JSON, with its secrets as envelopes, which the instance then holds too."""
        check_depth(value, column_name(self))
        document = _walk(value, self.context(instance), _to_stored)
        instance.__dict__[self.model_field_name] = document
        envelopes = map_leaves(document, lambda leaf: leaf.envelope if isinstance(leaf, StoredSecret) else leaf)
        return dump_json(envelopes, column_name(self))

    def is_unsaved(self, value: Any) -> bool:
        """Whether the document holds a secret that is not encrypted."""
        return any(
            not isinstance(leaf, StoredSecret)
            and (isinstance(leaf, SecretStr) or (bool(secrecy) and leaf is not None and not isinstance(leaf, bool)))
            for leaf, secrecy in leaves(value)
        )


def leaves(node: Any, secrecy: Secrecy = Secrecy.NONE) -> Iterator[tuple[Any, Secrecy]]:
    """Iterate over the values of a document, each with its secrecy by the keys above it."""
    if isinstance(node, dict):
        for key, item in node.items():
            yield from leaves(item, max(secrecy, _secrecy(str(key))))
    elif isinstance(node, (list, tuple)):
        for item in node:
            yield from leaves(item, secrecy)
    else:
        yield node, secrecy


def _secrecy(key: str) -> Secrecy:
    if not names_secret(key):
        return Secrecy.NONE
    always = _ALWAYS.search(re.sub("[^a-z0-9]", "", key.lower())) is not None
    return Secrecy.ALWAYS if always else Secrecy.SINCE_SOME_RELEASE


def _walk(node: Any, context: SecretContext, leaf: Leaf, secrecy: Secrecy = Secrecy.NONE) -> Any:
    """Replace each value in `node` by the result of `leaf`; dicts and lists are changed in place."""
    if isinstance(node, dict):
        for key, item in node.items():
            if not isinstance(key, str):
                raise InvalidInputError(f"{context.name}: a key must be a text")
            # Quoted, so that a key with a dot or a bracket is not read as a path.
            below = context._replace(column=f"{context.column}[{json.dumps(key)}]")
            node[key] = _walk(item, below, leaf, max(secrecy, _secrecy(key)))
        return node
    if isinstance(node, tuple):
        node = list(node)
    if isinstance(node, list):
        for index, item in enumerate(node):
            node[index] = _walk(item, context._replace(column=f"{context.column}[{index}]"), leaf, secrecy)
        return node
    return leaf(node, context, secrecy)


def _from_stored(node: Any, context: SecretContext, secrecy: Secrecy) -> Any:
    """Wrap a stored value as a secret if its place is secret."""
    is_text = isinstance(node, str)
    if is_text and (secrecy is Secrecy.ALWAYS or (secrecy and envelope_key_id(node) is not None)):
        return StoredSecret(node, context)
    return _from_assigned(node, context, secrecy)


def _from_assigned(node: Any, context: SecretContext, secrecy: Secrecy) -> Any:
    """Wrap a plaintext as a secret if its place is secret."""
    if node is None or isinstance(node, (bool, SecretStr)):
        return node
    if not isinstance(node, (str, int, float, Decimal)):
        raise InvalidInputError(f"{context.name}: {type(node).__name__} is not JSON")
    if not secrecy:
        return node
    return SecretStr(node if isinstance(node, str) else dump_json(node, context.name))


def _to_stored(node: Any, context: SecretContext, secrecy: Secrecy) -> Any:
    """Encrypt a value if its place is secret; an unchanged secret keeps its envelope and needs no key."""
    if isinstance(node, StoredSecret) and secrecy and node.context == context:
        return node
    node = _from_assigned(node, context, secrecy)
    if not isinstance(node, SecretStr):
        return node
    if not secrecy:
        raise InvalidInputError(
            f"{context.name}: a SecretStr needs a key that names a secret "
            "(password, token, api_key, secret), to be read as one again"
        )
    return StoredSecret(key_ring().encrypt(node.get_secret_value(), context), context)
