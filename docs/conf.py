"""Sphinx's configuration of the documentation, which `make docs` builds."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "hipnn-ts"
author = "the hipnn-ts developers"
version = release = installed("hipnn-ts")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # formulas without a network
    "numpydoc",
    "sphinx_click",
    "sphinx_copybutton",
]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["generated"]

# After the colon our docstrings state meaning, shape and unit, not types to link to.
numpydoc_xref_param_type = False
numpydoc_show_class_members = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_title = f"hipnn-ts {release}"
html_show_sourcelink = False
html_copy_source = False


def setup(app):
    """Make tables and plots from benchmarks/results before Sphinx reads any page."""
    from pygments.lexers.special import TextLexer

    from docs.rendering.pages import write_pages

    app.add_lexer("lammps", TextLexer)
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "generated"))
