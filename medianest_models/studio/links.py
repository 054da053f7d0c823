"""Links from a row to the sites that know its title or playlist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from medianest_models.studio.fields import TextField

Link: TypeAlias = Callable[[Mapping[str, Any]], str | None]
"""Returns the URL for a row as it is shown; None if there is none that is known to be harmless."""


def _tmdb(row: Mapping[str, Any]) -> str | None:
    kind, number = str(row["media_type"]), str(row["tmdb_id"])
    is_known = kind in ("movie", "tv") and re.fullmatch("[0-9]+", number)
    return f"https://www.themoviedb.org/{kind}/{number}" if is_known else None


def _imdb(row: Mapping[str, Any]) -> str | None:
    number = str(row["imdb_id"])
    return f"https://www.imdb.com/title/{number}/" if re.fullmatch("tt[0-9]+", number) else None


def _playlist(row: Mapping[str, Any]) -> str | None:
    url = str(row["playlist_url"])
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


LINKS: Final[dict[str, Link]] = {"tmdb_id": _tmdb, "imdb_id": _imdb, "playlist_url": _playlist}
"""The columns that link to another site."""


@dataclass
class LinkField(TextField):
    """A short text with a link to another site."""

    list_template: str = "fields/link.html"
    detail_template: str = "fields/link.html"
    link: Link | None = None
