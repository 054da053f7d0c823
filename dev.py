"""Set up an environment for this checkout and run a recipe of the justfile in it.

    python3 dev.py setup      an embedded PostgreSQL, migrated and seeded
    python3 dev.py test       the whole test suite; or, quickly, the tests of a PATH
    python3 dev.py            the list of recipes

It needs only Python 3.11 with pip. The packages go into the virtual environment that runs this file, or else into
`.venv` beside it; a second run finds them there.
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
    "lint": "dev",
    "site": "local,docs",
    "bench": "bench",
    "bench-plot": "bench",
    "bench-history": "local,studio",
    "bench-growth": "local",
    "studio": "local,studio",
    "demo-data": "local,studio",
}
TESTS = ROOT / "tests"
NEED_MORE = [
    TESTS / name
    for name in ("benchmarks", "browser", "cluster", "docs", "examples", "leaks", "studio", "telemetry", "web")
]
"""The tests that need more packages than those of the extra `test`."""


def main() -> int:
    """Set up, run the recipe, and return its exit status."""
    if sys.version_info < (3, 11):
        return complain(f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}: {sys.executable}")
    arguments = sys.argv[1:] or ["--list"]
    paths = test_paths(arguments[1:]) if arguments[0] == "test" else []
    for path in paths:
        if not path.exists():
            return complain(f"there is no {os.path.relpath(path, ROOT)}", status=4)  # pytest's own status for that
    environment = Path(sys.prefix) if sys.prefix != sys.base_prefix else ROOT / ".venv"
    try:
        status = install(environment, extra_for(arguments, paths))
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


def test_paths(arguments: list[str]) -> list[Path]:
    """Return the files and folders of tests among pytest's arguments."""
    paths = [ROOT / argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    return [path for path in paths if path.suffix == ".py" or path.is_relative_to(TESTS)]


def extra_for(arguments: list[str], paths: list[Path]) -> str:
    """Return the extra that a recipe needs; for paths of tests, the small one if it is enough."""
    if arguments[0] != "test":
        return EXTRA_FOR.get(arguments[0], "local")
    more = any(path.is_relative_to(needs) or needs.is_relative_to(path) for path in paths for needs in NEED_MORE)
    options = any(argument.startswith("--") for argument in arguments) or "MEDIANEST_TEST_SERVER" in os.environ
    return "test" if paths and not more and not options else "dev"


def install(environment: Path, extra: str) -> int:
    """Install the package with an extra of pyproject.toml, unless that was done already; return pip's exit status."""
    stamp, whole = environment / f".medianest-{extra}", environment / ".medianest-dev"  # with all other extras
    if any(done.is_file() and done.read_text() == digest() for done in (stamp, whole)):
        return 0
    python = scripts(environment) / Path(sys.executable).name
    if not python.exists():
        print(f"Making the environment {environment}", flush=True)
        # Debian's Python has no ensurepip without a separate package: then use the outer pip.
        with_pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
        if status := subprocess.call([sys.executable, "-m", "venv", *with_pip, str(environment)]):
            return status
        python = scripts(environment) / "python"
    print("Installing packages", flush=True)
    status = subprocess.call(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--editable", f"{ROOT}[{extra}]"]
    )
    if status == 0:
        stamp.write_text(digest())
    return status


def digest() -> str:
    """Return the stamp's contents: a digest of the Python, the folder and the packages."""
    return hashlib.sha256(f"{sys.version}{ROOT}".encode() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def scripts(environment: Path) -> Path:
    """Return the folder of an environment's programs."""
    folder = sysconfig.get_path("scripts", scheme="venv", vars={"base": str(environment)})
    return Path(folder)


def complain(message: str, status: int = 1) -> int:
    """Print the problem in one line, and return the exit status for it."""
    print(f"dev.py: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
