"""Every path, command, option, recipe and module that the documentation names exists."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import asyncclick as click
import pytest

from medianest_models.cli.application import application, load_command
from tests.conftest import CHECKOUT

PAGES: Final = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
PACKAGE: Final = CHECKOUT / "medianest_models"
ROOMS: Final = {path.stem for path in PACKAGE.iterdir() if not path.stem.startswith("_")}
RECIPES: Final = set(re.findall(r"^([a-z-]+)[^:=\n]*:$", (CHECKOUT / "justfile").read_text(), re.MULTILINE))
MADE_LATER: Final = (".medianest", ".venv", ".env.production", "build/", "pgdata/")
PATH: Final = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
FILE: Final = re.compile(r"/|\.(py|md|toml)$|^justfile$")

LOGGERS: Final = {
    name for path in PACKAGE.rglob("*.py") for name in re.findall(r'getLogger\("([\w.]+)"\)', path.read_text())
}
MODULE: Final = re.compile(rf"medianest_models(\.\w+)+|({'|'.join(ROOMS)})(\.\w+){{2,}}")


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    """Return each page in turn."""
    path: Path = request.param
    return path


def code(page: Path) -> list[str]:
    """Return the inline code of a page, and each line of its shell examples."""
    text = page.read_text()
    if page.name == "from-prisma.md":  # its first column has old names; test_from_prisma.py checks the other one
        text = re.sub(r"^\|[^|]*\|", "|", text, flags=re.MULTILINE)
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return lines + [" ".join(piece.split()) for piece in inline]


def commands(page: Path) -> list[list[str]]:
    """Return this project's commands among them, as words, without variables before them."""
    ours = (re.sub(r"^(\w+=\S* )+", "", piece) for piece in code(page))
    return [shlex.split(piece) for piece in ours if re.match(r"(medianest|just|pytest|python3? |bash )", piece)]


def problem(words: list[str]) -> str | None:
    """Return the problem of a command."""
    match words:
        case ["medianest", *rest]:
            return wrong_words(rest)
        case ["just" | "pytest" | "python3" | "python"]:
            return None
        case ["just", recipe, *_] | ["python3", "dev.py", recipe, *_]:
            return None if recipe in RECIPES else f"there is no recipe {recipe}"
        case ["python3" | "python", "-m", module, *_]:
            return None if find_spec(module) else f"there is no module {module}"
    return None


def wrong_words(words: list[str], command: click.Command = application) -> str | None:
    """Name the word that the command would reject."""
    if not words:
        return None
    first, rest = words[0], words[1:]
    if not first.startswith("-"):
        if not isinstance(command, click.Group):
            takes = any(isinstance(parameter, click.Argument) for parameter in command.params)
            return wrong_words(rest, command) if takes else f"{command.name} takes no {first}"
        if first not in command.commands:
            return f"there is no command {first}"
        stub = command.commands[first]
        return wrong_words(rest, load_command(stub) if command is application else stub)
    option = next((o for o in command.params if first in {*o.opts, *o.secondary_opts}), None)
    if option is None:
        unknown = first not in {"-h", "--help"} and not command.context_settings.get("ignore_unknown_options")
        return f"{command.name} has no option {first}" if unknown else None
    return wrong_words(rest if getattr(option, "is_flag", False) else rest[1:], command)


def test_every_command_exists(page: Path) -> None:
    problems = [f"`{shlex.join(words)}`: {said}" for words in commands(page) if (said := problem(words))]
    assert problems == []


def test_every_path_exists(page: Path) -> None:
    words = {word.partition("::")[0] for piece in code(page) for word in piece.split()}
    paths = {word for word in words if PATH.fullmatch(word) and FILE.search(word) and not word.startswith(MADE_LATER)}
    folders = (CHECKOUT, PACKAGE, page.parent)
    assert [path for path in sorted(paths) if not any((folder / path).exists() for folder in folders)] == []


def test_every_module_exists(page: Path) -> None:
    modules = {piece for piece in code(page) if MODULE.fullmatch(piece)} - LOGGERS
    assert [name for name in sorted(modules) if not is_there(name.removeprefix("medianest_models."))] == []


def is_there(name: str) -> bool:
    """Return whether the name is that of a module of the package, or of an attribute."""
    found: Any = import_module("medianest_models")
    for part in name.split("."):
        if not hasattr(found, part) and not find_spec(f"{found.__name__}.{part}"):
            return False
        try:
            found = getattr(found, part, None) or import_module(f"{found.__name__}.{part}")
        except ModuleNotFoundError:
            return True  # it needs an extra that is not installed
    return True


def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("medianest db nope", "there is no command nope"),
        ("medianest db reset --force", "reset has no option --force"),
        ("medianest --env-file x db migrate --dry", "migrate has no option --dry"),
        ("medianest studio 5555", "studio takes no 5555"),
        ("just nope", "there is no recipe nope"),
        ("python3 dev.py nope x", "there is no recipe nope"),
        ("python -m benchmarks.nope", "there is no module benchmarks.nope"),
        ("medianest db psql -Atc 'SELECT 1'", None),
        ("medianest prune --history 3 --json", None),
        ("medianest studio --read-write --port 0", None),
    ],
)
def test_what_is_wrong_is_found(command: str, said: str | None) -> None:
    assert problem(shlex.split(command)) == said
