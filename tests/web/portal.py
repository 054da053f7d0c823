"""An application for a server in a process of its own."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from medianest_models import web

app = Starlette(lifespan=web.lifespan, routes=[Route("/events", web.change_events), *web.health_routes()])
web.install(app)
