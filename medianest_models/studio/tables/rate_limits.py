"""Rate limits."""

from __future__ import annotations

from medianest_models.models import RateLimit, RollingRateLimit
from medianest_models.studio.editing import EditableView


class RateLimits(EditableView):
    """Counters: how often users and anonymous callers used an endpoint."""

    table = RateLimit
    icon = "fa fa-gauge"
    name_of_row = "endpoint"


class RollingRateLimits(EditableView):
    """The same for rolling windows. A counter can be deleted, and is changed by hits alone."""

    table = RollingRateLimit
    icon = "fa fa-gauge-high"
    name_of_row = "endpoint"
    creatable = False
    editable = False
