"""The docstrings that the reference shows name the arguments that there are, and errors that exist."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from docs.extensions.public_names import public_names
from medianest_models import errors
from tests.docs.test_site import ROOMS


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
