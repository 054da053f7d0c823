"""The programs of the cluster: Debian's etcd and HAProxy, and Patroni in a virtual environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medianest_models.embedded.programs import Account

# By pip: Debian 12 has Patroni 3.0.2, which is older than PostgreSQL 16, and Debian 13 has another one. Not into this
# project's environment, because Patroni's dependencies are none of ours.
_PATRONI: Final = "patroni[etcd3,psycopg3]>=4.1.5,<4.2"
_PACKAGES: Final = {"etcd": "etcd-server", "haproxy": "haproxy"}
_PATH: Final = f"{os.defpath}:/usr/sbin"


class ClusterError(Exception):
    """The cluster can't be installed or started, or it does not get into a state."""


@dataclass(frozen=True)
class Parts:
    """The programs, and the user that runs them."""

    account: Account
    etcd: str
    haproxy: str
    patroni: tuple[str, ...]


def find_parts() -> Parts:
    """Find the programs; ClusterError without one of them."""
    programs = {name: shutil.which(name, path=_PATH) for name in _PACKAGES}
    missing = [name for name, found in programs.items() if found is None]
    if not _has_patroni():
        missing.append("patroni")
    if missing:
        raise ClusterError(f"there is no {', '.join(missing)}: run `python -m examples.cluster --install` first")
    python = str(_environment() / "bin" / "python")
    return Parts(_account(), str(programs["etcd"]), str(programs["haproxy"]), (python, "-m", "patroni"))


def install_parts() -> None:
    """Install what is missing: Debian's packages, which only root can, and Patroni; ClusterError if it fails."""
    packages = [package for name, package in _PACKAGES.items() if shutil.which(name, path=_PATH) is None]
    if packages:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise ClusterError(f"only root on Debian can install {' and '.join(packages)} here")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    if not _has_patroni():
        environment = _environment()
        _run(_python_for(_account()), "-m", "venv", "--clear", "--without-pip", str(environment))
        environment.parent.chmod(0o755)
        pip = [_own_python(), "-m", "pip", "--python", str(environment / "bin" / "python")]
        _run(*pip, "install", "--quiet", _PATRONI)
        _stamp().write_text(_PATRONI)
    find_parts()


def _account() -> Account:
    """Return the user of all programs: this one, or for root `nobody` in a separate group, as initdb needs a name."""
    return Account.for_server(Path("/"), Path("/nonexistent")).for_initdb()


def _environment() -> Path:
    """Return Patroni's virtual environment, which the account must be able to enter."""
    cache = Path("/var/cache") if os.geteuid() == 0 else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return cache.expanduser() / "medianest" / f"patroni-python{sys.version_info.major}.{sys.version_info.minor}"


def _has_patroni() -> bool:
    with suppress(FileNotFoundError):
        return _stamp().read_text() == _PATRONI
    return False


def _stamp() -> Path:
    return _environment() / ".medianest"


def _own_python() -> str:
    """Return the Python outside this project's environment: the one that surely has pip."""
    return str(Path(sys.base_prefix, "bin", "python3"))


def _python_for(account: Account) -> str:
    """Find a Python that the account can run; root's own may be in root's home."""
    # With a child of its own, which needs the path of the interpreter.
    child = "import subprocess, sys; subprocess.check_call([sys.executable, '-c', ''])"
    for python in (_own_python(), "/usr/bin/python3"):
        with suppress(OSError):
            if account.run(python, "-c", child, timeout=60).returncode == 0:
                return python
    raise ClusterError("there is no Python that an ordinary user can run")


def _run(*command: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, check=True, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClusterError(f"{' '.join(command)}: {error}") from error
