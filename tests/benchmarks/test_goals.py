"""The verdicts of a benchmark run."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.peers import goals
from benchmarks.peers.goals import Verdict
from benchmarks.peers.plot import bars
from benchmarks.peers.rounds import Measured
from benchmarks.peers.table import _REFERENCES


def rates(*values: float) -> Measured:
    return Measured(rates=list(values))


@pytest.mark.parametrize(("figure", "least", "most"), [(2.9, "no", "yes"), (3.0, "yes", "yes"), (3.1, "yes", "no")])
def test_a_goal_is_the_least_or_the_most(figure: float, least: str, most: str) -> None:
    for at_most, said in ((False, least), (True, most)):
        verdict = Verdict("page", "prisma", figure, 1.0, 9.0, 3.0, at_most=at_most)
        kept = json.loads(json.dumps(verdict.kept()))
        assert (kept["figure"], kept["goal"], kept["reached"], kept["close"]) == (figure, 3.0, said == "yes", True)


def test_a_goal_is_close_when_the_rounds_do_not_agree() -> None:
    assert Verdict("page", "raw", 2.0, 1.9, 2.1, 2.0).close
    assert not Verdict("page", "raw", 2.0, 2.0, 2.1, 2.0).close
    assert not Verdict("page", "raw", 2.0, 1.8, 1.9, 2.0).close


def test_the_goals_are_those_of_uvloop_and_ratios_are_of_the_same_round() -> None:
    measured = {
        "medianest/asyncio": rates(4, 4, 4),
        "medianest/uvloop": rates(20, 60, 90),
        "raw/asyncio": rates(1, 2, 4),
        "raw/uvloop": rates(20, 30, 30),
        "tuned/uvloop": rates(1, 1, 1),
        "prisma/node": rates(10, 10, 10),
    }
    raw, raw_on_asyncio, prisma = goals.of_operation("find_together", "50 users", measured)
    goal = goals.GOALS["find_together"]
    assert raw == Verdict("50 users", "raw", 2.0, 1.0, 3.0, goal["raw"])
    assert raw_on_asyncio == Verdict("50 users", "raw/asyncio", 2.0, 1.0, 4.0, goal["raw"])
    assert prisma == Verdict("50 users", "prisma", 6.0, 2.0, 9.0, goal["prisma"])


def test_the_client_cpu_of_tuned_asyncpg_is_divided_by_ours_in_each_round() -> None:
    measured = {
        "medianest/asyncio": Measured(rates=[1, 1, 1], cpu=[1, 1, 1]),
        "medianest/uvloop": Measured(rates=[20, 60, 90], cpu=[100, 200, 400]),
        "tuned/uvloop": Measured(rates=[40, 60, 90], cpu=[50, 150, 100]),
    }
    tuned, of_cpu = goals.of_operation("page", "page of 20", measured)
    assert tuned == Verdict("page of 20", "tuned", 1.0, 0.5, 1.0, goals.GOALS["page"]["tuned"])
    assert of_cpu == Verdict("page of 20", "tuned, CPU", 0.5, 0.25, 0.75, goals.CPU_GOALS["page"])


def test_without_a_peer_and_without_a_goal_there_is_no_verdict() -> None:
    measured = {"medianest/asyncio": rates(3), "raw/asyncio": rates(1), "prisma/node": rates(2)}
    assert [verdict.against for verdict in goals.of_operation("startup", "startup", measured)] == ["prisma"]
    assert not list(goals.of_operation("claim_limited", "claim", measured))
    assert not list(goals.of_operation("offset@20", "offset", {"raw/asyncio": rates(1)}))
    del measured["prisma/node"]
    assert [verdict.against for verdict in goals.of_operation("find_together", "users", measured)] == ["raw"]
    assert not list(goals.of_operation("page", "page", measured))


def test_a_deep_page_may_take_half_as_long_again() -> None:
    near, far = {"medianest/uvloop": rates(300, 300, 300)}, {"medianest/uvloop": rates(200, 250, 150)}
    verdict = goals.of_depth(1_000, 40, {"cursor 2": near, "cursor 40": far, "offset 2": {}, "offset 40": {}})
    assert (verdict.figure, verdict.least, verdict.most) == (1.5, 1.2, 2.0)
    assert verdict.reached
    assert verdict.close


def test_memory_is_compared_with_that_of_a_warm_worker() -> None:
    flat = goals.of_memory(1_000_000, [50, 100, 101, 101, 101, 101, 102, 103, 104, 105])
    assert (flat.against, flat.figure, flat.reached) == ("after 200,000", 1.05, True)
    assert not goals.of_memory(1_000_000, [50, 100, 101, 101, 101, 101, 102, 103, 104, 106]).reached


def test_the_table_has_a_line_for_each_operation_and_each_other_figure() -> None:
    verdicts = [
        Verdict("page", "tuned", 0.8, 0.7, 1.0, 0.9),
        Verdict("page", "prisma", 3.5, 3.1, 4.0, 3.0),
        Verdict("page", "tuned, CPU", 0.5, 0.4, 0.6, 0.75),
        Verdict("find", "raw", 5.5, 5.1, 5.9, 5.0),
        Verdict("find", "prisma", 2.8, 2.7, 2.9, 2.8),
        Verdict("claim", "pgqueuer", 3.3, 3.0, 4.0, 3.3),
        Verdict("memory", "after 200", 1.0, 1.0, 1.0, 1.05, at_most=True),
    ]
    lines = [" ".join(line.split()) for line in goals.lines(verdicts)]
    assert lines == [
        "verdict tuned tuned, CPU prisma",
        "page 0.80 of 0.9: no, close 0.50 of 0.75: no 3.50 of 3: yes",
        "find - - 2.80 of 2.8: yes, close",
        "find: 5.50 x raw (5.10 to 5.90), at least 5: yes",
        "claim: 3.30 x pgqueuer (3.00 to 4.00), at least 3.3: yes, close",
        "memory: 1.00 x after 200, at most 1.05: yes",
    ]


def test_a_turn_is_noted_by_the_operation() -> None:
    measured = Measured()
    measured.add({"latencies": [0.1, 0.3], "seconds": 0.4, "cpu": 0.2, "server": 0.1}, 10)
    assert (measured.rates, measured.cpu, measured.server) == ([50.0], [10_000.0], [5_000.0])
    assert measured.p50 == [200.0]
    measured.add({"latencies": [0.5], "seconds": 0.5, "cpu": 0.1}, 1)  # a start-up: the server's is unknown
    assert (measured.rates[1], measured.cpu[1], len(measured.server)) == (2.0, 100_000.0, 1)
    assert measured.buffers == []
    measured.add({"latencies": [0.5, 0.5], "seconds": 0.5, "cpu": 0.1, "buffers": 60}, 10)
    measured.count({"latencies": [0.5], "buffers": 40}, 10)
    assert (measured.buffers, len(measured.rates)) == ([3.0, 4.0], 3)


def test_each_peer_has_a_colour_in_the_drawing_of_its_operations() -> None:
    peers = {f"{kind}/asyncio": {"rates": [2.0]} for kind in ("medianest", *_REFERENCES)}
    drawn = bars([{"title": "hit", "peers": peers}])
    assert re.findall(r">(\w+/asyncio)<", drawn) == list(peers)
    assert len(set(re.findall(r'<rect.*fill="(#\w+)"', drawn))) == len(peers)
