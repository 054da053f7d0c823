"""Rate limits."""

from __future__ import annotations

from medianest_models.models import RateLimit
from medianest_models.studio.editing import EditableView


class RateLimits(EditableView):
    """Counters: how often users and anonymous callers used an endpoint."""

    table = RateLimit
    icon = "fa fa-gauge"
    name_of_row = "endpoint"
