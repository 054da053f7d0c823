"""Password hashing: equal time for unknown users, a limit on concurrent callers, and use after a fork."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from medianest_models.db.statements import fetch
from medianest_models.encryption import passwords
from medianest_models.errors import AuthenticationError, OverloadedError
from medianest_models.models import LocalCredential, User
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl
from tests.commands import python
from tests.locks import until

PASSWORD = SecretStr("correct horse battery")
CORES = os.cpu_count() or 1
SLOTS = CORES * passwords._SLOTS_PER_CORE


class Hasher:
    """Holds the hashing threads until it releases them, and records the callers."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.called: list[str] = []

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            self.called.append(function.__name__)
            assert self.may_go_on.wait(30)
            return function(*arguments)

        return wrapped


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hasher]:
    made = Hasher()
    for name in ("hash", "verify"):
        monkeypatch.setattr(PasswordHasher, name, made.wrap(getattr(PasswordHasher, name)))
    yield made
    made.may_go_on.set()


async def make_account() -> User:
    user = await User.create(plex_id="local:ann", plex_username="ann")
    hashed = await passwords.hash_password(PASSWORD)
    await LocalCredential.create(user=user, username="ann", password_hash=hashed)
    return user


def test_the_hash_of_nobody_has_todays_parameters() -> None:
    assert not passwords.is_outdated(SecretStr(passwords._NOBODYS_HASH))


@pytest.mark.parametrize("password", [PASSWORD.get_secret_value(), "x" * 5000])
async def test_an_unknown_name_takes_one_hash_from_the_first_call_on(
    db: DatabaseUrl, hasher: Hasher, password: str
) -> None:
    hasher.may_go_on.set()
    with pytest.raises(AuthenticationError):
        await users.authenticate("nobody", password=password)
    assert hasher.called == ["verify"]


async def test_who_comes_when_many_wait_is_refused_at_once_and_has_changed_nothing(
    fresh_db: DatabaseUrl, hasher: Hasher
) -> None:
    hasher.may_go_on.set()
    user = await make_account()
    hasher.may_go_on.clear()
    hasher.called.clear()
    # The first callers take all threads before the others start, so the last one, which is cancelled below, must wait.
    waiting = [asyncio.create_task(users.authenticate("ann", password=PASSWORD)) for _ in range(CORES)]
    await until(lambda: as_many_as_can_are_hashing(hasher))
    waiting += [asyncio.create_task(users.authenticate("ann", password=PASSWORD)) for _ in range(SLOTS - CORES)]
    await until(all_but_the_running_ones_wait)
    before = await state()
    for refused in (
        users.authenticate("ann", password=PASSWORD),
        users.authenticate("nobody", password=PASSWORD),
        users.change_password("ann", password=PASSWORD, new_password="another password"),
        users.set_password(user.id, password="another password"),
        users.bootstrap_admin(),
    ):
        with pytest.raises(OverloadedError, match="try again in a few seconds") as raised:
            await asyncio.wait_for(refused, 10)
        assert raised.value.retry_after == timedelta(seconds=3)
    assert await state() == before
    waiting.pop().cancel()
    await asyncio.sleep(0)
    instead = asyncio.create_task(users.authenticate("ann", password=PASSWORD))
    hasher.may_go_on.set()
    signed_in = await asyncio.gather(*waiting, instead)
    assert signed_in == [user] * SLOTS
    assert len(hasher.called) == SLOTS


async def as_many_as_can_are_hashing(hasher: Hasher) -> bool:
    return len(hasher.called) == CORES


async def all_but_the_running_ones_wait() -> bool:
    return passwords._hashers()[0]._work_queue.qsize() == SLOTS - CORES


async def state() -> Any:
    (row,) = await fetch("SELECT count(*), max(u::text), max(c::text) FROM users u JOIN local_credentials c ON true")
    return tuple(row)


@pytest.mark.parametrize("way", ["by_fork", "by_executor", "by_fork_without_a_free_slot"])
def test_a_child_hashes_after_its_parent_has(way: str) -> None:
    program = Path(__file__).with_name("forks.py")
    ended = python("-W", "ignore::DeprecationWarning", str(program), way)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")
