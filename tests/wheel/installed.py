"""An installed wheel without extras: `.ci/wheel` runs this in a new environment, from an empty folder."""

import email
import re
import subprocess
import sysconfig
from collections import Counter
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import medianest_models

FILES = (
    "py.typed",
    "migrations/models/0_*.py",
    "examples/worker.py",
    "examples/portal/static/*.js",
    "examples/portal/templates/*.html",
    "examples/telemetry/*.json",
    "studio/static/*.css",
    "studio/templates/*.html",
)
NO_DEPENDENCIES = {"medianest_models", "pip", "setuptools", "_distutils_hack", "pkg_resources"}
MOST_MEGABYTES = 50


def main() -> None:
    """Check what the wheel holds, how its description links, how light it is, and that its command starts."""
    package = Path(str(files(medianest_models)))
    for pattern in FILES:
        assert list(package.glob(pattern)), pattern
    check_metadata()
    check_size()
    program = Path(sysconfig.get_path("scripts"), "medianest")
    for option in ("--version", "--help"):
        subprocess.run([program, option], stdout=subprocess.DEVNULL, check=True)


def check_metadata() -> None:
    """Check the version, and that no link leads to a file beside the README, which a package index does not have."""
    installed = distribution("medianest-models")
    assert installed.version == medianest_models.__version__
    description = email.message_from_string(installed.read_text("METADATA") or "").get_payload()
    assert isinstance(description, str)
    assert "# medianest_models" in description
    assert re.findall(r"\]\((?!https?:|#)[^)]*\)", description) == []


def check_size() -> None:
    """Check how much a worker's dependencies take on disk, without the bytecode that pip makes of them."""
    sizes: Counter[str] = Counter()
    bytecode = 0
    root = Path(sysconfig.get_path("purelib"))
    for file in (path for path in root.rglob("*") if path.is_file()):
        name = file.relative_to(root).parts[0].split("-")[0]
        if name not in NO_DEPENDENCIES:
            sizes[name] += file.stat().st_size if file.suffix != ".pyc" else 0
            bytecode += file.stat().st_size if file.suffix == ".pyc" else 0
    for name, size in sizes.most_common(10):
        print(f"{size / 1e6:6.1f} MB  {name}")
    print(f"{sizes.total() / 1e6:6.1f} MB  all dependencies, and {bytecode / 1e6:.1f} MB of bytecode")
    assert sizes.total() <= MOST_MEGABYTES * 1e6


main()
