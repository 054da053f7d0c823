"""The columns of the models and the fields of the schemas in the reference: they have no docstrings of their own."""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation
from tortoise.fields.relational import ForeignKeyFieldInstance, RelationalField
from tortoise.models import Model

from medianest_models import schemas
from medianest_models.encryption import is_secret


def add_columns(_app: Sphinx, _what: str, _name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    """Append them to the docstring of the class."""
    if not inspect.isclass(thing):
        return
    if issubclass(thing, Model):
        lines += ["", "Columns:", "", *_columns(thing), ""]
    elif issubclass(thing, BaseModel) and thing.__name__ in schemas.__all__:
        lines += ["", "Fields:", "", *_fields(thing), ""]


def _columns(model: type[Model]) -> list[str]:
    fields = model._meta.fields_map
    references = {
        field.source_field: field.related_model.__name__
        for field in fields.values()
        if isinstance(field, ForeignKeyFieldInstance)
    }
    lines = []
    for name, field in fields.items():
        if isinstance(field, RelationalField):
            continue
        notes = [f"``{field.get_for_dialect('postgres', 'SQL_TYPE').lower()}``"]
        notes += ["nullable"] if field.null else []
        notes += ["unique"] if field.unique and not field.pk else []
        notes += ["secret"] if is_secret(field) else []
        notes += [f"a `{enum.__name__}`"] if (enum := getattr(field, "enum_type", None)) else []
        notes += [f"of a `{references[name]}`"] if name in references else []
        lines.append(f"* ``{name}``: {', '.join(notes)}")
    return lines


def _fields(schema: type[BaseModel]) -> list[str]:
    lines = []
    for name, field in schema.model_fields.items():
        annotation = re.sub(r"~?(\w+\.)+", "", stringify_annotation(field.annotation))
        lines.append(f"* ``{name}``: ``{annotation}``{'' if field.is_required() else ', optional'}")
    return lines


def hide_signature(_app: Sphinx, _what: str, _name: str, thing: Any, *_: Any) -> tuple[str, None] | None:
    """Leave out the arguments of a class whose fields are listed."""
    listed = inspect.isclass(thing) and issubclass(thing, (Model, BaseModel))
    return ("", None) if listed else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect both."""
    app.connect("autodoc-process-docstring", add_columns)
    app.connect("autodoc-process-signature", hide_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
