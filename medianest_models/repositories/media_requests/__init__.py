"""Requests for films and series: submitting, changing and finding them."""

from medianest_models.repositories.media_requests.lookups import (
    counts_by_status,
    find_by_overseerr_id,
    find_by_tmdb_id,
    get,
    history,
    list_by_filters,
    list_for_user,
)
from medianest_models.repositories.media_requests.transitions import (
    TransitionReport,
    submit,
    transition,
    transition_many,
)

__all__ = [
    "TransitionReport",
    "counts_by_status",
    "find_by_overseerr_id",
    "find_by_tmdb_id",
    "get",
    "history",
    "list_by_filters",
    "list_for_user",
    "submit",
    "transition",
    "transition_many",
]
