"""Rate limits for users and anonymous callers.

Windows are aligned to the epoch and begin at the same moment for all callers. An endpoint is the name of one limit: for
a limit per minute and another one per hour, use two endpoints, because windows of different lengths that begin at the
same moment share a counter.
"""

from medianest_models.repositories.rate_limits.hits import RateLimitResult, clear, delete_expired, hit

__all__ = ["RateLimitResult", "clear", "delete_expired", "hit"]
