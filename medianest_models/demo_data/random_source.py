"""A source of random values and timestamps that are the same in every run."""

from __future__ import annotations

import datetime
import random
from typing import Final
from uuid import UUID

_SEED: Final = 1888


class RandomSource:
    """The source of the demo data, whose period ends `now`."""

    def __init__(self, now: datetime.datetime) -> None:
        self.dice = random.Random(_SEED)  # noqa: S311 - no secret
        self.now = now

    def ago(
        self, longest: datetime.timedelta, shortest: datetime.timedelta = datetime.timedelta()
    ) -> datetime.datetime:
        """Draw a past timestamp, between `longest` and `shortest` ago."""
        return self.now - self.dice.uniform(0, 1) * (longest - shortest) - shortest

    def between(self, since: datetime.datetime, until: datetime.datetime) -> datetime.datetime:
        """Draw a timestamp from a window."""
        return since + self.dice.uniform(0, 1) * (until - since)

    def id_at(self, when: datetime.datetime) -> UUID:
        """Draw the id of a row created at that time: a UUID of version 7 (RFC 9562)."""
        milliseconds, chance = int(when.timestamp() * 1000), self.dice.getrandbits(74)
        return UUID(int=milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & (2**62 - 1))

    def token(self, length: int) -> str:
        """Draw letters and digits that look like a token."""
        return "".join(self.dice.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=length))

    def address(self) -> str:
        """Draw an address of a home network."""
        return f"192.168.{self.dice.randint(0, 3)}.{self.dice.randint(2, 250)}"
