"""Pagination: numbered pages with a total, and cursor pages."""

from medianest_models.pagination.arguments import MAX_LIMIT, PaginationParams, SortOrder
from medianest_models.pagination.keyset import paginate_by_cursor
from medianest_models.pagination.pages import paginate
from medianest_models.pagination.results import CursorPage, PaginatedResult, Pagination

__all__ = [
    "MAX_LIMIT",
    "CursorPage",
    "PaginatedResult",
    "Pagination",
    "PaginationParams",
    "SortOrder",
    "paginate",
    "paginate_by_cursor",
]
