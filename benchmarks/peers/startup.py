"""The time from the start of a program to its first answer."""

from __future__ import annotations

import asyncio
import os
import sys
from time import perf_counter
from typing import Final

from benchmarks.peers.peers import PRISMA
from benchmarks.peers.rounds import Measured
from medianest_models.settings import DatabaseUrl

_MEDIANEST: Final = """
import asyncio
from medianest_models import User, database
async def main():
    async with database():
        print((await User.get(plex_id="plex-0")).plex_username, end="")
asyncio.run(main())
"""
_RAW: Final = """
import asyncio, asyncpg, sys
async def main():
    host, port, user, database = sys.argv[1:]
    connection = await asyncpg.connect(host=host, port=int(port), user=user, database=database)
    print((await connection.fetchrow("SELECT * FROM users WHERE plex_id = $1", "plex-0"))["plex_username"], end="")
    await connection.close()
asyncio.run(main())
"""
_SQLALCHEMY: Final = """
import asyncio, sys
from sqlalchemy import URL, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
class Base(DeclarativeBase): ...
class User(Base):
    __tablename__ = "users"
    plex_id: Mapped[str] = mapped_column(primary_key=True)
    plex_username: Mapped[str]
async def main():
    host, port, user, database = sys.argv[1:]
    url = URL.create("postgresql+asyncpg", username=user, database=database, query={"host": host, "port": port})
    engine = create_async_engine(url)
    async with async_sessionmaker(engine)() as session:
        print((await session.scalars(select(User).where(User.plex_id == "plex-0"))).one().plex_username, end="")
    await engine.dispose()
asyncio.run(main())
"""
_TORTOISE: Final = """
import asyncio, sys
from tortoise import Tortoise
async def main():
    host, port, user, database = sys.argv[1:]
    credentials = {"host": host, "port": int(port), "user": user, "database": database}
    await Tortoise.init(config={
        "connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
        "apps": {"models": {
            "models": ["benchmarks.peers.clients.tortoise_models"], "default_connection": "default",
        }},
    })
    from benchmarks.peers.clients.tortoise_models import User
    print((await User.get(plex_id="plex-0")).plex_username, end="")
    await Tortoise.close_connections()
asyncio.run(main())
"""


async def measure_startup(url: DatabaseUrl, *, rounds: int, with_prisma: bool) -> dict[str, Measured]:
    """Measure the start-up time of each peer, in alternating turns, and return it by label.

    Args:
        url: The database.
        rounds: The number of starts of each peer.
        with_prisma: Whether Prisma is available.
    """
    place = [str(url.host), str(url.port), str(url.user), str(url.database)]
    programs = {
        "medianest/asyncio": [sys.executable, "-c", _MEDIANEST],
        "raw/asyncio": [sys.executable, "-c", _RAW, *place],
        "sqlalchemy/asyncio": [sys.executable, "-c", _SQLALCHEMY, *place],
        "tortoise/asyncio": [sys.executable, "-c", _TORTOISE, *place],
    }
    if with_prisma:
        programs["prisma/node"] = ["node", str(PRISMA / "build" / "first_query.mjs"), *place]
    measured = {label: Measured() for label in programs}
    for number in range(rounds + 1):
        for label, program in programs.items():
            before = os.times()
            started = perf_counter()
            process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
            said, _ = await process.communicate()
            seconds = perf_counter() - started
            after = os.times()
            if said != b"user-0":
                raise RuntimeError(f"{label} did not find the user")
            if number:  # the first one fills the caches
                cpu = (after.children_user - before.children_user) + (after.children_system - before.children_system)
                measured[label].add({"latencies": [seconds], "seconds": seconds, "cpu": cpu}, 1)
    return measured
