"""Twenty workers on a real Patroni cluster with synchronous replication, whose primary fails in each of the ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import chain

import pytest

from benchmarks.failovers.outcomes import HEADER, run_scenario
from benchmarks.failovers.scenarios import LONGEST, SCENARIOS, Scenario
from benchmarks.soak.crew import prepare
from examples.cluster.clusters import Cluster, running_cluster
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import chosen_bindir


@pytest.fixture(scope="module")
async def cluster(request: pytest.FixtureRequest, known_environment: None) -> AsyncIterator[Cluster]:
    """Run a cluster with a migrated database."""
    bindir = chosen_bindir(str(request.config.getoption("--medianest-server")))
    async with running_cluster(bindir=bindir) as running:
        await prepare(DatabaseUrl.parse(running.primary_url))
        yield running


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
async def test_no_acknowledged_write_is_lost(
    not_connected: None,
    cluster: Cluster,
    scenario: Scenario,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome = await run_scenario(cluster, scenario)
    with capsys.disabled():
        request.config.get_terminal_writer().write(f"\n{HEADER}\n{outcome}\n")
    assert outcome.broken == []
    assert (outcome.lost, outcome.twice) == (0, 0)
    assert max(chain(*outcome.stalls.values())) <= LONGEST
