"""Hashing passwords: as long for nobody's as for anybody's, after a fork too."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from medianest_models.encryption import passwords
from medianest_models.errors import AuthenticationError
from medianest_models.repositories import users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medianest_models.settings import DatabaseUrl

PASSWORD = SecretStr("correct horse battery")


class Hasher:
    """Lets the threads go no further than to a hash, until it is told to, and knows who came."""

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


@pytest.mark.parametrize("way", ["by_fork", "by_multiprocessing", "by_executor"])
def test_a_child_hashes_after_its_parent_has(way: str) -> None:
    program = Path(__file__).with_name("forks.py")
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", program, way],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")
