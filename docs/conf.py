"""The site: Sphinx's settings. `just site` builds it into build/site.

The pages are the Markdown files beside this one, which GitHub shows as they are; the reference comes from the
docstrings, and the help of the commands from the commands. Nothing is loaded from another host, neither by the build
nor by a reader's browser, and every link is relative, so the folder can be served by any web server under any path.
"""

import re
import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

from medianest_models import __version__

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT))  # for the extensions
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]

project = "medianest_models"
author = "MediaNest"
release = version = __version__
language = "en"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",  # which would leave out folders that begin with an underscore
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docs.extensions.public_names",
    "docs.extensions.columns",
    "docs.extensions.command_help",
    "docs.extensions.llms",
]
exclude_patterns = ["extensions"]
smartquotes = False

myst_heading_anchors = 4  # links such as operations.md#several-servers lead where they lead on GitHub
suppress_warnings = [
    "misc.highlighting_failure",  # psql's \gexec in a block of SQL
]

default_role = "py:obj"  # the docstrings' `name` is a link where there is something of that name
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90
nitpick_ignore_regex = [
    ("py:obj", ".*"),  # of the default role: any code
    ("py:class", r".*\.(\w*T|_\w+|Annotated|Listener|TransactionContext)"),  # type variables, and what callers get
    ("py:attr", r".*\.Configured\.CONFIGURED"),
    ("py:.*", r"(?!medianest_models).*"),  # of other packages: no network, no inventories
]

html_theme = "furo"
pygments_dark_style = "github-dark"  # the default one underlines names
html_title = f"medianest_models {__version__}"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["site.css"]
html_use_index = False  # no page leads to it: the search and the reference do more
html_domain_indices = False
html_show_copyright = False
html_copy_source = True  # llms.txt leads to the pages' sources
html_show_sourcelink = False

LINK_OUT = re.compile(r"\]\(\.\./([^)]+)\)")


def link_out(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Lead the links to files that are not of the site to the repository, as hatch_build.py does for the README."""
    text = source[0].replace("](../CHANGELOG.md)", "](/reference/changelog.md)")
    source[0] = LINK_OUT.sub(rf"]({REPOSITORY}/blob/v{__version__}/\1)", text)


def hide_addresses(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show no address in memory in the signature of a function, such as those of FastAPI's dependencies."""
    return signature and re.sub(r" object at 0x[0-9a-f]+", "", signature), returned


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect("source-read", link_out)
    app.connect("autodoc-process-signature", hide_addresses)
