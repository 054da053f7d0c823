"""Requests for films and series: submitting, changing and finding them."""

from medianest_models.repositories.media_requests.followers import (
    follow as follow,
    followers as followers,
    list_followed as list_followed,
    unfollow as unfollow,
)
from medianest_models.repositories.media_requests.lookups import (
    counts_by_status as counts_by_status,
    find_by_overseerr_id as find_by_overseerr_id,
    find_by_tmdb_id as find_by_tmdb_id,
    get as get,
    history as history,
    list_by_filters as list_by_filters,
    list_for_user as list_for_user,
)
from medianest_models.repositories.media_requests.submissions import (
    SeasonsReport as SeasonsReport,
    submit as submit,
    submit_seasons as submit_seasons,
)
from medianest_models.repositories.media_requests.transitions import (
    TransitionReport as TransitionReport,
    transition as transition,
    transition_many as transition_many,
)
