"""Arguments that a function has to refuse."""

from __future__ import annotations

from typing import Any

import pytest


def wrong(**values: list[Any]) -> pytest.MarkDecorator:
    """Run a test for each of the wrong values of each argument, as its `name` and its `value`."""
    cases = [(name, value) for name, wrong_ones in values.items() for value in wrong_ones]
    return pytest.mark.parametrize(("name", "value"), cases)
