"""The enums' values, as stored in the database, and the transitions."""

from __future__ import annotations

import pytest

from medianest_models.enums import (
    ACTIVE_DOWNLOAD_STATUSES,
    OPEN_REQUEST_STATUSES,
    REQUEST_TRANSITIONS,
    DownloadPriority,
    RequestStatus,
)


def test_the_priorities_are_the_source_s() -> None:
    assert {member.name: member.value for member in DownloadPriority} == {"LOW": 0, "NORMAL": 10, "HIGH": 20}


def test_the_transitions_are_the_contract_s() -> None:
    pending, approved, available, failed = RequestStatus
    allowed = {(before, after) for before, afters in REQUEST_TRANSITIONS.items() for after in afters}
    assert allowed == {
        (pending, approved),
        (approved, available),
        (pending, failed),
        (approved, failed),
        (failed, pending),
    }
    assert set(REQUEST_TRANSITIONS) == set(RequestStatus)


def test_what_blocks_a_second_one() -> None:
    assert {"pending", "approved"} == OPEN_REQUEST_STATUSES
    assert {"queued", "downloading"} == ACTIVE_DOWNLOAD_STATUSES


def test_the_transitions_can_t_be_changed() -> None:
    with pytest.raises(TypeError):
        REQUEST_TRANSITIONS[RequestStatus.AVAILABLE] = frozenset()  # type: ignore[index]  # pyright: ignore[reportIndexIssue] - that is the test
