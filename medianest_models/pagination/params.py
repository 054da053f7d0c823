"""The arguments of a page: its number, its length and its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from medianest_models.checks import is_whole
from medianest_models.errors import InvalidPaginationError, InvalidSortError

SortOrder = Literal["asc", "desc"]

MAX_LIMIT: Final = 100
"""The most rows on a page."""

_MAX_BIGINT: Final = 2**63 - 1
_MAX_SHOWN: Final = 50


@dataclass(frozen=True)
class PaginationParams:
    """The number of a page, its length, and the order of its list.

    Attributes:
        page: The page's number, from 1.
        limit: The most rows on a page, from 1 to 100.
        sort_by: The column to sort by; None for the list's own order.
        sort_order: `asc` or `desc`, of `sort_by` or of the model's own column.

    Raises:
        InvalidPaginationError: `page` or `limit` is out of range, or more rows come before than a bigint can count.
        InvalidSortError: `sort_order` is neither of the two.
    """

    page: int = 1
    limit: int = 20
    sort_by: str | None = None
    sort_order: SortOrder = "desc"

    def __post_init__(self) -> None:
        if not is_whole(self.limit, 1, MAX_LIMIT):
            raise InvalidPaginationError(
                f"limit: must be a whole number from 1 to {MAX_LIMIT}, not {shown(self.limit)}"
            )
        if not is_whole(self.page, 1):
            raise InvalidPaginationError(f"page: must be a whole number from 1, not {shown(self.page)}")
        if self.offset > _MAX_BIGINT:
            raise InvalidPaginationError("page: is too high")
        if self.sort_order not in ("asc", "desc"):
            raise InvalidSortError(f"sort_order: must be asc or desc, not {shown(self.sort_order)}")

    @property
    def offset(self) -> int:
        """The number of rows before the page."""
        return (self.page - 1) * self.limit


def shown(value: object) -> str:
    """Write an argument as an error shows it: as it is when it is short and plain, otherwise by its type."""
    is_text = isinstance(value, str) and len(value) <= _MAX_SHOWN
    is_number = isinstance(value, int) and abs(value) <= _MAX_BIGINT
    return repr(value) if is_text or is_number else f"a value of type {type(value).__name__}"
