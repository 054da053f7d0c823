"""The rules of this portal that are not the package's: which URLs are playlists, and who may cancel a download."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from medianest_models import InvalidInputError, NotFoundError, User, YouTubeDownload
from medianest_models.repositories import downloads

_HOSTS: Final = {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"}


async def enqueue(user: User, playlist_url: str) -> YouTubeDownload:
    """Queue a download of a YouTube playlist.

    Raises:
        InvalidInputError: The URL is not that of a playlist.
        DuplicateDownloadError: This user's download of it is not over yet.
    """
    url = playlist_url.strip()
    try:
        parts = urlsplit(url)  # it ignores line breaks and tabs
        is_playlist = parts.scheme == "https" and parts.netloc in _HOSTS and "list" in parse_qs(parts.query)
    except ValueError:
        is_playlist = False
    if not is_playlist or not url.isprintable():
        raise InvalidInputError("playlist_url: must be like https://www.youtube.com/playlist?list=...")
    return await downloads.enqueue(user.id, playlist_url=url)


async def cancel(user: User, download_id: UUID) -> YouTubeDownload:
    """Cancel a download of this user's, or anyone's for an admin.

    Raises:
        NotFoundError: There is no such download, or it is somebody else's: the answer does not tell which.
        InvalidTransitionError: It has ended already.
    """
    download = await downloads.get(download_id)
    if download.user_id != user.id and not user.is_admin:
        raise NotFoundError(f"there is no download {download.id}")
    return await downloads.cancel(download.id)
