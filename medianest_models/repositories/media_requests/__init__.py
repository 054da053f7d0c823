"""Requests for films and series: submitting, changing and finding them."""

from medianest_models.repositories.media_requests.followers import follow, followers, list_followed, unfollow
from medianest_models.repositories.media_requests.lookups import (
    counts_by_status,
    find_by_overseerr_id,
    find_by_tmdb_id,
    get,
    history,
    list_by_filters,
    list_for_user,
)
from medianest_models.repositories.media_requests.submissions import SeasonsReport, submit, submit_seasons
from medianest_models.repositories.media_requests.transitions import TransitionReport, transition, transition_many

__all__ = [
    "SeasonsReport",
    "TransitionReport",
    "counts_by_status",
    "find_by_overseerr_id",
    "find_by_tmdb_id",
    "follow",
    "followers",
    "get",
    "history",
    "list_by_filters",
    "list_followed",
    "list_for_user",
    "submit",
    "submit_seasons",
    "transition",
    "transition_many",
    "unfollow",
]
