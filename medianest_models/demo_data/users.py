"""Users, and the rows that their visits create."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from medianest_models.demo_data.random_source import RandomSource
from medianest_models.demo_data.texts import DEVICES, ENDPOINTS, FIRST_NAMES
from medianest_models.enums import UserStatus
from medianest_models.models import ActivityLog, RateLimit, SessionToken, User
from medianest_models.models.base import Base

USERS: Final = 50
_SESSIONS: Final = 90
_LIMITED: Final = 30
_LOGINS: Final = 600


def make_users(source: RandomSource) -> list[User]:
    """Draw the portal's members, two of them suspended; `medianest bootstrap` still makes the first admin."""
    users, names = [], FIRST_NAMES.lower().split()
    for number in range(USERS):
        name = names[number % len(names)] + source.dice.choice(("", "", "_tv", "42", ".films"))
        joined = source.ago(timedelta(days=400), timedelta(days=181))
        users.append(
            User(
                id=source.id_at(joined),
                plex_id=f"demo-{number + 1:04}",
                plex_username=name,
                email=f"{name}@example.org" if source.dice.random() < 0.9 else None,  # noqa: PLR2004 - most have one
                status=UserStatus.SUSPENDED if number in (17, 33) else UserStatus.ACTIVE,
                plex_token=source.token(20),
                created_at=joined,
                last_login_at=source.ago(timedelta(days=20)),
            )
        )
    return users


def make_visits(source: RandomSource, users: list[User]) -> list[list[Base]]:
    """Make sessions, rate limit counters, and log entries of sign-ins."""
    active = [user for user in users if user.is_active]
    limited = source.dice.sample(active, _LIMITED)
    return [
        [_session(source, source.dice.choice(active)) for _ in range(_SESSIONS)],
        [_counter(source, user) for user in limited],
        [_login(source, source.dice.choice(active)) for _ in range(_LOGINS)],
    ]


def _session(source: RandomSource, user: User) -> SessionToken:
    began = source.ago(timedelta(days=60))
    return SessionToken(
        id=source.id_at(began),
        user_id=user.id,
        token_hash=hashlib.sha256(source.token(32).encode()).hexdigest(),
        ip_address=source.address(),
        user_agent=source.dice.choice(DEVICES),
        created_at=began,
        last_used_at=source.between(began, source.now),
        expires_at=began + timedelta(days=90),
    )


def _counter(source: RandomSource, user: User) -> RateLimit:
    return RateLimit(
        user_id=user.id,
        endpoint=source.dice.choice(ENDPOINTS),
        request_count=source.dice.randint(1, 15),
        window_start=source.now.replace(minute=0, second=0, microsecond=0),
    )


def _login(source: RandomSource, user: User) -> ActivityLog:
    when = source.ago(timedelta(days=60))
    return ActivityLog(
        id=source.id_at(when),
        user_id=user.id,
        action="user.login",
        entity_type="user",
        entity_id=str(user.id),
        ip_address=source.address(),
        user_agent=source.dice.choice(DEVICES),
        created_at=when,
    )
