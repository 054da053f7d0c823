"""The tests of this folder take minutes and programs that `python -m examples.cluster --install` installs."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def cluster_is_wanted(request: pytest.FixtureRequest) -> None:
    """Skip the tests without `--cluster`."""
    if not request.config.getoption("--cluster"):
        pytest.skip("needs --cluster")
