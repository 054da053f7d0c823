"""The statements and the figures of the pages about more than one machine."""

from __future__ import annotations

import re
import shlex
from typing import Final

import pytest

from medianest_models.db.statements import fetch
from medianest_models.settings import DatabaseUrl
from tests.commands import python
from tests.conftest import CHECKOUT

CLUSTER: Final = (CHECKOUT / "docs" / "cluster.md").read_text()
SIMULATED: Final = re.findall(
    r"```sh\npython (-m benchmarks\.scaling[^\n]*)\n```\n\n```\n(.*?)```",
    (CHECKOUT / "docs" / "scaling.md").read_text(),
    re.DOTALL,
)


async def test_the_statements_that_watch_a_cluster_run(fresh_db: DatabaseUrl) -> None:
    (block,) = re.findall(r"```sql\n(.*?)```", CLUSTER, re.DOTALL)
    for statement in block.split(";\n"):
        await fetch(statement)
    _, _, symptoms = CLUSTER.partition("## Troubleshooting")
    for _, look_at in re.findall(r"^\| ([^|]*) \| ([^|]*) \|", symptoms, re.MULTILINE):
        for statement in re.findall(r"`((?:SELECT|SHOW) [^`]*)`", look_at):
            await fetch(statement)


@pytest.mark.parametrize(("command", "printed"), SIMULATED, ids=[command for command, _ in SIMULATED])
def test_the_simulation_prints_what_the_page_shows(command: str, printed: str) -> None:
    ended = python(*shlex.split(command))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert printed in ended.stdout


def test_the_page_shows_more_than_one_simulation() -> None:
    assert len(SIMULATED) > 1
