"""The docstrings that the reference shows name the arguments that there are, and errors that exist; none asks."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import chain
from typing import Any, Final

import pytest

from docs.extensions.public_names import public_names
from medianest_models import errors
from tests.conftest import CHECKOUT
from tests.docs.test_site import ROOMS

FOLDERS: Final = ("medianest_models", "migrations", "tests", "benchmarks", "examples", "docs")


def functions(room: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions of a room, and the public methods of its classes."""
    module = import_module(room)
    for name in public_names(module):
        thing = getattr(module, name)
        if inspect.isroutine(thing):
            yield name, thing
        elif inspect.isclass(thing):
            ours = [f for f in vars(thing).values() if inspect.isfunction(f) and f.__module__ == thing.__module__]
            yield from ((f.__qualname__, f) for f in ours if not f.__name__.startswith("_"))


def named(docstring: str, section: str) -> list[str]:
    """Return the names that a section of a docstring in Google's style describes."""
    found = re.search(rf"^{section}:\n((?:    .*\n|\n)*)", f"{docstring}\n", re.MULTILINE)
    return re.findall(r"^    (\w+):", found[1], re.MULTILINE) if found else []


@pytest.mark.parametrize("room", ROOMS)
def test_they_fit_the_code(room: str) -> None:
    module, problems = import_module(room), []
    for name, function in functions(room):
        docstring = inspect.getdoc(function) or ""
        if not docstring:
            problems.append(f"{name} has no docstring")
        parameters = inspect.signature(function).parameters.values()
        needed = {one.name for one in parameters if one.kind is not one.VAR_KEYWORD} - {"self"}
        described = set(named(docstring, "Args"))
        if described and described != needed:
            problems.append(f"{name} describes {described ^ needed}, or does not")
        raised = named(docstring, "Raises")
        unknown = [error for error in raised if not any(hasattr(place, error) for place in (errors, builtins, module))]
        problems += [f"{name} raises {error}, which does not exist" for error in unknown]
    assert problems == []


def test_what_is_wrong_is_found() -> None:
    docstring = (
        "Do it.\n\nArgs:\n    one: First,\n        and more: much.\n    two: Second.\n\nRaises:\n    OopsError: No.\n"
    )
    assert (named(docstring, "Args"), named(docstring, "Raises")) == (["one", "two"], ["OopsError"])


def questions(code: str) -> list[int]:
    """Return the lines of the docstrings, those of constants too, that begin with What or How."""
    strings = (node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Expr))
    texts = (string for string in strings if isinstance(string, ast.Constant))
    return [text.lineno for text in texts if re.match(r"\s*(What|How)\b", str(text.value))]


def test_none_begins_with_what_or_how() -> None:
    paths = chain(CHECKOUT.glob("*.py"), *((CHECKOUT / folder).rglob("*.py") for folder in FOLDERS))
    assert [f"{path}:{line}" for path in paths for line in questions(path.read_text())] == []


def test_one_that_begins_so_is_found() -> None:
    code = (
        '"""What it is."""\nx = "What"\n"""How much."""\ndef f():\n    """\n    What it does."""\n    """However."""\n'
    )
    assert sorted(questions(code)) == [1, 3, 5]
