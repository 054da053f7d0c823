"""Users, and the password of the few that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from pypika_tortoise.functions import Lower
from pypika_tortoise.terms import Field as Column
from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index

from medianest_models.encryption import EncryptedField, HashField
from medianest_models.enums import UserRole, UserStatus
from medianest_models.fields import EnumField, TimestampField, VarcharField
from medianest_models.models.base import UUIDModel

if TYPE_CHECKING:
    from medianest_models.models.activity import ActivityLog
    from medianest_models.models.downloads import YouTubeDownload
    from medianest_models.models.media_requests import MediaRequest, MediaRequestFollower
    from medianest_models.models.rate_limits import RateLimit, RollingRateLimit
    from medianest_models.models.sessions import SessionToken


class User(UUIDModel):
    """A person who may use the portal, known by their Plex account.

    A local user's `plex_id` is `local:<username>` until Plex is linked.
    """

    plex_id = VarcharField(max_length=255, unique=True)
    plex_username = VarcharField(max_length=255)
    email = VarcharField(max_length=255, null=True, empty_is_null=True)
    role = EnumField(UserRole, max_length=20, default=UserRole.USER, db_default=UserRole.USER.value)
    plex_token = EncryptedField(bound_to="plex_id", null=True)
    created_at = TimestampField(db_default=Now())
    last_login_at = TimestampField(null=True)
    status = EnumField(UserStatus, max_length=20, default=UserStatus.ACTIVE, db_default=UserStatus.ACTIVE.value)

    verified_credential: LocalCredential | None = None
    """The credential that `users.authenticate` verified; `sessions.issue` checks that it is still valid."""

    local_credential: fields.BackwardOneToOneRelation[LocalCredential]
    media_requests: fields.ReverseRelation[MediaRequest]
    followed_requests: fields.ReverseRelation[MediaRequestFollower]
    youtube_downloads: fields.ReverseRelation[YouTubeDownload]
    session_tokens: fields.ReverseRelation[SessionToken]
    rate_limits: fields.ReverseRelation[RateLimit]
    rolling_rate_limits: fields.ReverseRelation[RollingRateLimit]
    activity_logs: fields.ReverseRelation[ActivityLog]

    class Meta:
        table = "users"
        indexes = (
            Index(Lower(Column("email")), name="ix_users_email"),
            Index(Lower(Column("plex_username")), name="ix_users_plex_username"),
            Index(fields=("status", "created_at", "id"), name="ix_users_status_created_at"),
            Index(fields=("role", "created_at", "id"), name="ix_users_role_created_at"),
            Index(fields=("created_at", "id"), name="ix_users_created_at"),
        )

    @property
    def is_admin(self) -> bool:
        """Whether the user may administer the portal."""
        return self.role == UserRole.ADMIN

    @property
    def is_active(self) -> bool:
        """Whether the user may sign in."""
        return self.status == UserStatus.ACTIVE


class LocalCredential(UUIDModel):
    """The user name and password of a user who can sign in without Plex, such as the first admin."""

    user: fields.OneToOneRelation[User] = fields.OneToOneField(
        "models.User", related_name="local_credential", on_delete=fields.CASCADE
    )
    user_id: UUID
    username = VarcharField(max_length=100, unique=True)
    password_hash = HashField(max_length=255)
    must_change_password = fields.BooleanField(default=False, db_default=False)
    updated_at = TimestampField(db_default=Now())

    class Meta:
        table = "local_credentials"
