"""The files of settings that `--env-file` names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Final

import asyncclick as click
from dotenv.parser import Binding, parse_stream

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def use_env_files(paths: Iterable[Path]) -> None:
    """Let the files override the environment, and later files earlier ones; read all of them first."""
    for values in [read_env_file(path) for path in paths]:
        names = {name.upper() for name in values}  # the settings heed a name in any case
        if "DATABASE_URL" in names:  # further ways to another database
            names |= {"DATABASE_DIRECT_URL", "DATABASE_REPLICA_URL"}
        for name in [name for name in os.environ if name.upper() in names]:
            del os.environ[name]
        os.environ.update(values)


def read_env_file(path: Path) -> dict[str, str]:
    """Read a file of NAME=value lines. It skips no bad line, because that line may be the one that sets production.

    Raises:
        click.BadParameter: A line sets no variable, or sets one again. The error gives only its number, because the
            line may hold a secret.
    """
    try:
        text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode()
    except OSError as error:
        raise _refused(f"{path}: can't be read ({type(error).__name__})") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _refused(f"{path}, line {line}: is not UTF-8") from None
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for binding in parse_stream(StringIO(text)):
        written = binding.original.string
        blank = len(written) - len(written.lstrip())
        line = binding.original.line + written.count("\n", 0, blank)
        problem = _problem(binding)
        if binding.key and problem is None and (first := lines.setdefault(binding.key.upper(), line)) != line:
            problem = f"sets again what line {first} sets"
        if problem:
            raise _refused(f"{path}, line {line}: {problem}")
        if binding.key:
            values[binding.key] = binding.value or ""
    return values


def _problem(binding: Binding) -> str | None:
    if binding.error:
        return "is no NAME=value"
    if binding.key is None:  # a comment, or nothing
        return None
    if not _NAME.fullmatch(binding.key):
        return "has no name of letters, digits and underscores before the ="
    if binding.value is None:
        return "gives no value: write NAME= for an empty one"
    if "\n" in binding.original.string.strip():
        return "has a quote that ends on another line"
    return "holds a NUL character" if "\0" in binding.value else None


def _refused(problem: str) -> click.BadParameter:
    return click.BadParameter(problem, param_hint="'--env-file'")
