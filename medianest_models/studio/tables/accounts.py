"""Users, their passwords and their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.checks import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, as_new_password
from medianest_models.encryption.passwords import hash_password
from medianest_models.enums import UserStatus
from medianest_models.errors import InvalidInputError
from medianest_models.models import LocalCredential, SessionToken, User
from medianest_models.repositories import users
from medianest_models.studio.editing import EditableView
from medianest_models.studio.secret_fields import SecretField

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette_admin.fields import BaseField
    from tortoise.models import Model


class Users(EditableView):
    """Who may use the portal."""

    table = User
    icon = "fa fa-user"
    name_of_row = "plex_username"
    fixed = ("created_at", "last_login_at")

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Changes a user; the last active admin stays one, and a suspended user's sessions end."""
        role, status = values.pop("role", None), values.pop("status", None)
        if role is not None:
            await users.set_role(row.pk, role=role)
        if status == UserStatus.SUSPENDED:
            await users.suspend(row.pk)
        elif status is not None:
            await users.reinstate(row.pk)
        await super().change(row, values)

    async def remove(self, row: Model) -> None:
        """Deletes a user, who must not be the last active admin."""
        await users.delete(row.pk)


class LocalCredentials(EditableView):
    """Who signs in with a password of our own. The hash is shown nowhere; a new password can be set."""

    table = LocalCredential
    icon = "fa fa-key"
    name_of_row = "username"
    fixed = ("updated_at",)
    fixed_later = ("user",)

    def more_fields(self) -> list[BaseField]:
        """The new password."""
        return [
            SecretField(
                "password",
                label="New password",
                help_text=f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters; it ends the user's sessions",
                exclude_from_list=True,
                exclude_from_detail=True,
            )
        ]

    async def insert(self, values: dict[str, Any]) -> Model:
        """Gives a user a password."""
        if "password" not in values:
            raise InvalidInputError("password: must not be empty")
        hashed = await _hashed(values.pop("password"))
        return await super().insert(values | hashed)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Changes the name or the password; a new password ends all sessions."""
        if "password" in values:
            password = values.pop("password")
            if password is None:
                raise InvalidInputError("password: can't be removed; delete the row to end signing in with a password")
            values |= await _hashed(password)
            await SessionToken.filter(user_id=getattr(row, "user_id")).delete()  # noqa: B009 - of this table's model
        await super().change(row, values)


async def _hashed(password: SecretStr) -> dict[str, Any]:
    """The column for a password.

    Raises:
        InvalidInputError: It is too short or too long.
    """
    return {"password_hash": await hash_password(as_new_password(password, "password"))}


class SessionTokens(EditableView):
    """Who is signed in, and where. A session is made by signing in; here it can be ended or its end be moved."""

    table = SessionToken
    icon = "fa fa-right-to-bracket"
    name_of_row = "id"
    unlisted = ("family_id", "device_fingerprint", "user_agent")
    fixed = ("user", "family_id", "created_at", "last_used_at", "rotated_at")
    creatable = False
