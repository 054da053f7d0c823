"""The tables in the studio: what is shown of each, and which of its rules a change has to keep."""

from __future__ import annotations

from typing import Any, Final, cast

from tortoise.models import Model

from medianest_models import models
from medianest_models.checks import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, as_new_password
from medianest_models.encryption.passwords import hash_password, hashing_slot
from medianest_models.enums import DownloadStatus, UserStatus
from medianest_models.errors import ConflictError, InvalidInputError, InvalidTransitionError, NotFoundError
from medianest_models.repositories import activity, downloads, services, sessions, system_config, users
from medianest_models.repositories.changes import DownloadChange
from medianest_models.studio.editing import EditableView
from medianest_models.studio.fields import SecretField
from medianest_models.studio.requests import MediaRequests

_OF_THE_QUEUE: Final = ("attempts", "worker_id", "lease_expires_at", "turn")
"""The columns of a download by which the queue and its workers keep order."""


class Users(EditableView):
    """The users of the portal."""

    table = models.User
    icon = "fa fa-user"
    name_of_row = "plex_username"
    fixed = ("created_at", "last_login_at")

    async def lock(self, row_id: Any) -> Model | None:
        """Lock the active admins first, in the order in which the functions for roles and suspending lock them."""
        await models.User.filter(role="admin", status="active").order_by("id").select_for_update(no_key=True).only("id")
        return await self.table.select_for_update(no_key=True).get_or_none(pk=row_id)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a user; the last active admin stays one, and a suspended user's sessions end."""
        role, status = values.pop("role", None), values.pop("status", None)
        if role is not None:
            await users.set_role(row.pk, role=role)
        if status == UserStatus.SUSPENDED:
            await users.suspend(row.pk)
        elif status is not None:
            await users.reinstate(row.pk)
        await super().change(row, values)

    async def remove(self, row: Model) -> None:
        """Delete a user, who must not be the last active admin."""
        await users.delete(row.pk)


class LocalCredentials(EditableView):
    """Those who sign in with a password of our own. The hash is shown nowhere; a new password can be set."""

    table = models.LocalCredential
    icon = "fa fa-key"
    name_of_row = "username"
    fixed = ("updated_at",)
    fixed_later = ("user",)
    more_fields = (
        SecretField(
            "password",
            label="New password",
            help_text=f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters; it ends the user's sessions",
            exclude_from_list=True,
            exclude_from_detail=True,
        ),
    )

    async def insert(self, values: dict[str, Any]) -> Model:
        """Give a user a password."""
        if "password" not in values:
            raise InvalidInputError("password: must not be empty")
        password = as_new_password(values.pop("password"), "password")
        with hashing_slot():
            hashed = await hash_password(password)
        return await super().insert(values | {"password_hash": hashed})

    async def lock(self, row_id: Any) -> Model | None:
        """Lock the user's row first, as everybody does who changes a password or makes a session."""
        await models.User.filter(local_credential__id=row_id).select_for_update(of=("users",), no_key=True).first()
        return await super().lock(row_id)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change the name or the password; a new password ends all sessions."""
        if "password" in values:
            password = values.pop("password")
            if password is None:
                raise InvalidInputError("password: can't be removed; delete the row to end signing in with a password")
            await users.set_password(cast("models.LocalCredential", row).user_id, password=password)
        await super().change(row, values)

    async def remove(self, row: Model) -> None:
        """Take a user's password away, and end all their sessions."""
        await sessions.revoke_all(cast("models.LocalCredential", row).user_id)
        await super().remove(row)


class MediaRequestFollowers(EditableView):
    """Who waits for a request of somebody else; the first of them gets it when its owner is deleted."""

    table = models.MediaRequestFollower
    icon = "fa fa-user-plus"
    name_of_row = "created_at"
    creatable = False
    editable = False


class MediaRequestStatusUpdates(EditableView):
    """The history of the requests, which a change of a request's status writes. A message can be corrected."""

    table = models.MediaRequestStatusUpdate
    icon = "fa fa-clock-rotate-left"
    name_of_row = "status"
    fixed = ("request", "status", "created_at")
    creatable = False
    deletable = False


