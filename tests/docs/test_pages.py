"""The pages of docs/: their code runs as it stands there, page by page; files, names and links that they speak of exist."""

import importlib
import re
from pathlib import Path

import pytest

import workbench as pm
import workbench.tensor as pt

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("errors/*.md"), *DOCS.glob("decisions/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
TEXT = {path: path.read_text() for path in PAGES}
GONE = {"docs/decisions": "decisions tell what was, when they were made"}
PRIVATE = {"pm.Bound": "PyMC 3's", "pm.traceplot": "shown for its error", "pt.inplace": "PyTensor's"}
"""Names that pages speak of because they are not here."""


def prose(text):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def anchors(text):
    """The places of a page that a link can lead to."""
    heads = re.findall(r"^#+ (.*)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(TEXT[path])):
        if target.startswith(("http:", "https:")):
            continue
        where, _, place = target.partition("#")
        to = (path.parent / where).resolve() if where else path
        if not to.exists() or (place and to.suffix == ".md" and place not in anchors(to.read_text())):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", [p for p in PAGES if "decisions" not in p.parts], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(path):
    named = re.findall(r"`((?:workbench|kernel_ext|tests|docs|js|benchmarks|tutorials)/[\w/.-]+)`", prose(TEXT[path]))
    assert [n for n in named if not (ROOT / n).exists() and not n.startswith("kernel_ext/static")] == []


@pytest.mark.parametrize("path", [p for p in PAGES if "decisions" not in p.parts], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_names_that_a_page_speaks_of_exist(path):
    missing = []
    for name in dict.fromkeys(re.findall(r"\b((?:pm|pt)(?:\.[A-Za-z_]\w*)+)", TEXT[path])):
        at = pm if name.startswith("pm.") else pt
        for part in name.split(".")[1:]:
            try:
                at = getattr(at, part)
            except AttributeError:
                try:
                    at = importlib.import_module(f"{at.__name__}.{part}")
                except (ImportError, AttributeError):
                    missing.append(name)
                    break
            if not isinstance(at, type) and not hasattr(at, "__path__") and type(at).__name__ != "module":
                break  # What a value has is seen when code runs.
    assert [n for n in missing if n not in PRIVATE] == []


@pytest.mark.parametrize("page", ["coming-from-pymc", "coming-from-stan", "coming-from-numpyro"])
def test_code_of_a_page_runs(page):
    namespace = {"__name__": page}
    found = re.findall(r"^```python\n(.*?)^```", TEXT[DOCS / f"{page}.md"], re.S | re.M)
    assert len(found) >= 3
    for block in found:
        exec(compile(block, f"<{page}>", "exec"), namespace)


def test_each_name_of_the_tables_is_called_as_it_is_written():
    """Calls in the last columns of tables have arguments that what they name takes."""
    import inspect

    wrong = []
    for page in ("pymc", "stan", "numpyro"):
        for line in TEXT[DOCS / f"coming-from-{page}.md"].splitlines():
            for name, arguments in re.findall(r"`(pm\.\w+)\(([^`]*)\)`", line.rpartition(" | ")[2] if page == "stan" else line):
                known = inspect.signature(getattr(pm, name[3:])).parameters
                takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
                wrong += [(name, k) for k in re.findall(r"(?<![\w.])(\w+)=", re.sub(r"\([^()]*\)", "", arguments)) if k not in known and not takes_any]
    assert wrong == []
