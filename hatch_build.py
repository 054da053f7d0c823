"""The package's metadata that depends on the repository's address: its links, and those of the README."""

import re
from pathlib import Path
from typing import Any, Final

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK: Final = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
_PICTURE: Final = re.compile(r"\.png$")


class Links(MetadataHookInterface):
    """Makes the README's links absolute: a package index shows the README without the files beside it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`, from the `repository` in pyproject.toml and the version's tag."""
        repository, tag = self.config["repository"], f"v{metadata['version']}"

        def absolute(link: re.Match[str]) -> str:
            return f"]({repository}/{'raw' if _PICTURE.search(link[1]) else 'blob'}/{tag}/{link[1]})"

        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": _LINK.sub(absolute, text)}
        metadata["urls"] = {
            "Repository": repository,
            "Documentation": f"{repository}/tree/{tag}/docs",
            "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
            "Issues": f"{repository}/issues",
        }
