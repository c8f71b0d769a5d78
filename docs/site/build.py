"""Build the documentation site: `make docs`.

Pages that are written stand in docs/ and tutorials/; those of rules, distributions and public names are made from what the package says of
itself. All are put together in build/site/source, and become build/site/html. Nothing needs a network. Tutorials run once: their outputs
are kept in build/site/kept under a hash of their cells, and `--fresh` runs them again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import api_pages  # noqa: E402
import distribution_pages  # noqa: E402
import error_pages  # noqa: E402
import rule_pages  # noqa: E402
from links import broken_links  # noqa: E402

WIDGET = "application/vnd.jupyter.widget-view+json"


def assemble(source: Path, kept: Path, fresh: bool, tutorials: bool) -> None:
    """Put all pages together."""
    written = ("*.md", "decisions/*.md", "errors/*.md", "images/*")
    shutil.rmtree(source, ignore_errors=True)
    for pattern in written:
        for path in (ROOT / "docs").glob(pattern):
            copy(path, source / path.relative_to(ROOT / "docs"))
    for path in (HERE / "conf.py", HERE / "index.md", *(HERE / "static").iterdir(), *(HERE / "sections").glob("*.md")):
        copy(path, source / (path.relative_to(HERE) if path.parent != HERE / "sections" else Path(path.name)))
    decisions(source / "decisions")
    error_pages.write(source / "errors")
    counts = {"rules": rule_pages.write(source / "rules"), "distributions": distribution_pages.write(source / "distributions", kept / "figures"), "names": api_pages.write(source / "reference")}
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    (source / "tutorials").mkdir()
    titles = []
    for path in sorted((ROOT / "tutorials").glob("*.ipynb")):
        began = time.perf_counter()
        notebook = executed(path, kept / "tutorials", fresh) if tutorials else json.loads(path.read_text())
        (source / "tutorials" / path.name).write_text(json.dumps(shown(notebook)))
        titles.append(path.stem)
        if (seconds := time.perf_counter() - began) > 1:
            print(f"{path.name} ran in {seconds:.0f} s")
    listed = "\n".join(titles)
    (source / "tutorials" / "index.md").write_text(f"# Tutorials\n\nEach takes 15 to 25 minutes. They are notebooks in the folder `tutorials/`: here with their outputs, there to work with.\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


def copy(path: Path, to: Path) -> None:
    """Copy a file, and make its folder."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, to)


def decisions(folder: Path) -> None:
    """Write the list of decisions, by their titles."""
    lines = "\n".join(path.stem for path in sorted(folder.glob("[0-9]*.md")))
    (folder / "index.md").write_text(f"# Decisions\n\nWhat someone could reasonably question: what was chosen, what was not, and why.\n\n```{{toctree}}\n:maxdepth: 1\n\n{lines}\n```\n")


def executed(path: Path, kept: Path, fresh: bool) -> dict:
    """Return a notebook with its outputs: those that are kept, if its cells are as they were then."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    digest = hashlib.sha256("\0".join(c.cell_type + c.source for c in notebook.cells).encode()).hexdigest()[:16]
    at = kept / f"{path.stem}-{digest}.ipynb"
    if not at.exists() or fresh:
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
        kept.mkdir(parents=True, exist_ok=True)
        for old in kept.glob(f"{path.stem}-*.ipynb"):
            old.unlink()
        nbformat.write(notebook, at)
    return json.loads(at.read_text())


def shown(notebook: dict) -> dict:
    """Return a notebook as the site shows it: links within the site, of widgets what lasts, of cells that check claims nothing."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            # On the site the pages of docs/ stand one folder above tutorials.
            cell["source"] = "".join(cell["source"]).replace("](../docs/", "](../")
        if cell["cell_type"] != "code":
            continue
        if "claims" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"] = ["remove-cell"]
        cell["outputs"] = [o for o in cell.get("outputs", []) if WIDGET not in o.get("data", {})]
    return notebook


def main() -> int:
    """Build the site; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="run tutorials again")
    parser.add_argument("--without-outputs", action="store_true", help="do not run tutorials at all")
    options = parser.parse_args()
    began = time.perf_counter()
    site = ROOT / "build" / "site"
    assemble(site / "source", site / "kept", options.fresh, not options.without_outputs)
    made = time.perf_counter()
    from sphinx.cmd.build import build_main

    status = build_main(["-q", "-W", "--keep-going", "-j", "auto", "-b", "html", "-d", str(site / "doctrees"), str(site / "source"), str(site / "html")])
    broken = broken_links(site / "html")
    print(*broken, sep="\n", end="\n" if broken else "")
    pages = sum(1 for _ in (site / "html").rglob("*.html"))
    print(f"{pages} pages, {len(broken)} broken links; {made - began:.0f} s to put together, {time.perf_counter() - made:.0f} s to build: {(site / 'html' / 'index.html').relative_to(ROOT)}")
    return status or bool(broken)


if __name__ == "__main__":
    sys.exit(main())
