"""Ids for the rows of one statement."""

from __future__ import annotations

from typing import Final

NUMBERED_ID: Final = (
    "encode(overlay((SELECT uuid_send(medianest_uuid_v7())) PLACING int2send(number::int2) FROM 15 FOR 2), 'hex')::uuid"
)
"""In SQL, an id as the database makes them (UUID version 7, RFC 9562) for a row that has a `number`, at most 32,767.

One is made for the statement, and its last 16 bits are each row's number. So the ids of one statement are in its order,
and the random bits, for which some servers open a file each time, are drawn once.
"""
