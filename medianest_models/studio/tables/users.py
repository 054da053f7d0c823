"""Users and their passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from medianest_models.checks import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, as_new_password
from medianest_models.encryption.passwords import hash_password, hashing_slot
from medianest_models.enums import UserStatus
from medianest_models.errors import InvalidInputError
from medianest_models.models import LocalCredential, User
from medianest_models.repositories import sessions, users
from medianest_models.studio.editing import EditableView
from medianest_models.studio.secret_fields import SecretField

if TYPE_CHECKING:
    from starlette_admin.fields import BaseField
    from tortoise.models import Model


class Users(EditableView):
    """The users of the portal."""

    table = User
    icon = "fa fa-user"
    name_of_row = "plex_username"
    fixed = ("created_at", "last_login_at")

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

    table = LocalCredential
    icon = "fa fa-key"
    name_of_row = "username"
    fixed = ("updated_at",)
    fixed_later = ("user",)

    def more_fields(self) -> list[BaseField]:
        """Add the new password."""
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
        """Give a user a password."""
        if "password" not in values:
            raise InvalidInputError("password: must not be empty")
        password = as_new_password(values.pop("password"), "password")
        with hashing_slot():
            hashed = await hash_password(password)
        return await super().insert(values | {"password_hash": hashed})

    async def lock(self, row_id: Any) -> Model | None:
        """Lock the user's row first, as everybody does who changes a password or makes a session."""
        await User.filter(local_credential__id=row_id).select_for_update(of=("users",)).first()
        return await super().lock(row_id)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change the name or the password; a new password ends all sessions."""
        if "password" in values:
            password = values.pop("password")
            if password is None:
                raise InvalidInputError("password: can't be removed; delete the row to end signing in with a password")
            await users.set_password(cast("LocalCredential", row).user_id, password=password)
        await super().change(row, values)

    async def remove(self, row: Model) -> None:
        """Take a user's password away, and end all their sessions."""
        await sessions.revoke_all(cast("LocalCredential", row).user_id)
        await super().remove(row)
