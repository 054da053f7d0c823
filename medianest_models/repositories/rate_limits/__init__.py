"""Counting what users and anonymous callers do, and allowing so much of it in a window of time.

Windows are aligned to the epoch and begin for everybody at the same moment. An endpoint is the name of one limit: to
allow so much in a minute and so much in an hour, give each limit an endpoint of its own, because two windows of
different lengths that begin at the same moment share a counter.
"""

from medianest_models.repositories.rate_limits.hits import RateLimitResult, clear, delete_expired, hit

__all__ = ["RateLimitResult", "clear", "delete_expired", "hit"]
