"""The search for a host with the right role, with a primary and its standby."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import pytest
from pydantic import SecretStr

from medianest_models.db import database, hosts
from medianest_models.db.hosts import open_connection
from medianest_models.errors import NoPrimaryError
from medianest_models.settings import DatabaseUrl
from medianest_models.settings.urls import ServerRole
from tests.clusters import Node, Pair
from tests.db.pools import PATIENCE
from tests.locks import until
from tests.poolers import running_pooler

LONG = 600.0  # seconds, beyond the patience of a test


async def port_of_answer(url: DatabaseUrl, *, seconds: float = LONG, wait: float = 0) -> int:
    """Return the port of the server that the search takes."""
    async with asyncio.timeout(PATIENCE):
        connection = await open_connection(url, seconds=seconds, wait=wait, statement_cache_size=0)
        try:
            return int(await connection.fetchval("SHOW port"))
        finally:
            await connection.close()


def said(url: DatabaseUrl, node: Node) -> str | None:
    """Return the last failure of a host, if it has failed."""
    answer = hosts._known[url].answers.get(node.url.places[0])
    return answer and f"{type(answer[1]).__name__}: {answer[1]}"


def backwards(pair: Pair) -> DatabaseUrl:
    """Return the URL with the standby first."""
    return replace(pair.standby.url, fallbacks=pair.primary.url.places)


async def test_each_role_is_found_wherever_it_stands(pair: Pair) -> None:
    primary, standby = pair.primary.url.port, pair.standby.url.port
    expected: dict[ServerRole | None, int] = {
        None: primary,
        "read-write": primary,
        "primary": primary,
        "standby": standby,
        "read-only": standby,
        "prefer-standby": standby,
    }
    for role, port in expected.items():
        for url in (pair.url, backwards(pair)):
            assert await port_of_answer(replace(url, target_session_attrs=role)) == port
    assert await port_of_answer(replace(backwards(pair), target_session_attrs="any")) == standby


async def test_one_host_that_is_a_standby_is_refused_at_once(pair: Pair) -> None:
    with pytest.raises(NoPrimaryError, match=r"no primary among its hosts: 127\.0\.0\.1:\d+ is a standby$") as caught:
        await port_of_answer(pair.standby.url)
    assert caught.value.sent is False
    with pytest.raises(NoPrimaryError, match="is a standby"):
        async with database(pair.standby.url, require_migrated=False):
            pass
    async with database(replace(pair.standby.url, target_session_attrs="any"), require_migrated=False):
        pass
    with pytest.raises(NoPrimaryError, match=r"no standby among its hosts: .* is the primary"):
        await port_of_answer(replace(pair.primary.url, target_session_attrs="standby"))


async def test_of_several_primaries_none_becomes_a_standby(pair: Pair) -> None:
    url = replace(pair.primary.url, fallbacks=pair.primary.url.places, target_session_attrs="standby")
    with pytest.raises(NoPrimaryError, match="no standby among its hosts"):
        await port_of_answer(url)  # at once


async def test_a_primary_that_may_not_be_written_to(pair: Pair) -> None:
    await pair.primary.execute("ALTER DATABASE medianest SET default_transaction_read_only = on")
    assert await port_of_answer(pair.primary.url) == pair.primary.url.port
    writing = replace(pair.primary.url, target_session_attrs="read-write")
    with pytest.raises(NoPrimaryError, match=r"no primary that can be written to among its hosts: .* is read-only"):
        await port_of_answer(writing)


@pytest.mark.parametrize("is_frozen", [False, True], ids=["stopped", "frozen"])
async def test_a_standby_is_taken_as_soon_as_it_is_promoted(pair: Pair, *, is_frozen: bool) -> None:
    if is_frozen:
        pair.primary.freeze()  # it accepts connections, and is silent for as long as the search takes
    else:
        await pair.primary.stop("immediate")
    searching = asyncio.create_task(port_of_answer(pair.url))

    async def is_refused() -> bool:
        return said(pair.url, pair.standby) == "_WrongRoleError: is a standby"

    await until(is_refused)
    await pair.promote()
    assert await searching == pair.standby.url.port


async def test_standbys_are_asked_until_the_connect_timeout(pair: Pair) -> None:
    await pair.primary.stop("immediate")
    with pytest.raises(NoPrimaryError) as caught:
        await port_of_answer(replace(pair.url, password=SecretStr("correct horse")), seconds=3)
    places = [f"{host}:{port}" for host, port in pair.url.places]
    assert f"{places[0]} (nothing listens there" in str(caught.value)
    assert str(caught.value).endswith(f"; {places[1]} is a standby")
    assert "correct horse" not in str(caught.value)


async def test_another_server_is_taken_where_a_standby_is_only_preferred(pair: Pair) -> None:
    url = replace(backwards(pair), target_session_attrs="prefer-standby")
    pair.standby.freeze()
    assert await port_of_answer(url) == pair.primary.url.port
    pair.standby.thaw()
    await pair.standby.stop()
    assert await port_of_answer(url) == pair.primary.url.port


async def test_behind_pgbouncer_the_role_is_asked_for(pair: Pair) -> None:
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("there is no PgBouncer")
    async with running_pooler(program, pair.standby.url) as pooler:
        url = replace(pooler, database=pair.standby.url.database)
        with pytest.raises(NoPrimaryError, match="is a standby"):
            await port_of_answer(url)
        searching = asyncio.create_task(port_of_answer(url, wait=LONG))
        await pair.promote()
        assert await searching == pair.standby.url.port


async def test_libpq_gets_to_the_primary_too(pair: Pair) -> None:
    answer = await pair.primary.run("psql", backwards(pair).for_libpq().get_secret_value(), "-XAtc", "SHOW port")
    assert answer.strip() == str(pair.primary.url.port)
