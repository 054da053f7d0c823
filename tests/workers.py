"""How the tests are shared out to several test processes."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # it has no types

# What their tests share takes long to make: a database of millions of rows, a browser, all that can leak.
_TOGETHER: Final = ("tests/plans/", "tests/leaks/", "tests/browser/")


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # for the same reason
    """Each process takes the next test when it is done with one; the folders that are to stay together come first.

    (`--dist loadgroup` of pytest-xdist 3.8 does not keep groups together under pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        """The name of the unit that a test is in."""
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid)
