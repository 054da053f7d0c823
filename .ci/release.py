"""Check that this checkout can be released as a tag: `python3 .ci/release.py v1.2.3`."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems(tag: str) -> Iterator[str]:
    """Say what the version, the changelog and the repository's address lack."""
    text = (ROOT / "medianest_models/_version.py").read_text()
    (version,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if tag != f"v{version}":
        yield f"medianest_models/_version.py: the version is {version}, and the tag {tag}"
    _, _, unreleased, *released = re.split(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    if not re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", released[0] if released else ""):
        yield f"CHANGELOG.md: the section after [Unreleased] is not that of {version}, with its date"
    elif unreleased.strip():
        yield "CHANGELOG.md: [Unreleased] is not empty"
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if ".invalid/" in configuration["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]:
        yield "pyproject.toml: the repository's address is still to be set"


if __name__ == "__main__":
    sys.exit("\n".join(problems(sys.argv[1])) or 0)
