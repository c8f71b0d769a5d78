"""Sphinx's configuration; build.py puts the pages together and calls it."""

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml

import workbench

project = "workbench"
author = "the workbench's authors"
project_copyright = author
version = release = workbench.__version__
extensions = ["myst_nb", "sphinx_copybutton", "sphinx_design"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
# Notebooks come with their outputs: build.py runs them.
nb_execution_mode = "off"
nb_merge_streams = True
default_role = "code"
add_function_parentheses = False
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 88
html_theme = "furo"
html_title = "workbench"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_last_updated_fmt = None
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
html_math_renderer = "mathml"
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5c8f", "color-brand-content": "#0b5c8f", "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"},
    "dark_css_variables": {"color-brand-primary": "#79bdf0", "color-brand-content": "#79bdf0"},
}
# Of objects inside a docstring that have no page of their own.
suppress_warnings = ["ref.python", "misc.highlighting_failure"]


def _mathml(text, block):
    try:
        return tex2mathml(text, as_block=block)
    except MathError as error:
        raise ValueError(f"no formula: {text}: {error}") from None


def _visit_inline(self, node):
    from docutils.nodes import SkipNode

    self.body.append(_mathml(node.astext(), False))
    raise SkipNode


def _visit_block(self, node):
    from docutils.nodes import SkipNode

    self.body.append(f'<div class="math">{_mathml(node.astext(), True)}</div>')
    raise SkipNode


def setup(app):
    """Formulas as MathML, which browsers draw by themselves: no page needs a network."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
