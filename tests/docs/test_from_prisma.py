"""Every replacement that docs/from-prisma.md names exists, and accepts the given arguments."""

from __future__ import annotations

import ast
import inspect
import logging
import re
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from tortoise.models import Model
from tortoise.queryset import QuerySet

import medianest_models
import medianest_models.db
import medianest_models.db.query_log
from medianest_models import repositories
from medianest_models.settings import Settings
from tests.conftest import CHECKOUT

NAMES = (CHECKOUT / "docs" / "from-prisma.md").read_text().partition("\n## Schema\n")[2]  # rows of data stand before
ROWS = re.findall(r"^\| (?!Prisma|Operation|---)(.+?) \| (.*?) ?\|$", NAMES, re.MULTILINE)
HOMES = sorted({home for _old, cell in ROWS for home in re.findall(r"`([^`]+)`", cell)})
SOURCE = [
    *("schema.prisma", "datasource db", "generator client"),
    *("UserRole", "UserStatus", "RequestStatus", "DownloadStatus", "ServiceStatus"),
    *("User", "MediaRequest", "MediaRequestStatusUpdate", "YouTubeDownload", "Service", "ServiceStatusHistory"),
    *("SessionToken", "RateLimit", "ActivityLog", "SystemConfig"),
    *("prisma:generate", "prisma:migrate", "prisma:migrate:prod", "prisma:seed", "prisma:studio", "prisma:reset"),
    *("migrate-prod.sh", "reset-dev-db.sh", "seed.ts", "prisma init", "migrate deploy", "migrate reset --force"),
    *("connectDatabase", "disconnectDatabase", "withTransaction", "checkDatabaseHealth", "getDatabaseStats"),
    *("$on('query')", "$on('error')", "$transaction", "$queryRaw", "global.prisma", "service.upsert"),
    *("systemConfig.upsert", "main()", "BaseRepository.paginate", "findMany", "count()"),
    *("UserWithoutSecrets", "PaginationParams", "PaginatedResult<T>", "@prisma/client", "LOG_LEVEL", "NODE_ENV"),
]


@pytest.mark.parametrize("name", SOURCE)
def test_everything_of_the_source_has_a_row(name: str) -> None:
    assert any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", old) for old, _cell in ROWS)


def test_every_row_has_a_home() -> None:
    for old, cell in ROWS:
        assert "`" in cell or cell.startswith(("nothing", "no ")) or old.startswith("**"), old


@pytest.mark.parametrize("home", HOMES)
def test_every_home_exists(home: str) -> None:
    if home.startswith(("just ", "medianest ", "aerich ")):
        return  # test_documentation.py looks these up; aerich's are not ours
    if "/" in home:
        assert (CHECKOUT / home).exists()
    elif home.isupper():
        assert home.lower() in Settings.model_fields
    elif home in LOGGERS:
        assert home in logging.Logger.manager.loggerDict
    else:
        expression = home.removeprefix("async with ").removesuffix(":")
        check(ast.parse(expression, mode="eval").body)


LOGGERS = {"medianest_models.query", "medianest_models.db"}


def check(node: ast.expr) -> Any:
    """Return the object that the expression names, and check its calls against the signatures."""
    match node:
        case ast.Name(id="medianest_models"):
            return medianest_models
        case ast.Name(id=name) if hasattr(medianest_models, name):
            return getattr(medianest_models, name)
        case ast.Name(id=name):
            return import_module(f"{repositories.__name__}.{name}")
        case ast.Attribute(value=value, attr=name):
            return attribute(check(value), name)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            inspect.signature(check(function)).bind(*arguments, **{str(keyword.arg): None for keyword in keywords})
            return QuerySet  # the only result whose methods are called
    raise AssertionError(f"{ast.unparse(node)} is no name and no call")


def attribute(owner: Any, name: str) -> Any:
    if inspect.ismodule(owner) and not hasattr(owner, name):
        return import_module(f"{owner.__name__}.{name}")
    if inspect.isclass(owner) and issubclass(owner, Model) and name in owner._meta.fields_map:
        return owner._meta.fields_map[name]
    found = getattr(owner, name)
    return partial(found, None) if owner is QuerySet else found  # a method of an instance
