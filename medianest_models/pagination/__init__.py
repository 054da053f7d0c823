"""Pagination: numbered pages with a total, and cursor pages."""

from medianest_models.pagination.arguments import (
    MAX_LIMIT as MAX_LIMIT,
    PaginationParams as PaginationParams,
    SortOrder as SortOrder,
)
from medianest_models.pagination.keyset import (
    paginate_by_cursor as paginate_by_cursor,
    paginate_by_cursor_json as paginate_by_cursor_json,
)
from medianest_models.pagination.pages import paginate as paginate, paginate_json as paginate_json
from medianest_models.pagination.results import (
    CursorPage as CursorPage,
    JsonPage as JsonPage,
    PaginatedResult as PaginatedResult,
    Pagination as Pagination,
    UncountedPagination as UncountedPagination,
    UncountedResult as UncountedResult,
)
