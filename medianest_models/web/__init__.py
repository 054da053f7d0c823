"""Parts of a web application on this package, for Starlette; `medianest_models.web.fastapi` is for FastAPI.

It needs the extra `web`; nothing else in this package imports it. docs/web.md shows an application.
"""

from medianest_models.web.callers import (
    client_address as client_address,
    current_admin as current_admin,
    current_session as current_session,
    current_user as current_user,
    optional_user as optional_user,
    session_token as session_token,
)
from medianest_models.web.events import change_events as change_events, stop_events as stop_events
from medianest_models.web.health import health_routes as health_routes
from medianest_models.web.installation import COOKIE as COOKIE, install as install
from medianest_models.web.lifespan import lifespan as lifespan
from medianest_models.web.limits import rate_limit as rate_limit, rate_limited as rate_limited
from medianest_models.web.pages import (
    CursorParams as CursorParams,
    PageResponse as PageResponse,
    RowResponse as RowResponse,
    cursor_params as cursor_params,
    page_params as page_params,
    read_body as read_body,
)
from medianest_models.web.problems import (
    STATUSES as STATUSES,
    TYPE_PREFIX as TYPE_PREFIX,
    ProblemError as ProblemError,
    ProblemResponse as ProblemResponse,
    problem_of as problem_of,
)
from medianest_models.web.sessions import (
    rotate_session as rotate_session,
    sign_in as sign_in,
    sign_out as sign_out,
    start_session as start_session,
)
