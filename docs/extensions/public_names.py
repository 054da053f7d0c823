"""The directive `public-names`: the reference of a room's public names, none forgotten.

    .. public-names:: medianest_models.repositories.users

A name that the package's root exports is documented as the root's, because that is where it is imported from.
"""

from __future__ import annotations

import ast
import inspect
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

import medianest_models

_PREFIXES: Final = ("medianest_models", "medianest_models.repositories", "medianest_models.db")
_QUOTED: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_NAME: Final = re.compile(r"([A-Za-z_][\w.]*)(\(\))?")


def public_names(room: ModuleType) -> list[str]:
    """Return the public names of a room in their order.

    Those are the names in its `__all__`; of a package without one, what it re-exports (`name as name`); of a module,
    the functions, classes and types that it defines, without hooks of pytest, or those of them that the package's root
    exports.
    """
    if hasattr(room, "__all__"):
        return list(room.__all__)
    if exported := _exported(room):
        return list(exported)
    defined = [name for node in _body(room) for name in _defined(node) if not name.startswith(("_", "pytest_"))]
    return [name for name in defined if name in medianest_models.__all__] or defined


def _body(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body


def _exported(room: ModuleType) -> dict[str, str]:
    """Return the names that a package re-exports, and the modules that define them."""
    return {
        alias.name: str(node.module)
        for node in _body(room)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name and not inspect.ismodule(getattr(room, alias.name))
    }


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript()):
            return [name]
    return []


def home(room: ModuleType, name: str) -> ModuleType:
    """Return the module from which a public name is imported."""
    return medianest_models if name in medianest_models.__all__ else room


class PublicNames(SphinxDirective):
    """The module's docstring, and an entry for each public name."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[Any]:
        """Write the entries, for autodoc to fill."""
        room = import_module(self.arguments[0])
        lines = [f".. automodule:: {room.__name__}", "   :no-members:", ""]
        for name in public_names(room):
            lines += [f".. currentmodule:: {home(room, name).__name__}", "", *_entry(name, getattr(room, name)), ""]
        return self.parse_text_to_nodes("\n".join(lines))


def _entry(name: str, thing: Any) -> list[str]:
    if inspect.isclass(thing):
        if issubclass(thing, BaseException):
            return [f".. autoexception:: {name}", "   :show-inheritance:"]
        return [f".. autoclass:: {name}", *(["   :undoc-members:"] if issubclass(thing, Enum) else [])]
    return [f".. auto{'function' if inspect.isroutine(thing) else 'data'}:: {name}"]


def mark_code(_app: Sphinx, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Mark as code what stands between backticks and is no name, which alone the default role can take for a link.

    An empty comment before it keeps napoleon from taking a value's docstring for `type: description`.
    """
    text = _QUOTED.sub(lambda found: found[0] if _NAME.fullmatch(found[1]) else f"``{found[1]}``", "\n".join(lines))
    lines[:] = [*(["..", ""] if what in {"attribute", "data", "property"} else []), *text.split("\n")]


def replace_value_docstring(_app: Sphinx, what: str, name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Take a constant's docstring from the module that defines it: autodoc takes that of the value's type."""
    if what == "data":
        module, _, short = name.rpartition(".")
        room = import_module(module)
        analyzer = ModuleAnalyzer.for_module(_exported(room).get(short, module))
        lines[:] = analyzer.find_attr_docs().get(("", short), [])


def skip_member(_app: Sphinx, _what: str, name: str, thing: Any, _skip: bool, _options: Any) -> bool | None:  # noqa: FBT001
    """Leave out what Tortoise, pydantic and Python give to a class; the class describes a named tuple's fields."""
    unwanted = name in {"Meta", "model_config", "model_post_init"} or type(thing).__name__ == "_tuplegetter"
    return True if unwanted else None


def resolve_short_name(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """Find what a docstring calls `users.get` or `NotFoundError`, as callers do."""
    name = _NAME.fullmatch(str(node.get("reftarget", "")))
    if node.get("refdomain") != "py" or name is None:
        return None
    domain = env.domains.python_domain
    for prefix in _PREFIXES:
        target = f"{prefix}.{name[1]}"
        if target in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("public-names", PublicNames)
    for change in (replace_value_docstring, mark_code):
        app.connect("autodoc-process-docstring", change, priority=400)  # before napoleon
    app.connect("autodoc-skip-member", skip_member)
    app.connect("missing-reference", resolve_short_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
