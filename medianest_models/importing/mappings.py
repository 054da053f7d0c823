"""Conversion of the source's rows to our tables, table by table."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from medianest_models.encryption import SecretParameter
from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus, UserRole, UserStatus
from medianest_models.fields.json import dump_json, load_json
from medianest_models.importing.rows import Row, new_id, read_document
from medianest_models.repositories.system_config import SEEDED_CONFIGS, value_problem

_REQUEST_STATUSES: Final[Mapping[str, str]] = {
    **{status.value: status.value for status in RequestStatus},
    "processing": "approved",
    "partially-available": "approved",
    "partially_available": "approved",
    "completed": "available",
    "denied": "failed",
    "declined": "failed",
    "cancelled": "failed",
}
_DOWNLOAD_STATUSES: Final[Mapping[str, str]] = {
    **{status.value: status.value for status in DownloadStatus},
    "downloading": "queued",
    "pending": "queued",
    "processing": "queued",
    "cancelled": "failed",
}
_SERVICE_STATUSES: Final[Mapping[str, str]] = {
    **{status.value: status.value for status in ServiceStatus},
    "healthy": "up",
    "unhealthy": "down",
}

_BCRYPT: Final = re.compile(r"\$2[aby]?\$\d\d\$[./A-Za-z0-9]{53}")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_SHORT: Final = 100
_MEDIUM: Final = 255
_LONGEST_URL: Final = 2_048
_LARGEST_URL: Final = 2_676  # bytes that fit into a unique index with a UUID
_LARGEST_INT: Final = 2**31 - 1


def _user(row: Row) -> None:
    values = row.values
    for column in ("plex_id", "plex_username", "name", "email"):
        values[column] = values[column] or None
    name = values["plex_username"] or values.pop("name") or values["email"] or row.source_id
    values.pop("name", None)
    values["plex_username"] = name
    row.clear("email", _MEDIUM)
    row.clear("plex_id", _MEDIUM)
    if values["plex_id"] is None:
        local = f"local:{values['email'] or row.source_id}"
        values["plex_id"] = local if len(local) <= _MEDIUM else f"local:{row.id}"
    row.cut("plex_username", _MEDIUM)
    role = (values["role"] or "").lower()
    if role not in set(UserRole):
        row.notes.append("role: unknown, became user")
        role = UserRole.USER.value
    values["role"] = role
    status = (values["status"] or "").lower()
    if status not in set(UserStatus):
        row.notes.append("status: unknown, became suspended")
        status = UserStatus.SUSPENDED.value
    values["status"] = status
    hashed, email = values["password_hash"], values["email"]
    if hashed is not None and not (email is not None and len(email) <= _SHORT and _BCRYPT.fullmatch(hashed)):
        row.notes.append("password_hash: no bcrypt hash, or no email of up to 100 characters; a new password is needed")
        values["password_hash"] = None


def credential_of(user: Row) -> Row:
    """Make the row of `local_credentials` of a user with a password: they sign in with their email."""
    values = user.values
    row = Row({"source_id": user.source_id, "unreadable": [], "digest": values["digest"], "user_id": user.source_id})
    row.id = new_id(user.source_id, "credential")
    row.values["username"] = values["email"]
    row.values["password_hash"] = SecretParameter(values["password_hash"])
    row.values["must_change_password"] = bool(values["must_change_password"])
    return row


def _service(row: Row) -> None:
    row.need("name")
    row.refuse("name", _SHORT)
    row.values["display_name"] = row.values["display_name"] or row.values["name"]
    row.cut("display_name", _SHORT)


def _setting(row: Row) -> None:
    row.need("key", "value")
    row.refuse("key", _SHORT)
    row.values["customized_at"] = None
    if row.fate is not None:
        return
    key, value = row.values["key"], read_document(row.values["value"], "value")
    if problem := value_problem(key, value):  # it would fail whatever reads the setting
        row.leave_out(f"its value {problem}")
    seeded = next((config for config in SEEDED_CONFIGS if config.key == key), None)
    if seeded is not None:
        row.values["description"] = row.values["description"] or seeded.description
        # The seed leaves it alone from then on.
        if value != seeded.value:
            row.values["customized_at"] = datetime.now(UTC)


def _request(row: Row) -> None:
    for column in ("tmdb_id", "imdb_id", "overseerr_id"):
        row.values[column] = row.values[column] or None  # an empty text names no title
    row.need("user_id", "created_at")
    row.check_documents("request_data")
    row.map_status(_REQUEST_STATUSES)
    row.cut("title", 500, keep_in="request_data")
    row.cut("media_type", 50, keep_in="request_data")
    for column, length in (("tmdb_id", _SHORT), ("imdb_id", _SHORT), ("overseerr_id", _MEDIUM)):
        row.clear(column, length, keep_in="request_data")


def _status_update(row: Row) -> None:
    row.need("request_id", "created_at")
    row.map_status(_REQUEST_STATUSES)


def _download(row: Row) -> None:
    values = row.values
    row.need("user_id", "created_at")
    row.check_documents("file_paths", "metadata")
    row.map_status(_DOWNLOAD_STATUSES)
    row.refuse("playlist_url", _LONGEST_URL)
    if len(values["playlist_url"].encode()) > _LARGEST_URL:
        row.leave_out(f"its playlist_url is longer than {_LARGEST_URL} bytes")
    row.cut("playlist_title", 500, keep_in="metadata")
    row.clear("plex_collection_id", _MEDIUM, keep_in="metadata")
    values["progress"] = values["progress"] or (100 if values["status"] == DownloadStatus.COMPLETED else 0)
    row.clamp("progress", 0, 100)
    files = None if values["file_paths"] is None else load_json(values["file_paths"])
    if isinstance(files, dict):  # shape U: the paths are in it, with what its worker knew besides
        made = files.get("files")
        found = [file.get("path") for file in made if isinstance(file, dict)] if isinstance(made, list) else []
        paths = [path for path in found if isinstance(path, str)]
        row.keep("metadata", "file_paths", files)
        values["file_paths"] = dump_json(paths, "file_paths") if paths else None
        if values["error_message"] is None and isinstance(files.get("error"), str):
            values["error_message"] = files["error"]


def _check(row: Row) -> None:
    row.need("service_id", "checked_at")
    row.map_status(_SERVICE_STATUSES)
    row.clamp("response_time_ms", 0, _LARGEST_INT)


def _session(row: Row) -> None:
    row.values["family_id"] = row.id
    row.need("user_id", "expires_at", "created_at")
    if not _SHA256.fullmatch(row.values["token_hash"]):
        row.leave_out("its token_hash is no SHA-256 in hex")
    row.clear("device_fingerprint", _MEDIUM)
    row.clear("ip_address", 45)


def _counter(row: Row) -> None:
    values = row.values
    row.need("window_start")
    if (values["user_id"] is None) == (values["ip_address"] is None):
        row.leave_out("it counts for neither a user nor an address, or for both")
    row.refuse("endpoint", _MEDIUM)
    row.clamp("request_count", 0, _LARGEST_INT)
    if values["ip_address"] is not None:
        try:
            address = ipaddress.ip_address(values["ip_address"])
        except ValueError:
            row.leave_out("its ip_address is none")
        else:
            mapped = getattr(address, "ipv4_mapped", None)
            values["ip_address"] = str(mapped or address)


def _log_entry(row: Row) -> None:
    row.need("created_at")
    row.check_documents("metadata")
    row.cut("action", _SHORT, keep_in="metadata")
    row.cut("entity_type", 50, keep_in="metadata")
    row.cut("entity_id", _MEDIUM, keep_in="metadata")
    row.clear("ip_address", 45, keep_in="metadata")


MAPPINGS: Final[Mapping[str, Callable[[Row], None]]] = {
    "users": _user,
    "services": _service,
    "system_config": _setting,
    "media_requests": _request,
    "media_request_status_updates": _status_update,
    "youtube_downloads": _download,
    "service_status_history": _check,
    "session_tokens": _session,
    "rate_limits": _counter,
    "activity_logs": _log_entry,
}
"""For each of our tables, the function that converts a row."""
