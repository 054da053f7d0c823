"""Sets up an environment for this checkout and runs a recipe of the justfile in it.

    python3 dev.py setup      an embedded PostgreSQL, migrated and seeded
    python3 dev.py test       the whole test suite
    python3 dev.py            the list of recipes

It needs Python 3.11 with pip, and nothing else. The packages go into the virtual environment that runs this
file, or else into `.venv` beside it; a second run finds them there.
"""

import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent
EXTRA_FOR = {
    "test": "dev",
    "lint": "dev",
    "bench": "bench",
    "bench-plot": "bench",
    "studio": "local,studio",
    "demo-data": "local,studio",
}


def main() -> int:
    """Sets up, runs, and gives the recipe's exit status."""
    if sys.version_info < (3, 11):
        return complain(f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}: {sys.executable}")
    arguments = sys.argv[1:] or ["--list"]
    environment = Path(sys.prefix) if sys.prefix != sys.base_prefix else ROOT / ".venv"
    try:
        status = install(environment, EXTRA_FOR.get(arguments[0], "local"))
    except OSError as error:
        return complain(f"the environment {environment} can't be made: {error}")
    if status != 0:
        return complain("the packages could not be installed; what pip said stands above")
    programs = scripts(environment)
    variables = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(environment),
    }
    try:
        status = subprocess.call([str(programs / "just"), *arguments], cwd=ROOT, env=variables)
    except KeyboardInterrupt:
        return 130
    if status == 0 and arguments == ["setup"] and environment != Path(sys.prefix):
        print(f"For the commands in this shell: . {shlex.quote(os.path.relpath(programs / 'activate'))}")
    return status


def install(environment: Path, extra: str) -> int:
    """Installs the package with an extra of pyproject.toml, unless that was done already; pip's exit status."""
    digest = hashlib.sha256(f"{sys.version}{ROOT}".encode() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = environment / f".medianest-{extra}"
    if stamp.is_file() and stamp.read_text() == digest:
        return 0
    python = scripts(environment) / Path(sys.executable).name
    if not python.exists():
        print(f"Making the environment {environment}", flush=True)
        # Debian's Python has no ensurepip without a package of its own: then the outer pip serves.
        with_pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        if status := subprocess.call([sys.executable, "-m", "venv", *with_pip, str(environment)]):
            return status
        python = scripts(environment) / "python"
    print("Installing packages", flush=True)
    status = subprocess.call(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--editable", f"{ROOT}[{extra}]"]
    )
    if status == 0:
        stamp.write_text(digest)
    return status


def scripts(environment: Path) -> Path:
    """The folder of an environment's programs."""
    folder = sysconfig.get_path("scripts", scheme="venv", vars={"base": str(environment)})
    return Path(folder)


def complain(message: str) -> int:
    """Says on one line what went wrong; the exit status for it."""
    print(f"dev.py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