class YouTubeDownloads(EditableView):
    """The queue. Workers change a download's status; here it can be cancelled."""

    table = models.YouTubeDownload
    icon = "fa fa-download"
    name_of_row = "playlist_url"
    unlisted = (*_OF_THE_QUEUE, "file_paths", "plex_collection_id", "error_message", "metadata", "started_at")
    fixed = (*_OF_THE_QUEUE, "progress", "created_at", "started_at", "completed_at")
    fixed_later = ("user", "playlist_url")
    set_later = ("status", "file_paths", "plex_collection_id", "error_message")
    make = staticmethod(downloads.enqueue)
    followed = DownloadChange

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a download; its status only to `failed`, which cancels it."""
        status = values.pop("status", None)
        await super().change(row, values)
        if status == DownloadStatus.FAILED:
            await downloads.cancel(row.pk)
        elif status is not None:
            raise InvalidTransitionError("only a worker changes it so; here a download can be cancelled: failed")


class Services(EditableView):
    """The services the portal stands on. Their keys are written and never shown."""

    table = models.Service
    icon = "fa fa-server"
    name_of_row = "display_name"
    unlisted = ("config_data",)
    fixed = ("created_at", "updated_at")


class OfAServiceView(EditableView):
    """The base of the tables whose rows belong to a service, which the repository takes by its name."""

    async def insert(self, values: dict[str, Any]) -> Model:
        """Create a row, whose service the form gives by its id."""
        service = await models.Service.get_or_none(id=values.pop("service_id"))
        if service is None:
            raise NotFoundError("service: there is no such service")
        return await super().insert({"service": service.name, **values})


class ServiceStatusHistories(OfAServiceView):
    """The results of the checks."""

    table = models.ServiceStatusHistory
    icon = "fa fa-heart-pulse"
    name_of_row = "checked_at"
    fixed_later = ("service", "checked_at")
    make = staticmethod(services.record_check)


class ServiceMaintenances(OfAServiceView):
    """When the services are in maintenance: time that counts neither as up nor as down."""

    table = models.ServiceMaintenance
    icon = "fa fa-screwdriver-wrench"
    name_of_row = "begins_at"
    fixed = ("created_at",)
    fixed_later = ("service",)
    make = staticmethod(services.maintenance.plan)

    async def insert(self, values: dict[str, Any]) -> Model:
        """Plan a window; without an end it lasts until it gets one."""
        return await super().insert({"ends_at": None, **values})


class SessionTokens(EditableView):
    """The sessions, and where they run. A session is made by signing in; here it can be ended or its end be moved."""

    table = models.SessionToken
    icon = "fa fa-right-to-bracket"
    name_of_row = "id"
    unlisted = ("family_id", "device_fingerprint", "user_agent")
    fixed = ("user", "family_id", "created_at", "last_used_at", "rotated_at")
    creatable = False

    async def remove(self, row: Model) -> None:
        """End the session, also where its token is being exchanged."""
        await sessions.revoke_session(row.pk, user_id=cast("models.SessionToken", row).user_id)


class RateLimits(EditableView):
    """Counters: how often users and anonymous callers used an endpoint."""

    table = models.RateLimit
    icon = "fa fa-gauge"
    name_of_row = "endpoint"


class RollingRateLimits(EditableView):
    """The same for rolling windows. A counter can be deleted, and is changed by hits alone."""

    table = models.RollingRateLimit
    icon = "fa fa-gauge-high"
    name_of_row = "endpoint"
    creatable = False
    editable = False


class ActivityLogs(EditableView):
    """The activity log. An entry can be added and deleted, and is never changed."""

    table = models.ActivityLog
    icon = "fa fa-list"
    name_of_row = "action"
    unlisted = ("metadata", "user_agent")
    fixed = ("created_at",)
    editable = False
    make = staticmethod(activity.record)


class SystemConfigs(EditableView):
    """The portal's settings. One that is changed here is left alone by the seed from then on."""

    table = models.SystemConfig
    icon = "fa fa-sliders"
    name_of_row = "key"
    fixed = ("updated_at", "customized_at")
    fixed_later = ("key",)

    async def insert(self, values: dict[str, Any]) -> Model:
        """Add a setting."""
        if await models.SystemConfig.filter(key=values["key"]).exists():
            raise ConflictError("there is a setting with that key", constraint="uq_system_config_key")
        row = await system_config.set(values.pop("key"), value=values.pop("value"))
        await super().change(row, values)
        return row

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a setting; a value has to have the form that this package reads."""
        await super().change(row, {name: value for name, value in values.items() if name != "value"})
        if "value" in values:
            config = await models.SystemConfig.get(id=row.pk)
            await system_config.set(config.key, value=values["value"], updated_by=config.updated_by_id)


TABLES: Final[tuple[type[EditableView], ...]] = (
    Users,
    LocalCredentials,
    MediaRequests,
    MediaRequestFollowers,
    MediaRequestStatusUpdates,
    YouTubeDownloads,
    Services,
    ServiceStatusHistories,
    ServiceMaintenances,
    SessionTokens,
    RateLimits,
    RollingRateLimits,
    ActivityLogs,
    SystemConfigs,
)
"""The tables in the order of the menu."""
