"""Routes by which an orchestrator asks whether the application lives, and whether it can serve."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from medianest_models.db import database_health
from medianest_models.web.problems import ProblemResponse


def health_routes() -> list[Route]:
    """Make the routes `/livez` and `/readyz`.

    `/livez` answers as long as the process does, and never asks the database: restarting the application mends no
    database. `/readyz` answers within two seconds; it is 503 while the database does not answer, lacks migrations, or
    is not what its URL asks for, such as a standby instead of a primary. It names those, and no host.
    """
    return [
        Route("/livez", _livez, include_in_schema=False),
        Route("/readyz", _readyz, include_in_schema=False),
    ]


async def _livez(request: Request) -> Response:  # noqa: ARG001 - the signature of a route
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _readyz(request: Request) -> Response:  # noqa: ARG001 - the signature of a route
    health = await database_health()
    pending = list(health.migrations_pending)
    known = {"role": health.role, "migrations_pending": pending}
    headers = {"Cache-Control": "no-store"}
    if health.ok and not pending:
        return JSONResponse({"status": "ok", **known}, headers=headers)
    if pending:
        detail = f"Migrations are pending: {', '.join(pending)}."
    elif health.role is not None:
        detail = f"The server is a {health.role}, and the URL asks for another role."
    else:
        detail = "The database does not answer; the log says more."
    return ProblemResponse(503, "not-ready", title="Not ready", detail=detail, headers=headers, members=known)
