"""PostgreSQL's client programs: finding those of a major version, and running them on a database."""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from medianest_models.embedded.programs import own_bindir, wheel_bindirs
from medianest_models.errors import BackupError, ConfigurationError
from medianest_models.settings import DatabaseUrl, load_settings

_PLACES: Final = (
    "/usr/lib/postgresql/{}/bin",  # Debian, Ubuntu
    "/usr/pgsql-{}/bin",  # PostgreSQL's own packages for Red Hat, Fedora and SUSE
    "/usr/libexec/postgresql{}",  # Alpine
    "/usr/lib/postgresql{}/bin",  # SUSE
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Library/PostgreSQL/{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
)
"""The folders of a major version's programs."""

_VERSION_SECONDS: Final = 10
_STOP_SECONDS: Final = 10
"""The time that a program gets to cancel its statement and end, before it is killed."""


def find_programs(major: int, *programs: str) -> Path:
    """Find the folder that has all of these programs in a major version of PostgreSQL.

    The search is in PG_BINDIR, the wheel of the `embedded` extra, the folders of the usual packages, and PATH.

    Raises:
        ConfigurationError: There is none; the message says what to install.
    """
    found: dict[str, None] = {}
    for folder in _candidates(major):
        version = _major(folder / programs[0])
        if version == major and all((folder / program).is_file() for program in programs):
            return folder
        if version is not None:
            found[f"{version} in {folder}"] = None
    known = f" (found: {', '.join(found)})" if found else ""
    raise ConfigurationError(
        f"{' and '.join(programs)} of PostgreSQL {major} are not installed here{known}: install the package "
        f"postgresql-client-{major} or its like, or set PG_BINDIR to the folder of these programs"
    )


def libpq_arguments(url: DatabaseUrl) -> tuple[str, dict[str, str]]:
    """Make the URL and the environment for a program of PostgreSQL.

    The password goes through the environment, because everyone on the machine can read a command line.
    """
    # libpq's variables win over some of what the URL says, and add to the rest.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if url.password:
        environment["PGPASSWORD"] = url.password.get_secret_value()
    return replace(url, password=None).for_libpq().get_secret_value(), environment


async def run_program(
    program: Path, *arguments: str, url: DatabaseUrl | None = None, stdout: int = subprocess.PIPE
) -> str:
    """Run a program, on the database of `url` if it has one, and return what it printed.

    If the caller is cancelled, the program is ended: it cancels its statement and the server rolls back.

    Raises:
        BackupError: The program failed; the message has the reason, without any row.
    """
    where, environment = libpq_arguments(url) if url else ("", dict(os.environ))
    environment["LC_ALL"] = "C"  # for _reason
    options = [f"--dbname={where}", "--no-password"] if url else []
    if url:
        seconds = url.connect_timeout or load_settings().database_connect_timeout
        environment["PGCONNECT_TIMEOUT"] = str(math.ceil(seconds))
    process = await asyncio.create_subprocess_exec(
        program,
        *options,
        *arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in a terminal is for this process, which ends the program in its own time
    )
    try:
        output, errors = await process.communicate()
    finally:
        await _end(process)
    if process.returncode != 0:
        raise BackupError(f"{program.name} failed: {_reason(errors.decode(errors='replace'), process.returncode)}")
    return (output or b"").decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            return
        process.kill()
    await process.wait()


def _candidates(major: int) -> Iterator[Path]:
    bindir = own_bindir(load_settings())
    if bindir is not None:
        yield bindir
    yield from wheel_bindirs()
    yield from (Path(place.format(major)) for place in _PLACES)
    yield from (Path(folder) for folder in os.get_exec_path() if Path(folder).is_absolute())


def _major(program: Path) -> int | None:
    """Return the major version of a program; None if it does not exist or can't be run."""
    if shutil.which(program) is None:
        return None
    try:
        ended = subprocess.run(  # noqa: S603 - no shell
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", ended.stdout)
    return int(match[1]) if match else None


def _reason(errors: str, status: int | None) -> str:
    """Return the first error that a program printed, without its details, which can contain a row."""
    lines = errors.strip().splitlines()
    for line in lines:
        before, error, text = line.partition("error: ")
        if error and ":" in before:
            copy = re.match(r'COPY failed for table "[^"]*"', text)  # what follows quotes a value
            return copy[0] if copy else text
    return lines[-1] if lines else f"it ended with status {status}"
