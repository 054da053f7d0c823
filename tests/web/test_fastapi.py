"""The OpenAPI document of an application of FastAPI."""

from __future__ import annotations

from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI

from medianest_models import web
from medianest_models.schemas import MediaRequestCreate
from medianest_models.web.fastapi import CurrentUser, OptionalUser, install


def document() -> dict[str, Any]:
    app = FastAPI()
    install(app)
    router = APIRouter()

    @app.post("/requests")
    async def submit(user: CurrentUser, wish: MediaRequestCreate) -> None:
        pass

    @router.get("/requests/{number}")
    async def find(number: int, user: OptionalUser) -> None:
        pass

    app.include_router(router, prefix="/v1")
    app.router.routes.extend(web.health_routes())
    app.openapi()
    return app.openapi()  # the second time it is the same one


DOCUMENT: Final = document()
PLACES: Final = [("/requests", "post"), ("/v1/requests/{number}", "get")]


@pytest.mark.parametrize(("path", "method"), PLACES)
def test_errors_are_problems(path: str, method: str) -> None:
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert responses.keys() == {"200", "default"}
    assert responses["default"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def test_the_problem_is_described() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["Problem"]["properties"]) == {"type", "title", "status", "detail", "errors"}
    assert "#/components/schemas/InvalidValue" in str(schemas["Problem"])
    assert set(schemas["InvalidValue"]["properties"]) == {"name", "detail"}
    assert "HTTPValidationError" not in schemas


@pytest.mark.parametrize(("path", "method"), PLACES)
def test_a_route_with_a_user_has_a_bearer_token(path: str, method: str) -> None:
    (scheme,) = DOCUMENT["paths"][path][method]["security"]
    (name,) = scheme
    assert DOCUMENT["components"]["securitySchemes"][name]["scheme"] == "bearer"


def test_health_is_not_part_of_the_interface() -> None:
    assert set(DOCUMENT["paths"]) == {path for path, _ in PLACES}
