"""Users, and the password of the few that have one."""

from uuid import UUID

from pydantic import AwareDatetime, SecretStr

from medianest_models.enums import UserRole, UserStatus
from medianest_models.models import LocalCredential, User
from medianest_models.schemas._declaration import Declared, read_schema, write_schema


@read_schema(User)
class UserWithoutSecrets(Declared):
    """A user, without the Plex token."""

    id: UUID
    plex_id: str
    plex_username: str
    email: str | None
    role: UserRole
    created_at: AwareDatetime
    last_login_at: AwareDatetime | None
    status: UserStatus


@write_schema(User)
class UserCreate(Declared):
    """A user who signs in through Plex: the arguments of `users.upsert_from_plex`."""

    plex_id: str
    plex_username: str
    email: str | None = None
    plex_token: SecretStr | None = None


@read_schema(LocalCredential)
class LocalCredentialRead(Declared):
    """The credential of a user who signs in without Plex, without the password's hash."""

    id: UUID
    user_id: UUID
    username: str
    must_change_password: bool
    updated_at: AwareDatetime
