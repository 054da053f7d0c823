"""Conversion of a source row to our tables: every change of a value is noted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from asyncpg import Record

from medianest_models.encryption import SecretParameter
from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus, UserRole, UserStatus
from medianest_models.fields.json import check_depth, dump_json, load_json
from medianest_models.repositories.system_config import SEEDED_CONFIGS, value_problem

_IDS: Final = UUID("5b0d2c1e-7d3e-5f0a-9c56-0a6d0f1e4b7a")
"""The namespace of the UUIDs made from other ids. It must never change."""

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


def new_id(text: str, kind: str = "") -> UUID:
    """Return an id that is a UUID in lower case as it is; derive a UUID of version 5 from any other id.

    In the source, the same UUID in upper case is a different id, so it must not become the same UUID here.
    """
    try:
        made = UUID(text)
    except ValueError:
        return uuid5(_IDS, kind + text)
    return made if str(made) == text else uuid5(_IDS, kind + text)


def read_document(text: str, column: str) -> Any:
    """Read a JSON document; a ValueError says that it is nested too deep to be read here."""
    document = load_json(text)
    check_depth(document, column)
    return document


class Row:
    """A row on its way from the source to our table.

    Attributes:
        values: The values by column; a reference is the source's id until it is resolved.
        notes: The changes, in words.
        problem: The reason why the row is not imported; None if it is.
        fate: "left out" or "deleted here" for a row that is not imported; None for any other.
    """

    __slots__ = ("fate", "id", "notes", "problem", "source_id", "values")

    def __init__(self, record: Record | Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(record)
        self.source_id: str = self.values.pop("source_id")
        self.notes = [f"{column}: an instant that can't be read, not taken" for column in self.values.pop("unreadable")]
        self.problem: str | None = None
        self.fate: str | None = None
        self.id: UUID = new_id(self.source_id)

    def leave_out(self, why: str, *, fate: str = "left out") -> None:
        """Leave the row out; the report names the first reason only."""
        if self.problem is None:
            self.problem, self.fate = why, fate

    def need(self, *columns: str) -> None:
        """Leave the row out if one of these columns is empty."""
        for column in columns:
            if self.values[column] is None:
                self.leave_out(f"{column} is empty, or can't be read")

    def refuse(self, column: str, length: int) -> None:
        """Leave the row out if a text is too long, and can neither be cut nor left empty."""
        if len(self.values[column] or "") > length:
            self.leave_out(f"its {column} is longer than {length} characters")

    def check_documents(self, *columns: str) -> None:
        """Raise a ValueError if a JSON document is nested too deep to be read here."""
        for column in columns:
            if self.values[column] is not None:
                read_document(self.values[column], column)

    def cut(self, column: str, length: int, *, keep_in: str | None = None) -> None:
        """Cut a text that is too long, and store the whole text in a document of the row if there is one."""
        text = self.values[column]
        if text is None or len(text) <= length:
            return
        self.values[column] = text[:length]
        self.notes.append(f"{column}: cut to {length} characters" + (f", whole in {keep_in}" if keep_in else ""))
        if keep_in is not None:
            self.keep(keep_in, column, text)

    def clear(self, column: str, length: int, *, keep_in: str | None = None) -> None:
        """Clear a text that is too long and would be wrong if it were cut, such as an id."""
        text = self.values[column]
        if text is None or len(text) <= length:
            return
        self.values[column] = None
        self.notes.append(f"{column}: longer than {length}, left empty" + (f", whole in {keep_in}" if keep_in else ""))
        if keep_in is not None:
            self.keep(keep_in, column, text)

    def keep(self, document: str, key: str, value: object) -> None:
        """Store a value in a document of the row, under `imported`."""
        text = self.values[document]
        held = None if text is None else read_document(text, document)
        whole: dict[str, Any] = held if isinstance(held, dict) else {} if held is None else {"value": held}
        imported = whole.get("imported")
        whole["imported"] = {**(imported if isinstance(imported, dict) else {}), key: value}
        self.values[document] = dump_json(whole, document)

    def clamp(self, column: str, least: int, most: int) -> None:
        """Limit a number to its bounds."""
        number = self.values[column]
        if number is not None and not least <= number <= most:
            self.values[column] = min(max(number, least), most)
            self.notes.append(f"{column}: {number} became {self.values[column]}")

    def map_status(self, statuses: Mapping[str, str]) -> None:
        """Map the status to ours; leave the row out if it is unknown."""
        status = (self.values["status"] or "").strip().lower()
        mapped = statuses.get(status)
        if mapped is None:
            self.leave_out(f"its status is {'empty' if not status else 'unknown'}")
        elif mapped != status:
            self.notes.append(f"status: {status} became {mapped}")
        self.values["status"] = mapped


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
        # As the trigger marks a changed one: the seed leaves it alone from then on.
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
